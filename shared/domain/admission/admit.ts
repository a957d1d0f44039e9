import { cutText } from '../common/cut-text.ts';
import { DAY_MS, instant } from '../common/time.ts';
import { visibleLine } from '../common/visible-text.ts';
import type { Digest } from '../image/image.ts';
import { type ImageReference, pulledFrom, readImageReference, referenceName, resolvedTag } from '../image/reference.ts';
import { type AppliedPolicy, type DoorPart, objectedSince } from '../policy/applied-policy.ts';
import { isExempt } from '../policy/aws-managed.ts';
import { BUILT_IN_RULES } from '../policy/built-in-rules.ts';
import type { Door } from '../policy/doors.ts';
import type { Policy } from '../policy/policy.ts';
import { effectiveScanState, isKnowledge } from '../scan/scan-state.ts';
import { isOfAws } from '../stream/tier.ts';
import { unapprovedNames } from '../verdict/approved-registries.ts';
import { ageLimitOf, objectsSince } from '../verdict/evaluate.ts';
import { knownUntilEpochMs } from '../verdict/last-result.ts';
import { reasonText } from '../verdict/reason-text.ts';
import { effectWhenDue, type Reason, type Verdict, verdictText } from '../verdict/verdict.ts';
import { endOfWaivers, graceOfDoorsMs, stillCovers, waiverOf } from '../verdict/waiver.ts';
import type { AdmissionFacts, ImageFacts, PresenceOfImage, RecordedImage } from './admission-facts.ts';
import { DOOR_RULES } from './door-rules.ts';
import { isInGoodStanding, isRecent, isSettled, type ObjectionClass } from './standing.ts';

export type AppliedDoors = readonly AppliedPolicy<DoorPart>[];

/** The policy by which doors decide, and since when each part of it applies. */
export interface DoorPolicy {
  readonly policy: Policy;
  readonly applied: AppliedDoors;
}

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

/** What a tag names, as the ledger last learned it: by a push, or by a listing of the registry. */
export interface TagReading {
  readonly digest: Digest;
  readonly readAtEpochMs: number;
}

/** What a decision is made from, besides the reference. */
export interface Admitting {
  readonly door: Door;
  /** By digest, as `admissionFactsIn` gives it. A digest without facts counts as unrecorded. */
  readonly known: ReadonlyMap<Digest, AdmissionFacts>;
  /** By `tagNameOf`: what a tag named when the ledger last learned of it; absent if tags were not read. */
  readonly tags?: ReadonlyMap<string, TagReading> | undefined;
  readonly policy: Policy;
  /** The policy, and what was in force before it, the newest first: the grace of a rule counts from when it came. */
  readonly applied?: AppliedDoors | undefined;
  readonly breakGlass?: BreakGlass | undefined;
  readonly nowEpochMs: number;
}

/**
 * Decides whether an image may start at a door. It reads the verdict that Patchwave gave, and judges nothing itself: an image
 * without a verdict is refused, because unknown never passes. An image in good standing starts with a warning until the grace
 * of each objection is over; every other one is refused.
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

/** What a door would object to an image as if it denied, without a break-glass and without grace. */
export const objectionsAgainst = (image: ImageFacts, at: At): ReadonlySet<ObjectionClass> =>
  new Set(objectionsToImage(image, at).map((one) => one.class));

/**
 * Since when doors refuse the name without a pause; `undefined` if the policy in force does not. What began in a pause began well,
 * though the grace goes on through it. A name that nothing reads never started well.
 */
export function nameRefusedSince(text: string, { policy, applied }: DoorPolicy): number | undefined {
  const reference = readImageReference(text);
  if (!reference) return 0;
  const unapproved = unapprovedReference(reference, { policy, applied, door: { graceRunningDays: 0 } });
  return unapproved && (unapproved.sinceEpochMs ?? 0);
}

/**
 * Where an image may start, whatever names it, for doors that judge the name by themselves. `in-good-standing`: only where it is
 * that, with a warning.
 */
export type StartOfDigest = 'anywhere' | 'in-good-standing' | 'nowhere';

/** Where one image may start in clusters of EKS: by the same objections as `admit`, of which only the grace depends on the place. */
export function startOfDigest(image: ImageFacts, at: At): StartOfDigest {
  const { policy, nowEpochMs } = at;
  const door = { graceRunningDays: policy.doors?.graceRunningDays ?? 0 };
  const atBest: GoodPresence = { beganAtEpochMs: nowEpochMs, countsFromEpochMs: nowEpochMs };
  const objections = objectionsToImage(image, at);
  if (objections.length === 0) return 'anywhere';
  return objections.some((one) => settled(one, '', atBest, { door, nowEpochMs }).isDenied)
    ? 'nowhere'
    : 'in-good-standing';
}

/** Why an image may start only in good standing, and until when. */
export interface GraceOfDigest {
  readonly untilEpochMs: number;
  readonly ruleId: string;
}

/** The grace of a digest in one place; `undefined` if it needs none there, or has none. */
export function graceOfDigest(facts: AdmissionFacts, at: At): GraceOfDigest | undefined {
  const door = { graceRunningDays: at.policy.doors?.graceRunningDays ?? 0 };
  const objection = strictestOf(objectionsByFacts(facts, { ...at, door }));
  if (objection?.endsAtEpochMs === undefined) return undefined;
  return { untilEpochMs: objection.endsAtEpochMs, ruleId: objection.ruleId };
}

/** A doubt of Patchwave that refuses an image later. */
export interface DoubtOfDigest extends GraceOfDigest {
  /** One line that says what to do. */
  readonly message: string;
}

/** The doubt in spite of which an image in good standing may start in one place; `undefined` if there is none, or it may not start. */
export function doubtOfDigest(facts: AdmissionFacts, policy: Policy, nowEpochMs: number): DoubtOfDigest | undefined {
  const door = { graceRunningDays: policy.doors?.graceRunningDays ?? 0 };
  const objections = objectionsByFacts(facts, { door, policy, nowEpochMs });
  const doubt = strictestOf(objections.filter((one) => one.class === 'doubt'));
  if (doubt?.endsAtEpochMs === undefined || objections.some(({ isDenied }) => isDenied)) return undefined;
  return { untilEpochMs: doubt.endsAtEpochMs, ruleId: doubt.ruleId, message: written(doubt.message) };
}

/** The one rule of all doors: how long an image in good standing may start in spite of an objection. */
function endOfGrace(
  { class: of, sinceEpochMs }: RawObjection,
  { beganAtEpochMs, countsFromEpochMs = 0 }: GoodPresence,
  graceRunningDays: number,
): number | undefined {
  const since: Readonly<Record<ObjectionClass, number | undefined>> = {
    fact: sinceEpochMs === undefined ? undefined : Math.max(sinceEpochMs, countsFromEpochMs),
    doubt: sinceEpochMs ?? beganAtEpochMs,
    rule: sinceEpochMs,
  };
  const startEpochMs = since[of];
  return startEpochMs === undefined ? undefined : startEpochMs + graceRunningDays * DAY_MS;
}

/**
 * The presence by which an image is in good standing; `undefined` if it is not. An image of an index that never ran there starts
 * where another image of the index is in good standing: a node of another architecture must be able to start it. So does one whose
 * own presence is not good, if nothing forbade it when that other image began: then it goes on with what the index began.
 */
function goodPresenceOf(
  own: PresenceOfImage | undefined,
  others: readonly PresenceOfImage[],
  policy: Policy,
  nowEpochMs: number,
): GoodPresence | undefined {
  const isGood = ({ presence, image }: PresenceOfImage): boolean =>
    isInGoodStanding(presence, image, policy, nowEpochMs);
  const isOwn = own !== undefined && isGood(own);
  const goesOn = ({ presence }: PresenceOfImage): boolean =>
    own === undefined ||
    !isRecent(own.presence, policy, nowEpochMs) ||
    (own.image !== undefined && isSettled(own.image, presence, policy, nowEpochMs));
  const [best] = (isOwn ? [own] : others.filter(isGood).filter(goesOn))
    .map(({ presence }) => presence)
    .toSorted((one, other) => (other.countsFromEpochMs ?? 0) - (one.countsFromEpochMs ?? 0));
  if (!best) return undefined;
  const { standing, beganAtEpochMs, countsFromEpochMs } = best;
  return {
    ...(isOwn && standing === 'good' && beganAtEpochMs !== undefined && { beganAtEpochMs }),
    ...(countsFromEpochMs !== undefined && { countsFromEpochMs }),
  };
}

/** By what an image is in good standing in a place. */
interface GoodPresence {
  /** If the image itself had a good result after that, so that a doubt whose beginning nothing tells is younger. */
  readonly beganAtEpochMs?: number;
  /** As in `Presence`. */
  readonly countsFromEpochMs?: number;
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

/** One reason against an image, wherever it starts. */
interface RawObjection {
  readonly ruleId: string;
  readonly class: ObjectionClass;
  /** Absent if nothing says it. */
  readonly sinceEpochMs?: number;
  readonly fact: Text;
  /** Of the refusal. */
  readonly message: Text;
  /** What to do before the grace ends; absent where the class says it. */
  readonly next?: string;
}

/** The same at a place. */
interface Objection {
  readonly ruleId: string;
  readonly class: ObjectionClass;
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
  const { known, policy, nowEpochMs } = admitting;
  const reference = readImageReference(text);
  if (!reference) return [denied(DOOR_RULES.referenceReadable, unreadable(text))];
  if (isExempt(policy.awsManaged, reference)) return [];
  const { digest } = reference;
  const facts = digest === undefined ? undefined : known.get(digest);
  const unapproved = unapprovedReference(reference, admitting);
  if (unapproved) {
    const presence = facts && goodPresenceOf(undefined, facts.presences, policy, nowEpochMs);
    const named = settled(unapproved, shown(referenceName(reference)), presence, admitting);
    return named.isDenied || !facts ? [named] : [named, ...objectionsByFacts(facts, admitting)];
  }
  if (digest === undefined) return objectionsToTag(reference, admitting);
  return facts ? objectionsByFacts(facts, admitting) : [denied(DOOR_RULES.imageRecorded, unrecorded(digest))];
}

/** The name by which the digest of a tag is known: host, repository and tag; `undefined` outside of ECR, and for a digest. */
export function tagNameOf(reference: ImageReference): string | undefined {
  const tag = resolvedTag(reference);
  return tag === undefined || !pulledFrom(reference) ? undefined : `${referenceName(reference)}:${tag}`;
}

/**
 * The tag may have moved since the ledger learned of it, so only a known violation counts: a doubt about that image says nothing of
 * the one that starts. Where the door writes digests it left this tag as it is, and what kept it from that refuses the tag.
 */
function objectionsToTag(reference: ImageReference, admitting: Admitting): Objection[] {
  const { requireDigest, pinsTags } = admitting.door;
  const required = { ...denied(DOOR_RULES.digestRequired, undigested(reference)), isDenied: requireDigest };
  const ofImage = objectionsByTag(reference, admitting);
  if (!pinsTags) return [required, ...ofImage.filter((one) => one.class !== 'doubt')];
  const refusing = ofImage.filter((one) => one.isDenied);
  return refusing.length > 0 ? refusing : [required];
}

/** What speaks against the image that a tag names by its last reading, and against that reading. Empty for an unknown tag. */
function objectionsByTag(reference: ImageReference, admitting: Admitting): Objection[] {
  const { door, known, policy, nowEpochMs } = admitting;
  const reading = readingOf(reference, admitting);
  if (!reading) return [];
  const facts = known.get(reading.digest);
  if (!facts) return [];
  const untilEpochMs = reading.readAtEpochMs + (door.pinsTags?.readWithinDays ?? Number.POSITIVE_INFINITY) * DAY_MS;
  const outdated: RawObjection = {
    ...{ ruleId: DOOR_RULES.tagCurrent, class: 'doubt', sinceEpochMs: untilEpochMs },
    fact: `the last reading of its tag is ${Math.floor((nowEpochMs - reading.readAtEpochMs) / DAY_MS)} days old, of ${instant(reading.readAtEpochMs)} (${DOOR_RULES.tagCurrent})`,
    message: () => unread(reference, reading),
    next: 'Push the tag again, or name the image by its digest.',
  };
  const presence = goodPresenceOf(undefined, facts.presences, policy, nowEpochMs);
  return [
    ...objectionsByFacts(facts, admitting),
    ...(untilEpochMs <= nowEpochMs ? [settled(outdated, short(reading.digest), presence, admitting)] : []),
  ];
}

const readingOf = (reference: ImageReference, { tags }: Pick<Admitting, 'tags'>): TagReading | undefined => {
  const name = tagNameOf(reference);
  return name === undefined ? undefined : tags?.get(name);
};

/** A tag with its digest. */
export interface PinnedTag {
  readonly reference: string;
  /** One line that says what to do: the reading is too old, and the image starts by its good standing for now. */
  readonly warning?: string;
}

/**
 * A reference with the digest that its tag has by its last reading, if that image may start at a door that writes digests.
 * @returns `undefined` for everything that is to stay as it is
 */
export function pinnedTag(text: string | undefined, admitting: Admitting): PinnedTag | undefined {
  const reference = readImageReference(text);
  if (!admitting.door.pinsTags || !reference || isExempt(admitting.policy.awsManaged, reference)) return undefined;
  const reading = readingOf(reference, admitting);
  const outdated = objectionsByTag(reference, admitting).find((one) => one.ruleId === DOOR_RULES.tagCurrent);
  if (!reading || outdated?.isDenied) return undefined;
  const pinned = `${text}@${reading.digest}`;
  if (admit(pinned, admitting).decision === 'deny') return undefined;
  return { reference: pinned, ...(outdated && { warning: written(outdated.message) }) };
}

/** Where a digest is judged, whatever names it. */
type AtDoor = At & { readonly door: Pick<Door, 'graceRunningDays'> };

function objectionsByFacts(facts: AdmissionFacts, admitting: AtDoor): Objection[] {
  const { policy, nowEpochMs } = admitting;
  return facts.images.flatMap((image) => {
    const objections = objectionsToImage(image, admitting);
    if (objections.length === 0) return [];
    const own = image.presence && { presence: image.presence, ...(image.isRecorded && { image }) };
    const presence = goodPresenceOf(own, facts.presences, policy, nowEpochMs);
    return objections.map((one) => settled(one, short(image.digest), presence, admitting));
  });
}

const denied = (ruleId: string, message: Text): Objection => ({ ruleId, class: 'rule', message, isDenied: true });

/** Whether an objection refuses, or only warns because of the good standing of the image. @param name of the image */
function settled(
  objection: RawObjection,
  name: string,
  presence: GoodPresence | undefined,
  { door, nowEpochMs }: Pick<AtDoor, 'door' | 'nowEpochMs'>,
): Objection {
  const { ruleId, class: of, message, fact, next = NEXT[of] } = objection;
  const endsAtEpochMs = presence && endOfGrace(objection, presence, door.graceRunningDays);
  if (endsAtEpochMs === undefined || endsAtEpochMs <= nowEpochMs) return { ruleId, class: of, message, isDenied: true };
  const graced = (): string =>
    shown(
      `${name} may start here until ${instant(endsAtEpochMs)}, because it is in good standing: it ran here before ${BEFORE[of]}. Then it is refused: ${written(fact)}. ${next}`,
    );
  return { ruleId, class: of, message: graced, isDenied: false, endsAtEpochMs };
}

const BEFORE: Readonly<Record<ObjectionClass, string>> = {
  fact: 'this was due',
  doubt: 'Patchwave came to doubt it',
  rule: 'this rule applied to it',
};

const NEXT: Readonly<Record<ObjectionClass, string>> = {
  fact: 'Deploy a newer image before.',
  doubt: 'Tell the team that runs Patchwave: a new result ends the doubt.',
  rule: 'Deploy an image that follows the rule before.',
};

/** The grace of a name counts from when the policies in force began to refuse it. */
function unapprovedReference(
  reference: ImageReference,
  { policy, applied = [], door }: Pick<Admitting, 'policy' | 'applied'> & Pick<AtDoor, 'door'>,
): RawObjection | undefined {
  const ruleId = policy.approvedRegistries?.id;
  if (ruleId === undefined || !isUnapproved(reference, policy)) return undefined;
  const name = shown(referenceName(reference));
  const fact = `${name} is not in an approved registry (${ruleId})`;
  const refusedFrom = (one: DoorPart): number | undefined => (isUnapproved(reference, one) ? 0 : undefined);
  const sinceEpochMs = objectedSince(applied, refusedFrom, door.graceRunningDays * DAY_MS);
  return {
    ...{ ruleId, class: 'rule', fact },
    message: `${fact}. Use an image of a registry in approvedRegistries of the policy.`,
    ...(sinceEpochMs !== undefined && { sinceEpochMs }),
  };
}

function isUnapproved(reference: ImageReference, policy: Omit<DoorPart, 'staleScanHours'>): boolean {
  const tier = isOfAws(policy, reference) ? 'aws-managed' : 'external';
  return unapprovedNames({ locations: [], references: [referenceName(reference)], tier }, policy).length > 0;
}

/** What an image is judged by, besides its facts. */
type At = Pick<Admitting, 'policy' | 'applied' | 'nowEpochMs'>;

function objectionsToImage(image: ImageFacts, at: At): RawObjection[] {
  if (!image.isRecorded) {
    const ruleId = DOOR_RULES.imageRecorded;
    return [
      { ruleId, class: 'doubt', fact: `Patchwave has no record of it (${ruleId})`, message: unrecorded(image.digest) },
    ];
  }
  const { verdict, judgedAtEpochMs } = image;
  if (!verdict) return [unexplained(image, `Patchwave has not judged it (${DOOR_RULES.imageJudged})`, at)];
  const reasons = verdict.reasons.map((reason) => asOfNow(reason, image, at));
  const held = reasons.flatMap((reason) => heldReason(reason, image, at));
  return [
    ...held.flatMap((reason) => objectionOf(reason, image, at)),
    ...(judgedAtEpochMs === undefined ? beingJudged(image, at) : []),
    ...(reasons.some(({ kind }) => kind === 'scan') ? [] : staleScan(image, at)),
    ...unlistedBreach(image, verdict, held, at),
    ...(isExplained(verdict)
      ? []
      : [unexplained(image, `its verdict names no reason (${DOOR_RULES.imageJudged})`, at)]),
  ];
}

const unexplained = (image: RecordedImage, fact: string, at: At): RawObjection => ({
  ...doubt(DOOR_RULES.imageJudged, image, fact, at),
  message: unjudged(image.digest),
});

/** A verdict that is not compliant has a reason for it, of before any time passed. */
const isExplained = ({ status, reasons }: Verdict): boolean =>
  status === 'compliant' || reasons.some(({ effect }) => effect === 'violates' || effect === 'unknown');

/** A reason as it is now: time and the waivers of the policy in force have changed it since the verdict. */
function asOfNow(reason: Reason, image: RecordedImage, at: At): Reason {
  const { effect, deadlineEpochMs = Number.POSITIVE_INFINITY } = reason;
  const { policy, nowEpochMs } = at;
  const isDue = effect === 'due' && deadlineEpochMs <= nowEpochMs;
  const dated = isDue ? { ...reason, effect: effectWhenDue(reason) } : withoutEndedWaiver(reason, image, at);
  if (dated.effect !== 'violates') return dated;
  // A person who waives it need not wait until the image is judged again.
  const accepted = waiverOf(policy.waivers, image.covered, dated, nowEpochMs);
  return accepted ? { ...dated, effect: 'waived', waiverId: accepted.waiver.id } : dated;
}

/** A waived reason violates again once its waiver has ended, was removed, or no longer covers it. */
function withoutEndedWaiver(reason: Reason, image: RecordedImage, { policy, applied = [], nowEpochMs }: At): Reason {
  if (reason.effect !== 'waived') return reason;
  const waiver = image.waivers.find(({ waiverId, ruleId }) => waiverId === reason.waiverId && ruleId === reason.ruleId);
  // One that the policy no longer has counts no more, also if the clock that judged was ahead of this one.
  const endsAtEpochMs =
    (isNarrowed(reason, image, { policy, applied }) ? undefined : waiver?.voidFromEpochMs) ??
    Math.min(image.judgedAtEpochMs ?? applied[0]?.fromEpochMs ?? 0, nowEpochMs);
  return endsAtEpochMs <= nowEpochMs ? { ...reason, effect: 'violates', deadlineEpochMs: endsAtEpochMs } : reason;
}

/** Whether a policy after the verdict has the waiver for less. If only the places of the image changed, its next verdict tells. */
function isNarrowed(
  reason: Reason,
  { covered, verdict }: RecordedImage,
  { policy, applied = [] }: Pick<At, 'policy' | 'applied'>,
): boolean {
  if (applied[0] === undefined || applied[0].version === verdict?.policyVersion) return false;
  const waiver = policy.waivers.find(({ id }) => id === reason.waiverId);
  return waiver !== undefined && !stillCovers(waiver, covered, reason);
}

/**
 * A reason of an earlier policy counts until the image is judged again, as far as the policy in force objects to it too. So a person
 * who takes a rule back, or gives more days, need not wait for a review.
 */
function heldReason(reason: Reason, { tier }: RecordedImage, { policy, nowEpochMs }: At): Reason[] {
  if (reason.effect === 'due' || reason.effect === 'waived') return [reason];
  const dueEpochMs = objectsSince(policy, tier, reason);
  if (dueEpochMs === undefined || dueEpochMs > nowEpochMs) return [];
  return dueEpochMs > (reason.deadlineEpochMs ?? dueEpochMs) ? [{ ...reason, deadlineEpochMs: dueEpochMs }] : [reason];
}

/**
 * What a reason is against an image; `undefined` says nothing at a door. A workload that names a tag runs it by a guess, and here the
 * digest is named. Where else an image lies, and under which names, is for the report: the door judges the reference that starts.
 */
const CLASS_OF: Readonly<Record<Reason['kind'], ObjectionClass | undefined>> = {
  age: 'fact',
  finding: 'fact',
  'age-unknown': 'doubt',
  scan: 'doubt',
  policy: 'doubt',
  registry: undefined,
  source: 'rule',
  user: 'rule',
  tag: 'rule',
  system: 'fact',
  'digest-guessed': undefined,
};

function objectionOf(reason: Reason, image: RecordedImage, at: At): RawObjection[] {
  const { ruleId, effect, kind } = reason;
  const of = CLASS_OF[kind];
  if (effect === 'due' || effect === 'waived' || of === undefined) return [];
  const fact = (): string => factOf(reason);
  if (effect === 'unknown' || of === 'doubt') return [laterDoubt(doubt(ruleId, image, fact, at), reason)];
  return [objection(of, ruleId, image, fact, violatesSinceEpochMs(reason, image, at))];
}

/** The latest of: due, the end of a waiver, and the first policy from which on it was so. */
function violatesSinceEpochMs(reason: Reason, image: RecordedImage, at: At): number | undefined {
  const { deadlineEpochMs, waivedUntilEpochMs, sinceEpochMs = beginningOfRule(reason, image, at) } = reason;
  const { policy, nowEpochMs } = at;
  const instants = [
    ...[deadlineEpochMs, sinceEpochMs, endOfWaivers(policy.waivers, image.covered, reason, nowEpochMs)],
    waivedUntilEpochMs === undefined ? undefined : Math.min(waivedUntilEpochMs, nowEpochMs),
  ].filter((one) => one !== undefined);
  return instants.length === 0 ? undefined : Math.max(...instants);
}

/** A verdict of a version before 0.3.0 does not say since when a rule objects: at the earliest since its policy is in force. */
function beginningOfRule(
  { kind, deadlineEpochMs }: Reason,
  { verdict }: RecordedImage,
  { applied = [] }: At,
): number | undefined {
  if (CLASS_OF[kind] !== 'rule' || deadlineEpochMs !== undefined) return undefined;
  const judgedBy = applied.find(({ version }) => version === verdict?.policyVersion) ?? applied[0];
  return judgedBy?.fromEpochMs;
}

/** A reason that stands although it names a waiver: that one has ended, or was removed. */
function factOf({ waiverId, waivedThrough: _, ...reason }: Reason): string {
  const text = reasonText(reason as Reason);
  return waiverId === undefined ? text : `${text}; its waiver ${waiverId} has ended`;
}

/** A verdict lasts no longer than the scan behind it. */
function staleScan(image: RecordedImage, at: At): RawObjection[] {
  if (isKnowledge(effectiveScanState(image.scan, at.nowEpochMs, at.policy.staleScanHours))) return [];
  return [
    doubt(BUILT_IN_RULES.scanRequired, image, `its last scan counts no more (${BUILT_IN_RULES.scanRequired})`, at),
  ];
}

/** Its properties or its age changed after the verdict, and the next evaluation judges them. */
const beingJudged = (image: RecordedImage, at: At): RawObjection[] => [
  doubt(DOOR_RULES.imageJudged, image, `Patchwave judges it again (${DOOR_RULES.imageJudged})`, at),
];

/**
 * A verdict names an age only from the warning on, so the breach of a younger image has no reason. Another reason that came due
 * since then says nothing of the age.
 */
function unlistedBreach(
  image: RecordedImage,
  { reasons, nextBreachAtEpochMs = Number.POSITIVE_INFINITY }: Verdict,
  held: readonly Reason[],
  at: At,
): RawObjection[] {
  if (reasons.some(({ kind }) => kind === 'age')) return [];
  const { bornAtEpochMs } = (image.age.known ? image.age : image.age.oldestKnown) ?? {};
  // Of an unknown age only the breach tells, and another reason explains that.
  if (bornAtEpochMs === undefined && held.some(({ effect, kind }) => effect === 'violates' && kind !== 'registry'))
    return [];
  const byPolicy = (bornAtEpochMs ?? Number.NEGATIVE_INFINITY) + ageLimitOf(at.policy, image).limitDays * DAY_MS;
  const dueEpochMs = Math.max(nextBreachAtEpochMs, byPolicy);
  if (dueEpochMs > at.nowEpochMs) return [];
  const fact = `its age is over the limit (${BUILT_IN_RULES.ageLimit})`;
  return [objection('fact', BUILT_IN_RULES.ageLimit, image, fact, dueEpochMs)];
}

function objection(
  of: ObjectionClass,
  ruleId: string,
  image: RecordedImage,
  fact: Text,
  sinceEpochMs: number | undefined,
): RawObjection {
  return {
    ...{ ruleId, class: of, fact, message: refusal(image, fact) },
    ...(sinceEpochMs !== undefined && { sinceEpochMs }),
  };
}

/** A doubt lasts since the last result without one, whatever states came between. */
const doubt = (ruleId: string, image: RecordedImage, fact: Text, at: At): RawObjection =>
  objection('doubt', ruleId, image, fact, doubtedSinceEpochMs(image, at));

/** What only a rule asks for is in doubt since the policies have that rule. */
const laterDoubt = (one: RawObjection, { sinceEpochMs }: Reason): RawObjection =>
  sinceEpochMs === undefined || one.sinceEpochMs === undefined || one.sinceEpochMs >= sinceEpochMs
    ? one
    : { ...one, sinceEpochMs };

/** Results that a policy with a shorter `staleScanHours` makes stale are in doubt since that policy is in force. */
function doubtedSinceEpochMs(image: RecordedImage, { policy, applied = [], nowEpochMs }: At): number | undefined {
  const knownUntil = (one: DoorPart): number | undefined => knownUntilEpochMs(image, one, nowEpochMs);
  return objectedSince(applied, knownUntil, graceOfDoorsMs(policy.doors)) ?? knownUntil(policy);
}

/* The texts. A reference and the names in a reason come from strangers. */

const MOST = 1000;

const shown = (text: string): string => cutText(visibleLine(cutText(text, MOST)), MOST);

const short = (digest: Digest): string => digest.slice(0, 'sha256:'.length + 12);

const refusal =
  ({ digest, owner, verdict }: RecordedImage, fact: Text): Text =>
  () =>
    shown(
      `${short(digest)}${owner === undefined ? '' : ` of ${owner}`} may not start: ${written(fact)}.${verdict ? ` Its verdict is ${verdictText(verdict)}.` : ''} Deploy a newer image, or see patchwave why ${short(digest)}.`,
    );

const unreadable = (text: string | undefined): string =>
  `The image reference ${text === undefined ? 'is missing' : `"${shown(cutText(text, 300))}" cannot be read`} (${DOOR_RULES.referenceReadable}). Write host/repository@sha256:<64 hexadecimal digits>.`;

const undigested = (reference: ImageReference): string =>
  shown(
    `${referenceName(reference)} names no digest, so nothing proves which image starts (${DOOR_RULES.digestRequired}). Name it by its digest: ${referenceName(reference)}@sha256:<digest>.`,
  );

const unread = (reference: ImageReference, { digest, readAtEpochMs }: TagReading): string =>
  shown(
    `Patchwave last read the tag ${tagNameOf(reference)} at ${instant(readAtEpochMs)}, as ${short(digest)}, which is too long ago (${DOOR_RULES.tagCurrent}). Name the image by its digest, or push the tag again.`,
  );

const unrecorded = (digest: Digest): string =>
  `Patchwave has no record of ${short(digest)} (${DOOR_RULES.imageRecorded}). Push it to a repository that Patchwave reads, and run patchwave check on it.`;

const unjudged = (digest: Digest): string =>
  `Patchwave has not judged ${short(digest)} as it is now (${DOOR_RULES.imageJudged}). Run patchwave check on it, and deploy it again.`;

const brokenBy = ({ author, reason, expiresAtEpochMs }: BreakGlass): string =>
  `${shown(`Break-glass by ${cutText(author, 100)} until ${instant(expiresAtEpochMs)}: ${cutText(reason, 200)}`)}.`;
