import { matchesAnyGlob } from '../common/glob.ts';
import { DAY_MS } from '../common/time.ts';
import type { Digest } from '../image/image.ts';
import type { ImageProperties } from '../image/image-properties.ts';
import type { LineageEvidence } from '../lineage/parent.ts';
import type { AppliedPolicy } from '../policy/applied-policy.ts';
import type { Policy, Waiver } from '../policy/policy.ts';
import type { Finding } from '../scan/finding.ts';
import type { Reason } from './verdict.ts';

/** A waiver is valid to the end of the day `expires`, UTC. */
export const voidFromEpochMs = ({ expires }: Pick<Waiver, 'expires'>): number => Date.parse(expires) + DAY_MS;

/** How long an image that runs may start after its waiver ended; nothing without doors. */
export const graceOfDoorsMs = (doors: Policy['doors']): number => (doors?.graceRunningDays ?? 0) * DAY_MS;

export const isInForce = (waiver: Pick<Waiver, 'created' | 'expires'>, nowEpochMs: number): boolean =>
  Date.parse(waiver.created) <= nowEpochMs && nowEpochMs < voidFromEpochMs(waiver);

type WaivedImage = Pick<ImageProperties, 'locations' | 'references' | 'moreReferences' | 'owner'>;

/** An ancestor, with what its waivers may cover in its descendants. */
export interface WaivedAncestor extends WaivedImage {
  readonly digest: Digest;
  /** The findings of its last complete scan; absent if they are not at hand: then no finding is inherited from it. */
  readonly findings?: readonly Finding[];
}

/** A waiver of a reason. */
export interface Acceptance {
  readonly waiver: Waiver;
  /** The ancestor with the waiver; absent if it is the image's own. */
  readonly through?: Digest;
}

/**
 * The parent evidence along which a waiver is inherited. Anybody can write a label, so a label extends no waiver; and
 * an image that was only pushed later than another one with the same content is not built on it.
 */
export const WAIVED_ALONG: readonly LineageEvidence[] = ['layers', 'history', 'diff-ids', 'declared'];

/**
 * The longest waiver of a reason, among equal ones the image's own; `undefined` if there is none. A waiver of an
 * ancestor covers what the image inherits: a finding of the same package in the same version, or an age that the
 * ancestor decides. It does not cover what the image added itself.
 */
export function waiverOf(
  waivers: readonly Waiver[],
  image: WaivedImage,
  reason: Reason,
  nowEpochMs: number,
  ancestors: readonly WaivedAncestor[] = [],
): Acceptance | undefined {
  const named = waivers.filter((waiver) => names(waiver, reason) && isInForce(waiver, nowEpochMs));
  const accepted = named.flatMap((waiver): readonly Acceptance[] => {
    if (coversImage(waiver, image)) return [{ waiver }];
    const below = ancestors.find((ancestor) => coversImage(waiver, ancestor) && isInherited(reason, ancestor));
    return below ? [{ waiver, through: below.digest }] : [];
  });
  return accepted.sort(
    (one, other) =>
      voidFromEpochMs(other.waiver) - voidFromEpochMs(one.waiver) ||
      Number(one.through !== undefined) - Number(other.through !== undefined) ||
      (one.waiver.id < other.waiver.id ? -1 : 1),
  )[0];
}

/** The last instant at which a waiver of the policy ended that covered a reason of the image itself; `undefined` without one. */
export function endOfWaivers(
  waivers: readonly Waiver[],
  image: WaivedImage,
  reason: Reason,
  nowEpochMs: number,
): number | undefined {
  const ends = waivers
    .filter((waiver) => names(waiver, reason) && coversImage(waiver, image))
    .map(voidFromEpochMs)
    .filter((endEpochMs) => endEpochMs <= nowEpochMs);
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/**
 * The last instant at which a waiver ended that covered an objection to the image, or at which a policy without that waiver came;
 * `undefined` without one. Several rules may give one objection: it is covered while each of them is waived.
 * @param reasonsUnder the objection as a policy gives it: a waiver names its rule there
 */
export function endOfWaiversOf(
  applied: readonly AppliedPolicy[],
  { image, ancestors = [] }: { readonly image: WaivedImage; readonly ancestors?: readonly WaivedAncestor[] },
  reasonsUnder: (one: AppliedPolicy) => readonly Reason[],
  nowEpochMs: number,
): number | undefined {
  const ends = applied.flatMap((one) => {
    const { policy, fromEpochMs, untilEpochMs = nowEpochMs } = one;
    const begun = policy.waivers.filter(({ created }) => Date.parse(created) < untilEpochMs);
    const ofEach = reasonsUnder(one).map((reason) =>
      Math.max(
        ...begun
          .filter((waiver) => coversReason(waiver, image, reason, ancestors))
          .map((waiver) => Math.min(voidFromEpochMs(waiver), untilEpochMs)),
      ),
    );
    const endEpochMs = Math.min(...ofEach);
    return endEpochMs > fromEpochMs && Number.isFinite(endEpochMs) ? [endEpochMs] : [];
  });
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/** Whether a waiver, as the policy has it now, covers the reason that it waived; of one of an ancestor its scope is taken on trust. */
export const stillCovers = (waiver: Waiver, image: WaivedImage, reason: Reason): boolean =>
  names(waiver, reason) && (reason.waivedThrough !== undefined || coversImage(waiver, image));

/** Whether a waiver covers a reason of the image, by itself or through an ancestor; its days are not asked. */
export const coversReason = (
  waiver: Waiver,
  image: WaivedImage,
  reason: Reason,
  ancestors: readonly WaivedAncestor[],
): boolean =>
  names(waiver, reason) &&
  (coversImage(waiver, image) ||
    ancestors.some((ancestor) => coversImage(waiver, ancestor) && isInherited(reason, ancestor)));

/** The same of the waivers of ancestors, of what the image inherits from them. */
export function endOfInheritedWaivers(
  waivers: readonly Waiver[],
  reason: Reason,
  nowEpochMs: number,
  ancestors: readonly WaivedAncestor[],
): number | undefined {
  const below = ancestors.filter((ancestor) => isInherited(reason, ancestor));
  const ends = below.flatMap((ancestor) => endOfWaivers(waivers, ancestor, reason, nowEpochMs) ?? []);
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/**
 * Waivers that do not cover an image but may cover what it inherits: those in force, and those that ended within the grace in
 * which doors still let start what runs.
 */
export const waiversOfOthers = (
  waivers: readonly Waiver[],
  image: WaivedImage,
  nowEpochMs: number,
  graceMs: number,
): readonly Waiver[] =>
  waivers.filter(
    (waiver) =>
      Date.parse(waiver.created) <= nowEpochMs &&
      nowEpochMs < voidFromEpochMs(waiver) + graceMs &&
      !coversImage(waiver, image),
  );

const names = ({ finding, rule, scope }: Waiver, reason: Reason): boolean => {
  const isNamed = finding === undefined ? rule === reason.ruleId : isOf(reason, finding);
  return isNamed && (scope.package === undefined || (reason.kind === 'finding' && reason.package === scope.package));
};

const isOf = (reason: Reason, vulnerability: string): boolean =>
  reason.kind === 'finding' && reason.vulnerability === vulnerability;

/** Every place of the image is in the scope, because the waiver accepted no other places. A name that is not kept may be another one. */
export function coversImage({ scope }: Pick<Waiver, 'scope'>, image: WaivedImage): boolean {
  const { repositories, account, owner } = scope;
  if (owner !== undefined && owner !== image.owner) return false;
  if (account !== undefined && !everyOne(image.locations, (location) => location.account === account)) return false;
  if (repositories === undefined) return true;
  return image.moreReferences === undefined && everyOne(paths(image), (path) => matchesAnyGlob(repositories, path));
}

function isInherited(reason: Reason, { digest, findings = [] }: WaivedAncestor): boolean {
  if (reason.kind === 'age') return reason.decidedBy === digest;
  return reason.kind === 'finding' && findings.some((finding) => isSame(finding, reason));
}

type Found = Pick<Finding, 'vulnerability' | 'package' | 'version' | 'layer' | 'isLanguagePackage'>;

/**
 * Scanners omit unknown fields; then nothing proves that two findings are equal. A package of the system and one of a
 * language may share name and version.
 */
function isSame(one: Found, other: Found): boolean {
  if (one.isLanguagePackage !== other.isLanguagePackage) return false;
  const isNamed = one.package !== '' && one.version !== '';
  const isOfOneLayer = one.layer === undefined || other.layer === undefined || one.layer === other.layer;
  const isEqual =
    one.vulnerability === other.vulnerability && one.package === other.package && one.version === other.version;
  return isNamed && isOfOneLayer && isEqual;
}

const paths = ({ locations, references = [] }: WaivedImage): string[] => [
  ...locations.map(({ repository }) => repository),
  ...references.map((reference) => reference.slice(reference.indexOf('/') + 1)),
];

/** An empty list proves nothing. */
const everyOne = <Item>(items: readonly Item[], holds: (item: Item) => boolean): boolean =>
  items.length > 0 && items.every(holds);
