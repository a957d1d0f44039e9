import { cutText } from '../common/cut-text.ts';
import { DAY_MS, HOUR_MS, instant } from '../common/time.ts';
import { visibleLine } from '../common/visible-text.ts';
import type { Digest } from '../image/image.ts';
import { type ImageReference, readImageReference, referenceName } from '../image/reference.ts';
import { isExempt } from '../policy/aws-managed.ts';
import { BUILT_IN_RULES } from '../policy/built-in-rules.ts';
import type { Door } from '../policy/doors.ts';
import type { Policy } from '../policy/policy.ts';
import type { ScanState, ScanStateName } from '../scan/scan.ts';
import { effectiveScanState, isKnowledge, keepsResult, resultAtEpochMs } from '../scan/scan-state.ts';
import { classify } from '../stream/tier.ts';
import { unapprovedNames } from '../verdict/approved-registries.ts';
import { reasonText } from '../verdict/reason-text.ts';
import type { Reason, Verdict } from '../verdict/verdict.ts';
import { endOfWaivers } from '../verdict/waiver.ts';
import type { AdmissionFacts, ImageFacts, RecordedImage } from './admission-facts.ts';
import { DOOR_RULES } from './door-rules.ts';

/** Whether an image may start, with the rule and one line that says what to do. */
export type Admission =
  | { readonly decision: 'allow' }
  | { readonly decision: 'warn' | 'deny'; readonly ruleId: string; readonly message: string };

/** An accepted exception of one namespace, recorded when the API server asked about the annotation. */
export interface BreakGlass {
  readonly author: string;
  readonly reason: string;
  readonly expiresAtEpochMs: number;
}

/** What a decision is made from, besides the reference. */
export interface Admitting {
  readonly door: Door;
  /** By digest, as `admissionFactsIn` gives it. A digest without facts counts as unrecorded. */
  readonly known: ReadonlyMap<Digest, AdmissionFacts>;
  readonly policy: Policy;
  readonly breakGlass?: BreakGlass | undefined;
  readonly nowEpochMs: number;
}

/**
 * Decides whether an image may start at a door. It reads the verdict that Patchwave gave, and judges nothing itself: an image
 * without a verdict is refused, because unknown never passes. An image that runs in the namespace already, and violates only
 * because time passed or a finding is new, starts with a warning until its grace is over.
 * @param reference as the workload names the image; any text, or none
 */
export const admit = (reference: string | undefined, admitting: Admitting): Admission =>
  admitUntil(reference, admitting).admission;

/** A decision, and for how long it stands if only time passes. */
export interface TimedAdmission {
  readonly admission: Admission;
  /** When the grace ends by which the image may start now; absent if it needs none, or may not start. */
  readonly graceEndsAtEpochMs?: number;
}

/** The decision of `admit`, with the end of the grace. */
export function admitUntil(reference: string | undefined, admitting: Admitting): TimedAdmission {
  const { door, breakGlass, nowEpochMs } = admitting;
  if (door.mode === 'off') return { admission: ALLOW };
  const objection = strictestOf(objectionsTo(reference, admitting));
  if (!objection) return { admission: ALLOW };
  const { ruleId, isDenied, endsAtEpochMs } = objection;
  const message = written(objection.message);
  if (!isDenied)
    return {
      admission: { decision: 'warn', ruleId, message },
      ...(endsAtEpochMs !== undefined && { graceEndsAtEpochMs: endsAtEpochMs }),
    };
  if (door.mode === 'warn')
    return { admission: { decision: 'warn', ruleId, message: `This door only warns. ${message}` } };
  if (breakGlass && nowEpochMs < breakGlass.expiresAtEpochMs)
    return { admission: { decision: 'warn', ruleId, message: `${brokenBy(breakGlass)} ${message}` } };
  return { admission: { decision: 'deny', ruleId, message } };
}

const ALLOW: Admission = { decision: 'allow' };

/** Where an image may start, whatever names it, for doors that judge the name by themselves. */
export type StartOfDigest =
  | { readonly start: 'anywhere' }
  /** Only where it runs already, with a warning. */
  | ({ readonly start: 'where-it-runs' } & GraceOfDigest)
  | { readonly start: 'nowhere' };

/** Why an image may start only where it runs, and until when. */
export interface GraceOfDigest {
  readonly untilEpochMs: number;
  readonly ruleId: string;
}

/**
 * Where a digest may start in clusters of EKS: by the same objections as `admit`, of which only the grace depends on the place.
 * @param images of the digest: the image, or each of an index
 */
export function startOfDigest(images: readonly ImageFacts[], policy: Policy, nowEpochMs: number): StartOfDigest {
  const door = { graceRunningDays: policy.doors?.graceRunningDays ?? 0 };
  const at = { door, policy, nowEpochMs, runsHere: true };
  const objection = strictestOf(images.flatMap((image) => objectionsToImage(image, at)));
  if (!objection) return { start: 'anywhere' };
  const { isDenied, ruleId, endsAtEpochMs: untilEpochMs } = objection;
  return isDenied || untilEpochMs === undefined
    ? { start: 'nowhere' }
    : { start: 'where-it-runs', untilEpochMs, ruleId };
}

/** The strictest of several decisions: the first that denies, else the first that warns. */
export const strictest = (admissions: readonly Admission[]): Admission =>
  admissions.find(({ decision }) => decision === 'deny') ??
  admissions.find(({ decision }) => decision === 'warn') ??
  ALLOW;

/** The digests whose facts decisions on these references need, each once. */
export const digestsToRead = (references: readonly (string | undefined)[]): readonly Digest[] => [
  ...new Set(references.flatMap((one) => readImageReference(one)?.digest ?? [])),
];

/** An image may have thousands of objections, of which the answer names one: only that one is put into words. */
type Text = string | (() => string);

const written = (text: Text): string => (typeof text === 'string' ? text : text());

/** One reason against an image. */
interface Objection {
  readonly ruleId: string;
  readonly message: Text;
  /** Whether it keeps the image from starting; otherwise it is a warning. */
  readonly isDenied: boolean;
  /** The end of the grace, from which on it keeps the image from starting. */
  readonly endsAtEpochMs?: number;
}

const strictestOf = (objections: readonly Objection[]): Objection | undefined => objections.toSorted(strictestFirst)[0];

/** What refuses comes first, then what refuses soonest. */
const strictestFirst = (one: Objection, other: Objection): number =>
  Number(other.isDenied) - Number(one.isDenied) || endOf(one) - endOf(other);

/** No end is later than any. */
const endOf = ({ endsAtEpochMs = Number.MAX_SAFE_INTEGER }: Objection): number => endsAtEpochMs;

function objectionsTo(text: string | undefined, admitting: Admitting): Objection[] {
  const { door, known, policy } = admitting;
  const reference = readImageReference(text);
  if (!reference) return [denied(DOOR_RULES.referenceReadable, unreadable(text))];
  if (isExempt(policy.awsManaged, reference)) return [];
  const unapproved = unapprovedReference(text, reference, policy);
  if (unapproved) return [unapproved];
  const { digest } = reference;
  if (digest === undefined)
    return [{ ...denied(DOOR_RULES.digestRequired, undigested(reference)), isDenied: door.requireDigest }];
  const facts = known.get(digest);
  if (!facts) return [denied(DOOR_RULES.imageRecorded, unrecorded(digest))];
  return facts.images.flatMap((image) => objectionsToImage(image, { ...admitting, runsHere: facts.runsHere }));
}

const denied = (ruleId: string, message: Text): Objection => ({ ruleId, message, isDenied: true });

function unapprovedReference(
  text: string | undefined,
  reference: ImageReference,
  policy: Policy,
): Objection | undefined {
  const ruleId = policy.approvedRegistries?.id;
  if (ruleId === undefined || text === undefined) return undefined;
  const name = referenceName(reference);
  const { tier } = classify(policy, { reference: text });
  if (unapprovedNames({ locations: [], references: [name], tier }, policy).length === 0) return undefined;
  return denied(
    ruleId,
    `${shown(name)} is not in an approved registry (${ruleId}). Use an image of a registry in approvedRegistries of the policy.`,
  );
}

/** What an image is judged by, besides its facts. */
interface At {
  readonly door: Pick<Door, 'graceRunningDays'>;
  readonly policy: Policy;
  readonly nowEpochMs: number;
  readonly runsHere: boolean;
}

function objectionsToImage(image: ImageFacts, at: At): Objection[] {
  if (!image.isRecorded) return [denied(DOOR_RULES.imageRecorded, unrecorded(image.digest))];
  const { verdict, judgedAtEpochMs } = image;
  if (!verdict) return [denied(DOOR_RULES.imageJudged, unjudged(image.digest))];
  const reasons = verdict.reasons.map((reason) => asOfNow(reason, image, at));
  return [
    ...reasons.flatMap((reason) => objectionOf(reason, image, at)),
    ...(judgedAtEpochMs === undefined ? beingJudged(image, at) : []),
    ...(reasons.some(({ kind }) => kind === 'scan') ? [] : staleScan(image, at)),
    ...unlistedBreach(verdict, reasons, image, at),
    ...(isExplained(verdict) ? [] : [denied(DOOR_RULES.imageJudged, unjudged(image.digest))]),
  ];
}

/** A verdict that is not compliant has a reason for it, of before any time passed. */
const isExplained = ({ status, reasons }: Verdict): boolean =>
  status === 'compliant' || reasons.some(({ effect }) => effect === 'violates' || effect === 'unknown');

/** A reason that time has changed since the verdict: its deadline has passed, or its waiver has ended or was removed. */
function asOfNow(reason: Reason, image: RecordedImage, { nowEpochMs }: At): Reason {
  const { effect, deadlineEpochMs = Number.POSITIVE_INFINITY } = reason;
  if (effect === 'due' && deadlineEpochMs <= nowEpochMs) return { ...reason, effect: 'violates' };
  if (effect !== 'waived') return reason;
  const waiver = image.waivers.find(({ waiverId, ruleId }) => waiverId === reason.waiverId && ruleId === reason.ruleId);
  // One that the policy no longer has counts no more, also if the clock that judged was ahead of this one.
  const endsAtEpochMs = waiver?.voidFromEpochMs ?? Math.min(image.judgedAtEpochMs ?? 0, nowEpochMs);
  return endsAtEpochMs <= nowEpochMs ? { ...reason, effect: 'violates', deadlineEpochMs: endsAtEpochMs } : reason;
}

function objectionOf(reason: Reason, image: RecordedImage, at: At): Objection[] {
  const { ruleId, effect, kind } = reason;
  if (effect === 'due' || effect === 'waived') return [];
  // A workload that names a tag runs it by a guess. Here the digest is named, and only the digest can start.
  if (kind === 'digest-guessed') return [];
  // Where else it lies or runs, and under which names, is for the report. The door judges the reference that starts by itself.
  if (kind === 'registry') return [];
  const fact = (): string => factOf(reason);
  if (kind === 'age' || kind === 'finding')
    return inTime(image, ruleId, fact, violatesSinceEpochMs(reason, image, at), at);
  if (kind === 'scan')
    return inTime(image, ruleId, fact, isOld(reason) ? staleSinceEpochMs(image.scan, at) : undefined, at);
  return [denied(ruleId, refusal(image, fact))];
}

/** Not before the last waiver ended that covered the reason: a verdict that was given after that no longer names the waiver. */
function violatesSinceEpochMs(
  reason: Reason,
  { covered }: RecordedImage,
  { policy, nowEpochMs }: At,
): number | undefined {
  const { deadlineEpochMs, waivedUntilEpochMs = 0 } = reason;
  if (deadlineEpochMs === undefined) return undefined;
  const endEpochMs = endOfWaivers(policy.waivers, covered, reason, nowEpochMs) ?? 0;
  return Math.max(deadlineEpochMs, endEpochMs, Math.min(waivedUntilEpochMs, nowEpochMs));
}

/** A reason that stands although it names a waiver: that one has ended, or was removed. */
function factOf({ waiverId, waivedThrough: _, ...reason }: Reason): string {
  const text = reasonText(reason as Reason);
  return waiverId === undefined ? text : `${text}; its waiver ${waiverId} has ended`;
}

/** Findings that are missing are no old result. */
const isOld = ({ scanReason }: Extract<Reason, { kind: 'scan' }>): boolean =>
  scanReason === undefined || keepsResult(scanReason);

/** A verdict lasts no longer than the scan behind it. */
function staleScan(image: RecordedImage, at: At): Objection[] {
  if (isKnowledge(effectiveScanState(image.scan, at.nowEpochMs, at.policy.staleScanHours))) return [];
  const fact = `its last scan is too old (${BUILT_IN_RULES.scanRequired})`;
  return inTime(image, BUILT_IN_RULES.scanRequired, fact, staleSinceEpochMs(image.scan, at), at);
}

/** When the last result stopped to count, if nothing but its age is wrong with it; otherwise `undefined`. */
function staleSinceEpochMs(scan: ScanState, { policy }: At): number | undefined {
  const lastAtEpochMs = resultAtEpochMs(scan);
  const isOnlyOld = ONLY_OLD.has(scan.state) || keepsResult(scan.reason);
  return isOnlyOld && lastAtEpochMs !== undefined ? lastAtEpochMs + policy.staleScanHours * HOUR_MS : undefined;
}

const ONLY_OLD: ReadonlySet<ScanStateName> = new Set(['complete', 'continuous', 'stale', 'requested']);

/** Its properties or its age changed after the verdict, and the next evaluation judges them: of what runs, the last one stands. */
const beingJudged = (image: RecordedImage, at: At): Objection[] =>
  inTime(
    image,
    DOOR_RULES.imageJudged,
    `Patchwave judges it again (${DOOR_RULES.imageJudged})`,
    resultAtEpochMs(image.scan),
    at,
  );

/** A verdict names an age only from the warning on, so the breach of a younger image has no reason. */
function unlistedBreach(
  { nextBreachAtEpochMs }: Verdict,
  reasons: readonly Reason[],
  image: RecordedImage,
  at: At,
): Objection[] {
  const isPast = nextBreachAtEpochMs !== undefined && nextBreachAtEpochMs <= at.nowEpochMs;
  if (!isPast || reasons.some(({ effect, kind }) => effect === 'violates' && kind !== 'registry')) return [];
  const fact = `its age is over the limit (${BUILT_IN_RULES.ageLimit})`;
  return inTime(image, BUILT_IN_RULES.ageLimit, fact, nextBreachAtEpochMs, at);
}

/** An objection that only the passing of time, or a new finding, raised: what runs may start again during its grace. */
function inTime(
  image: RecordedImage,
  ruleId: string,
  fact: Text,
  sinceEpochMs: number | undefined,
  at: At,
): Objection[] {
  const { door, runsHere, nowEpochMs } = at;
  const endsAtEpochMs = sinceEpochMs === undefined ? undefined : sinceEpochMs + door.graceRunningDays * DAY_MS;
  if (!runsHere || endsAtEpochMs === undefined || endsAtEpochMs <= nowEpochMs)
    return [denied(ruleId, refusal(image, fact))];
  const message = (): string =>
    shown(
      `${short(image.digest)} may start here until ${instant(endsAtEpochMs)}, because it runs here already. Then it is refused: ${written(fact)}. Deploy a newer image before.`,
    );
  return [{ ruleId, message, isDenied: false, endsAtEpochMs }];
}

/* The texts. A reference and the names in a reason come from strangers. */

const MOST = 1000;

const shown = (text: string): string => cutText(visibleLine(cutText(text, MOST)), MOST);

const short = (digest: Digest): string => digest.slice(0, 'sha256:'.length + 12);

const refusal =
  ({ digest, owner }: RecordedImage, fact: Text): Text =>
  () =>
    shown(
      `${short(digest)}${owner === undefined ? '' : ` of ${owner}`} may not start: ${written(fact)}. Deploy a newer image, or see patchwave why ${short(digest)}.`,
    );

const unreadable = (text: string | undefined): string =>
  `The image reference ${text === undefined ? 'is missing' : `"${shown(cutText(text, 300))}" cannot be read`} (${DOOR_RULES.referenceReadable}). Write host/repository@sha256:<64 hexadecimal digits>.`;

const undigested = (reference: ImageReference): string =>
  shown(
    `${referenceName(reference)} names no digest, so nothing proves which image starts (${DOOR_RULES.digestRequired}). Name it by its digest: ${referenceName(reference)}@sha256:<digest>.`,
  );

const unrecorded = (digest: Digest): string =>
  `Patchwave has no record of ${short(digest)} (${DOOR_RULES.imageRecorded}). Push it to a repository that Patchwave reads, and run patchwave check on it.`;

const unjudged = (digest: Digest): string =>
  `Patchwave has not judged ${short(digest)} as it is now (${DOOR_RULES.imageJudged}). Run patchwave check on it, and deploy it again.`;

const brokenBy = ({ author, reason, expiresAtEpochMs }: BreakGlass): string =>
  `${shown(`Break-glass by ${cutText(author, 100)} until ${instant(expiresAtEpochMs)}: ${cutText(reason, 200)}`)}.`;
