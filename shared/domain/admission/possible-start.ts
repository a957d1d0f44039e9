import { type Digest, isDigest } from '../image/image.ts';
import { readImageReference } from '../image/reference.ts';
import { referencesOf, type Usage } from '../image/usage.ts';
import { hasClusterScope, type WorkloadKind } from '../image/workload-kind.ts';
import { type Door, type DoorMode, type DoorPlace, doorAt, doorPlaceOf, doorPlaceText } from '../policy/doors.ts';
import type { Policy } from '../policy/policy.ts';
import { classify } from '../stream/tier.ts';
import { type AdmissionRecords, admissionFactsOf } from './admission-facts.ts';
import { type Admission, type Admitting, admitUntil, type DoorPolicy, digestsToRead, tagNameOf } from './admit.ts';
import { referenceByDigest } from './ecs-images.ts';

/** How it is known that an image may start: a workload runs it, or a template of a workload names it. */
export type StartSource = 'running' | 'template';

/** An image that a workload would ask a door for, if it started once more. */
export interface PossibleStart {
  readonly place: DoorPlace;
  readonly workloadKind: WorkloadKind;
  readonly workload: string;
  /** As the workload names the image; absent if it names none. */
  readonly reference?: string;
  /** The images that run by this reference, or that the review found for it in a template, sorted; empty if no review read it. */
  readonly digests: readonly Digest[];
  /** What the doors of ECS judge in place of a tag: the digests that ECS found for it. Empty in EKS, and for a template. */
  readonly byDigest: readonly string[];
  readonly sources: readonly StartSource[];
}

/**
 * What a door would do.
 * - `refused`: the door denies.
 * - `only-warned`: the door warns, and would refuse the image if its mode were `deny`.
 * - `in-grace`: the image starts with a warning until its grace ends.
 * - `warned`: the image starts with a warning that has no end: it is named by a tag where no digest is required.
 * - `not-judged`: the mode of the door is `off`.
 */
export type StartOutcome = 'refused' | 'only-warned' | 'in-grace' | 'warned' | 'allowed' | 'not-judged';

export interface ForeseenStart extends PossibleStart {
  readonly mode: DoorMode;
  readonly outcome: StartOutcome;
  /** Of the image that runs or that the reference names, else of the rule for its repository. */
  readonly owner?: string;
  /** Absent if the image is allowed or not judged; so is `message`. */
  readonly ruleId?: string;
  /** One line that says what to do. */
  readonly message?: string;
  /** Present if the outcome is `in-grace`. */
  readonly graceEndsAtEpochMs?: number;
}

/**
 * The possible starts of a usage: one for each reference of its tasks, none for a container that AWS adds. A possible usage is a
 * template, with the image that its reference means now.
 */
export const startsOfUsage = (usage: Usage): readonly PossibleStart[] =>
  referencesOf(usage).map((reference) => ({
    ...{ place: doorPlaceOf(usage), workloadKind: usage.workloadKind, workload: usage.workload, reference },
    ...{
      digests: [usage.digest],
      byDigest: foundBy(usage, reference),
      sources: [usage.isPossible ? 'template' : 'running'],
    },
  }));

const foundBy = (usage: Usage, reference: string): readonly string[] =>
  hasClusterScope(usage) || usage.digestSource !== 'runtime' || reference.includes('@')
    ? []
    : [referenceByDigest(reference, usage.digest)];

/** The references that a door judges for a start: where it writes digests of tags, that of the digests instead of the tag. */
export function judgedReferences(
  { reference, digests, byDigest }: PossibleStart,
  { pinsTags }: Pick<Door, 'pinsTags'>,
): readonly (string | undefined)[] {
  if (byDigest.length > 0) return byDigest;
  const read = reference === undefined || !pinsTags ? undefined : readImageReference(reference);
  const isPinned = read !== undefined && tagNameOf(read) !== undefined && digests.length > 0;
  return isPinned ? digests.map((digest) => referenceByDigest(`${reference}`, digest)) : [reference];
}

/** The same image of the same workload once, in the order of places, workloads and references. */
export function mergedStarts(starts: Iterable<PossibleStart>): readonly PossibleStart[] {
  const merged = new Map<string, PossibleStart>();
  for (const start of starts) {
    const { place, workloadKind, workload, reference } = start;
    const key = JSON.stringify([doorPlaceText(place), workload, workloadKind, reference ?? null]);
    const known = merged.get(key);
    merged.set(key, known ? { ...start, ...both(known, start) } : start);
  }
  return [...merged].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, start]) => start);
}

const both = (one: PossibleStart, other: PossibleStart): Pick<PossibleStart, 'digests' | 'byDigest' | 'sources'> => ({
  digests: [...new Set([...one.digests, ...other.digests])].sort(),
  byDigest: [...new Set([...one.byDigest, ...other.byDigest])].sort(),
  sources: [...new Set([...one.sources, ...other.sources])].sort(),
});

/** The digests whose records the foresight on these starts needs, each once. */
export const digestsOfStarts = (starts: readonly PossibleStart[]): readonly Digest[] => [
  ...new Set([
    ...digestsToRead(starts.map(({ reference }) => reference)),
    ...starts.flatMap(({ digests }) => digests).filter(isDigest),
  ]),
];

/**
 * What the door of one place would do with what may start there. A door that only warns is asked as if it denied, so that the
 * answer is known before it does.
 * @param records those of `digestsOfStarts`, and what runs in the place
 */
export function foreseeStarts(
  starts: readonly PossibleStart[],
  records: AdmissionRecords,
  { policy, applied }: DoorPolicy,
  nowEpochMs: number,
): readonly ForeseenStart[] {
  const known = new Map(
    digestsOfStarts(starts).map((digest) => [digest, admissionFactsOf(digest, records, policy)] as const),
  );
  return starts.map((start) => {
    const door = doorAt(policy, start.place);
    const owner = ownerOfStart(start, records, policy);
    const named = { ...start, mode: door.mode, ...(owner !== undefined && { owner }) };
    if (door.mode === 'off') return { ...named, outcome: 'not-judged' };
    const admitting = { door: { ...door, mode: 'deny' as const }, known, policy, applied, nowEpochMs };
    return { ...named, ...strictestOf(judgedReferences(start, door).map((one) => foresee(one, door.mode, admitting))) };
  });
}

type Foreseen = Pick<ForeseenStart, 'outcome' | 'ruleId' | 'message' | 'graceEndsAtEpochMs'>;

function foresee(reference: string | undefined, mode: DoorMode, admitting: Admitting): Foreseen {
  const { admission, graceEndsAtEpochMs } = admitUntil(reference, admitting);
  return {
    outcome: outcomeOf(admission, mode, graceEndsAtEpochMs),
    ...(admission.decision !== 'allow' && { ruleId: admission.ruleId, message: admission.message }),
    ...(graceEndsAtEpochMs !== undefined && { graceEndsAtEpochMs }),
  };
}

/** The strictest outcome first, then the grace that ends soonest. */
function strictestOf(foreseen: readonly Foreseen[]): Foreseen {
  const rank = ({ outcome, graceEndsAtEpochMs = 0 }: Foreseen): readonly [number, number] => [
    STRICTNESS.indexOf(outcome),
    graceEndsAtEpochMs,
  ];
  const [strictest] = [...foreseen].sort((one, other) => {
    const [[first, firstEnd], [second, secondEnd]] = [rank(one), rank(other)];
    return first - second || firstEnd - secondEnd;
  });
  return strictest ?? { outcome: 'not-judged' };
}

const STRICTNESS: readonly StartOutcome[] = ['refused', 'only-warned', 'in-grace', 'warned', 'allowed', 'not-judged'];

function outcomeOf({ decision }: Admission, mode: DoorMode, graceEndsAtEpochMs: number | undefined): StartOutcome {
  if (decision === 'deny') return mode === 'deny' ? 'refused' : 'only-warned';
  if (graceEndsAtEpochMs !== undefined) return 'in-grace';
  return decision === 'warn' ? 'warned' : 'allowed';
}

/** Who owns what starts; `undefined` if neither the image nor a rule says it. */
export function ownerOfStart(
  { reference, digests }: PossibleStart,
  { images, indexes }: AdmissionRecords,
  policy: Policy,
): string | undefined {
  const named = [...digestsToRead([reference]), ...digests];
  const all = named.flatMap((digest) => [digest, ...(indexes.get(digest) ?? []).map((child) => child.digest)]);
  for (const digest of all) {
    const { owner } = images.get(digest) ?? {};
    if (owner !== undefined) return owner;
  }
  return reference === undefined ? undefined : classify(policy, { reference }).owner;
}
