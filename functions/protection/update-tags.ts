import { mapConcurrently } from '../../shared/concurrency.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { byUrgency, type ImageExpiry, type RepositoryToCheck } from '../../shared/domain/retention/image-expiry.ts';
import type { LifecycleForecast } from '../../shared/domain/retention/lifecycle-forecast.ts';
import { isProtectingTag, protectingTag } from '../../shared/domain/retention/protecting-tag.ts';
import {
  type ProtectionRefusal,
  repositoryRefusal,
  tagRefusal,
  tagsToRemove,
} from '../../shared/domain/retention/protection.ts';
import { ImageGoneError, TaggerUnreachableError, TagImmutableError } from '../../shared/ports/acting-errors.ts';
import type { SwitchLedger } from '../../shared/ports/kill-switch.ts';
import type { ProtectingTags } from '../../shared/ports/protecting-tags.ts';
import type { ListedRepository, RepositoryExpiries } from './forecast-repository.ts';

/** PutImage takes 10 calls a second: https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html */
const TAGS_AT_ONCE = 2;

export interface UpdateTagsPorts {
  readonly killSwitch: Pick<SwitchLedger, 'read'>;
  readonly tags: ProtectingTags;
}

export interface TagUpdate {
  readonly expiries: readonly ImageExpiry[];
  /** Protecting tags in the repository; absent if it was not listed. */
  readonly tagged?: number;
  /** Why a tag was not added or removed; reported with the expiry. */
  readonly failed?: Failure;
}

interface Failure {
  readonly error: unknown;
}

/**
 * Adds a tag that a lifecycle rule keeps to images that will expire, and removes tags of images no longer in use. Acts
 * only if the policy asks for it and lets the stream act, and Patchwave is not paused. Images that cannot be protected
 * stay reported, with the reason. Never throws: a failure must hide no expiry.
 */
export async function updateTags(
  ports: UpdateTagsPorts,
  policy: Policy,
  checked: RepositoryToCheck & { readonly mayRemoveTags: boolean },
  { expiries, listed, isGone }: RepositoryExpiries,
): Promise<TagUpdate> {
  if (!listed) return { expiries, ...(isGone && { tagged: 0 }) };
  const protectedNow = listed.images.flatMap(({ tags }) => tags.filter(isProtectingTag)).length;
  if (policy.protection !== 'tag') return { expiries, tagged: protectedNow };
  const isPaused = await attempt(async () => (await ports.killSwitch.read()).rebuilding === 'paused');
  if (isPaused.failed) return { expiries, tagged: protectedNow, failed: isPaused.failed };
  const held = repositoryRefusal(policy, checked.location, isPaused.value);
  if (held) return { expiries: expiries.map((expiry) => refused(expiry, held)), tagged: protectedNow };
  const answers = await protectAll(ports, checked, listed, expiries);
  const left = answers.flatMap(({ expiry }) => expiry ?? []);
  const taken = checked.mayRemoveTags ? await removeTags(ports, checked, listed) : [];
  const put = new Set(expiries.filter((expiry) => !left.some(({ digest }) => digest === expiry.digest)).map(targetOf));
  const [failed] = [...answers, ...taken].flatMap((answer) => answer.failed ?? []);
  const tagged = protectedNow + put.size - taken.filter((answer) => answer.value).length;
  return { expiries: left, tagged, ...(failed && { failed }) };
}

type Attempt<Value> =
  | { readonly value: Value; readonly failed?: undefined }
  | { readonly value?: undefined; readonly failed: Failure };

async function attempt<Value>(call: () => Promise<Value>): Promise<Attempt<Value>> {
  try {
    return { value: await call() };
  } catch (error) {
    return { failed: { error } };
  }
}

const targetOf = ({ digest, expiryState }: ImageExpiry): Digest =>
  expiryState.state === 'expires' ? (expiryState.expiry.through ?? digest) : digest;

/** Only an image with a forecast expiry can be protected; others are reported unchanged. */
const refused = (expiry: ImageExpiry, refusal: ProtectionRefusal): ImageExpiry =>
  expiry.expiryState.state === 'expires' ? { ...expiry, refusal } : expiry;

interface ProtectionAnswer {
  readonly expiry?: ImageExpiry;
  readonly failed?: Failure;
}

/** In sequence, earliest expiry first: each one sees the tags added before it. */
async function protectAll(
  ports: UpdateTagsPorts,
  checked: RepositoryToCheck,
  listed: ListedRepository,
  expiries: readonly ImageExpiry[],
): Promise<readonly ProtectionAnswer[]> {
  const answers: ProtectionAnswer[] = [];
  let { forecast } = listed;
  for (const expiry of expiries.toSorted(byUrgency)) {
    const { after, ...answer } = await protectImage(ports, checked, { ...listed, forecast }, expiry);
    forecast = after ?? forecast;
    answers.push(answer);
  }
  return answers;
}

async function protectImage(
  { tags }: UpdateTagsPorts,
  checked: RepositoryToCheck,
  listed: ListedRepository,
  expiry: ImageExpiry,
): Promise<ProtectionAnswer & { readonly after?: LifecycleForecast }> {
  if (expiry.expiryState.state !== 'expires') return { expiry };
  const digest = targetOf(expiry);
  const { rules, forecast: before } = listed;
  const image = listed.images.find((one) => one.digest === digest);
  if (!image) return { expiry };
  const { location, nowEpochMs, horizonMs } = checked;
  const after = before.withTag(digest, protectingTag(digest));
  const inputs = { rules, image, expiry: expiry.expiryState.expiry, untilEpochMs: nowEpochMs + horizonMs };
  const refusal = tagRefusal({ ...inputs, needed: neededOf(checked, listed), before, after });
  if (refusal) return { expiry: { ...expiry, refusal } };
  const { failed } = await attempt(() => tags.tag(location, digest, protectingTag(digest)));
  if (!failed) return { after };
  const { error } = failed;
  const isRefused =
    error instanceof TaggerUnreachableError || error instanceof TagImmutableError || error instanceof ImageGoneError;
  if (isRefused) return { expiry: { ...expiry, refusal: { reason: 'not-permitted', detail: error.message } } };
  // It is unknown whether the tag was added, so later images count it.
  return { expiry, failed, after };
}

/** Images in use under any digest, and the indexes that contain them. */
const neededOf = ({ used }: RepositoryToCheck, { holders }: ListedRepository): ReadonlySet<Digest> =>
  new Set([...used.flatMap(({ digest, askedAs }) => [digest, ...askedAs]), ...[...holders.values()].flat()]);

/** For each tag to remove, whether it is gone. A tag that may not be removed stays. */
function removeTags(
  { tags }: UpdateTagsPorts,
  checked: RepositoryToCheck,
  listed: ListedRepository,
): Promise<readonly Attempt<boolean>[]> {
  const free = tagsToRemove(listed.images, neededOf(checked, listed), listed.moves);
  return mapConcurrently(free, TAGS_AT_ONCE, async ({ tag }) => {
    const taken = await attempt(() => tags.untag(checked.location, tag, listed.moves));
    return taken.failed?.error instanceof TaggerUnreachableError ? { value: false } : taken;
  });
}
