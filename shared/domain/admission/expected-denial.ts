import { DAY_MS } from '../common/time.ts';
import type { Digest } from '../image/image.ts';
import { type DoorPlace, doorAt } from '../policy/doors.ts';
import { voidFromEpochMs, waiverOf } from '../verdict/waiver.ts';
import { type AdmissionRecords, admissionFactsOf } from './admission-facts.ts';
import { type Admitting, admit, admitUntil, type DoorPolicy, digestsToRead } from './admit.ts';
import { digestsOfStarts, judgedReferences, ownerOfStart, type PossibleStart } from './possible-start.ts';

/** How long before it a denial is announced. */
export const DENIAL_NOTICE_DAYS = 5;

/** An image runs, or a template may start it, in a place whose door will refuse it soon: it may start until then. */
export interface ExpectedDenial {
  readonly place: DoorPlace;
  readonly digest: Digest;
  readonly owner?: string;
  /** Names of workloads that run or may start it there, sorted; at most `MOST_DENIED_WORKLOADS`. */
  readonly workloads: readonly string[];
  readonly workloadCount: number;
  readonly ruleId: string;
  /** One line that says what to do. */
  readonly message: string;
  /** The door refuses the image from then on. */
  readonly deniedFromEpochMs: number;
  /** When a review first found this instant. */
  readonly foundAtEpochMs: number;
}

export const MOST_DENIED_WORKLOADS = 20;

/** When a door that lets an image start will refuse it, and why. */
export type DenialAhead = Pick<ExpectedDenial, 'deniedFromEpochMs' | 'ruleId' | 'message'>;

/**
 * The first denial of an image until an instant, if nothing but time changes and scans go on; `undefined` if there is none, or
 * the door refuses the image already.
 * @param admitting the door denies
 */
export function denialAhead(
  reference: string | undefined,
  admitting: Admitting,
  untilEpochMs: number,
): DenialAhead | undefined {
  const { policy, nowEpochMs } = admitting;
  if (admit(reference, admitting).decision === 'deny') return undefined;
  const scanned = { ...admitting, policy: { ...policy, staleScanHours: CENTURY_HOURS } };
  const later = instantsOf(reference, admitting).filter((at) => at > nowEpochMs && at <= untilEpochMs);
  return [
    ...denialAsOf(reference, admitting),
    ...later.flatMap((at) => denialAsOf(reference, { ...scanned, nowEpochMs: at })),
  ]
    .filter(({ deniedFromEpochMs }) => deniedFromEpochMs <= untilEpochMs)
    .reduce<DenialAhead | undefined>(earlier, undefined);
}

/** The next reviews scan each image again, so no scan becomes too old until then. */
const CENTURY_HOURS = 100 * 365 * 24;

const earlier = (one: DenialAhead | undefined, other: DenialAhead): DenialAhead =>
  one && one.deniedFromEpochMs <= other.deniedFromEpochMs ? one : other;

/** The denial that a decision at an instant makes or announces. */
function denialAsOf(reference: string | undefined, admitting: Admitting): readonly DenialAhead[] {
  const { admission, graceEndsAtEpochMs } = admitUntil(reference, admitting);
  if (admission.decision === 'allow') return [];
  const { ruleId, message } = admission;
  const deniedFromEpochMs = admission.decision === 'deny' ? admitting.nowEpochMs : graceEndsAtEpochMs;
  return deniedFromEpochMs === undefined ? [] : [{ deniedFromEpochMs, ruleId, message }];
}

/** When time alone may change the decision: deadlines, and the ends of waivers. */
function instantsOf(reference: string | undefined, { known, policy, nowEpochMs }: Admitting): readonly number[] {
  const images = digestsToRead([reference]).flatMap((digest) => known.get(digest)?.images ?? []);
  return images.flatMap((image) => {
    if (!image.isRecorded || !image.verdict) return [];
    const { reasons, nextBreachAtEpochMs } = image.verdict;
    const instants = [
      nextBreachAtEpochMs,
      ...reasons.map(({ deadlineEpochMs }) => deadlineEpochMs),
      ...image.waivers.map((waiver) => waiver.voidFromEpochMs),
      // A policy after the verdict may waive more.
      ...reasons.map((reason) => {
        const accepted = waiverOf(policy.waivers, image.covered, reason, nowEpochMs);
        return accepted && voidFromEpochMs(accepted.waiver);
      }),
    ];
    return instants.flatMap((at) => at ?? []);
  });
}

/** What one place will refuse of what runs there. */
export interface PlaceDenials {
  /** Each image once, with its earliest denial, in the order of their instants. */
  readonly expected: readonly ExpectedDenial[];
  /** The images that the door refuses already if they start again. */
  readonly refused: readonly Digest[];
}

/**
 * The denials of what runs in one place; none where the door does not deny.
 * @param starts those of one place
 * @param records those of `digestsOfStarts`, and what runs in the place
 */
export function denialsIn(
  starts: readonly PossibleStart[],
  records: AdmissionRecords,
  { policy, applied }: DoorPolicy,
  nowEpochMs: number,
): PlaceDenials {
  const known = new Map(
    digestsOfStarts(starts).map((digest) => [digest, admissionFactsOf(digest, records, policy)] as const),
  );
  const expected = new Map<Digest, Gathered>();
  const refused = new Set<Digest>();
  for (const start of starts) {
    const ahead = denialOf(start, known, { policy, applied }, nowEpochMs);
    if (!ahead) continue;
    for (const digest of start.digests) {
      if (ahead === 'already') {
        refused.add(digest);
        continue;
      }
      const gathered = expected.get(digest) ?? { start, ahead, workloads: new Set() };
      gathered.ahead = earlier(gathered.ahead, ahead);
      gathered.workloads.add(`${start.workloadKind} ${start.workload}`);
      expected.set(digest, gathered);
    }
  }
  return {
    expected: [...expected]
      .map(([digest, { start, ahead, workloads }]) => {
        const owner = ownerOfStart(start, records, policy);
        return {
          ...{ place: start.place, digest, workloads: [...workloads].sort().slice(0, MOST_DENIED_WORKLOADS) },
          ...{ workloadCount: workloads.size, ...ahead, foundAtEpochMs: nowEpochMs },
          ...(owner !== undefined && { owner }),
        };
      })
      .sort(bySooner),
    refused: [...refused].sort(),
  };
}

interface Gathered {
  readonly start: PossibleStart;
  ahead: DenialAhead;
  readonly workloads: Set<string>;
}

/** The first denial of a start, or that its door refuses it already. */
function denialOf(
  start: PossibleStart,
  known: Admitting['known'],
  { policy, applied }: DoorPolicy,
  nowEpochMs: number,
): DenialAhead | 'already' | undefined {
  const door = doorAt(policy, start.place);
  if (door.mode !== 'deny') return undefined;
  const admitting = { door, known, policy, applied, nowEpochMs };
  const references = judgedReferences(start, door);
  if (references.some((one) => admit(one, admitting).decision === 'deny')) return 'already';
  return references
    .flatMap((one) => denialAhead(one, admitting, nowEpochMs + DENIAL_NOTICE_DAYS * DAY_MS) ?? [])
    .reduce<DenialAhead | undefined>(earlier, undefined);
}

/** The soonest first. */
export const bySooner = (one: ExpectedDenial, other: ExpectedDenial): number =>
  one.deniedFromEpochMs - other.deniedFromEpochMs ||
  (one.digest < other.digest ? -1 : Number(one.digest > other.digest));
