import type { Digest, ImageLocation } from '../image/image.ts';
import type { Mode, Policy } from '../policy/policy.ts';
import { stricter, strictestMode } from '../stream/mode.ts';
import { streamRulesOf } from '../stream/stream.ts';
import { expiryAtEpochMs, type ImageForecast, type ScheduledExpiry } from './image-forecast.ts';
import type { ListedArtifact } from './lifecycle-forecast.ts';
import { type LifecycleRule, selects } from './lifecycle-policy.ts';
import { isNamedWithout, PROTECTING_PREFIX, protectingTag } from './protecting-tag.ts';

/** Why an expiring image got no tag, and what to do. */
export interface ProtectionRefusal {
  readonly reason: 'paused' | 'report-only' | 'no-covering-rule' | 'covering-rule-too-tight' | 'not-permitted';
  readonly detail: string;
}

/**
 * Whether Patchwave may add tags in a repository; `undefined` if it may. The strictest mode of all rules for the
 * repository applies; without a rule it may not.
 */
export function repositoryRefusal(
  policy: Policy,
  location: ImageLocation,
  isPaused: boolean,
): ProtectionRefusal | undefined {
  if (isPaused) return { reason: 'paused', detail: 'Patchwave is paused. Resume it with `patchwave resume`.' };
  const [first, ...others] = streamRulesOf(policy, location).map(({ id, tier, owner, account }) =>
    strictestMode(policy, { tier, owner, accounts: [account], rule: id }),
  );
  const mode = first && others.reduce<Mode>(stricter, first);
  if (mode === 'enforce') return undefined;
  if (mode === 'paused')
    return { reason: 'paused', detail: 'The mode of its stream is `paused` in the policy. Set it to `enforce`.' };
  const detail = mode
    ? 'The mode of its stream is `report-only` in the policy. Set it to `enforce`.'
    : 'No stream of the policy names the repository. Add a stream rule for it, with mode `enforce`.';
  return { reason: 'report-only', detail };
}

/** The forecast for images, and for one with other tags than its own. */
export interface TagForecast {
  forecastOf(digest: Digest): ImageForecast | undefined;
  forecastWithTags(digest: Digest, tags: readonly string[]): ImageForecast | undefined;
}

export interface ProtectionInputs {
  readonly rules: readonly LifecycleRule[];
  readonly image: Pick<ListedArtifact, 'digest' | 'tags'>;
  readonly expiry: ScheduledExpiry;
  /** A later expiry counts as kept. */
  readonly untilEpochMs: number;
  /** Images that must not expire because of the tag. */
  readonly needed: ReadonlySet<Digest>;
  /** Forecasts without and with the protecting tag, both with the tags added earlier for other images. */
  readonly before: TagForecast;
  readonly after: TagForecast;
}

/**
 * Whether a protecting tag would keep an image. That needs an earlier rule than the expiring one that covers the tag,
 * claims the image even if the tag is its last one, keeps it long enough, and expires no needed image instead.
 * @returns `undefined` if it would
 */
export function tagRefusal(inputs: ProtectionInputs): ProtectionRefusal | undefined {
  const { rules, image, expiry, untilEpochMs, needed, before, after } = inputs;
  const tag = protectingTag(image.digest);
  const covering = rules.find((rule) => rule.priority <= expiry.rule && covers(rule, tag));
  if (!covering) return { reason: 'no-covering-rule', detail: adviceFor(rules, expiry.rule) };
  const { priority } = covering;
  const forecasts = [[...image.tags, tag], [tag]].map((tags) => after.forecastWithTags(image.digest, tags));
  const isByOther = forecasts.every((forecast) => forecast?.state !== 'expires' || forecast.expiry.rule < expiry.rule);
  // The forecast covers pushes that move some of its tags.
  const isKept = [...forecasts, after.forecastOf(image.digest)].every(
    (forecast) => forecast && forecast.state !== 'unknown' && atOf(forecast) > untilEpochMs,
  );
  if (!isByOther || !isKept)
    return tooTight(`Rule ${priority} covers the tag ${tag}, but would itself soon delete or archive the image.`);
  const inItsPlace = [...needed].find((digest) => {
    const forecast = after.forecastOf(digest);
    const at = atOf(forecast);
    return (
      forecast?.state === 'expires' &&
      forecast.expiry.rule === priority &&
      at <= untilEpochMs &&
      at < atOf(before.forecastOf(digest))
    );
  });
  if (inItsPlace === undefined) return undefined;
  return tooTight(`Rule ${priority} covers the tag ${tag}, but would soon delete or archive ${inItsPlace} instead.`);
}

const atOf = (forecast: ImageForecast | undefined): number =>
  forecast?.state === 'expires' ? expiryAtEpochMs(forecast.expiry.when) : Number.POSITIVE_INFINITY;

const tooTight = (why: string): ProtectionRefusal => ({
  reason: 'covering-rule-too-tight',
  detail: `${why} Raise its limit, or add an earlier rule for tags that begin with ${PROTECTING_PREFIX}.`,
});

const covers = ({ selection }: LifecycleRule, tag: string): boolean =>
  selection?.tagStatus === 'tagged' && selects(selection, { tags: [tag], archived: false });

/** The rule to add, in the format of ECR. */
function adviceFor(rules: readonly LifecycleRule[], before: number): string {
  const taken = new Set(rules.map(({ priority }) => priority));
  let rulePriority = before - 1;
  while (taken.has(rulePriority)) rulePriority -= 1;
  const rule = {
    rulePriority: Math.max(rulePriority, 1),
    description: 'Images in use',
    selection: {
      ...{ tagStatus: 'tagged', tagPrefixList: [PROTECTING_PREFIX] },
      ...{ countType: 'imageCountMoreThan', countNumber: 10_000 },
    },
    action: { type: 'expire' },
  };
  const others = rulePriority < 1 ? ', and give the existing rules higher numbers' : '';
  return `No rule before rule ${before} covers tags that begin with ${PROTECTING_PREFIX}. Add ${JSON.stringify(rule)} to the lifecycle policy${others}.`;
}

/**
 * Protecting tags that are no longer needed. The last tag of an image stays, because the image would expire with it; so
 * does one whose other tags the next build moves.
 */
export const tagsToRemove = (
  images: readonly Pick<ListedArtifact, 'digest' | 'tags'>[],
  needed: ReadonlySet<Digest>,
  moves: (tag: string) => boolean,
): readonly { readonly digest: Digest; readonly tag: string }[] =>
  images.flatMap(({ digest, tags }) => {
    const own = protectingTag(digest);
    const isFree = tags.includes(own) && !needed.has(digest) && isNamedWithout(tags, moves);
    return isFree ? [{ digest, tag: own }] : [];
  });
