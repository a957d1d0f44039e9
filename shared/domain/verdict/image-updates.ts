import { ageOf, type LineageChange, type LineageNotFound } from '../age/image-lineage.ts';
import { sameContent } from '../common/same-content.ts';
import type { ImageFacts } from '../image/image-facts.ts';
import { NEVER_SCANNED, type ScanState } from '../scan/scan.ts';
import { resultAtEpochMs } from '../scan/scan-state.ts';
import type { ImageRecord, Judgement } from './image-record.ts';
import { isOfUnreadLineage, type Verdict } from './verdict.ts';

/*
 * What writes make of an image's record. Several writers change one record, each its own part of it: every ledger
 * applies these to what it has, so that they end the same in whatever order they come.
 */

/** What of a record is no fact. */
type OthersWrote = Omit<ImageRecord, keyof ImageFacts>;

/** The facts in a record. */
export function factsIn(record: ImageRecord): ImageFacts {
  const {
    inUse,
    isHead,
    lineage,
    mayLieBelow,
    isParentAsBefore,
    parentAsBefore,
    guessedIn,
    reconfirmedAtEpochMs,
    scan,
    verdict,
    ...others
  } = record;
  const { findingsFingerprint, findingsCount, judgedAtEpochMs, ...facts } = others;
  return facts;
}

/**
 * Facts are replaced as a whole: what the registry or the policy no longer says is gone. What others wrote stays, but a
 * verdict by other facts no longer counts as judged: it has no `judgedAtEpochMs`. What was found below an image that could not
 * be read tells nothing once it is read: a search has to look again.
 * @param over says what the facts are where the image is known already; without it they are as `told`
 */
export function withFacts(
  before: ImageRecord | undefined,
  told: ImageFacts,
  over?: (known: ImageRecord) => ImageFacts,
): ImageRecord {
  if (!before) return { ...told, inUse: false, isHead: false, scan: NEVER_SCANNED };
  const [facts, were] = [over ? over(before) : told, factsIn(before)];
  if (sameContent(were, facts)) return before;
  const known = before.unresolved && !facts.unresolved ? unplaced(before) : before;
  const others = Object.entries(unjudged(known)).filter(([name]) => !(name in were));
  return { ...(Object.fromEntries(others) as OthersWrote), ...facts };
}

const unjudged = ({ judgedAtEpochMs: _, ...record }: ImageRecord): ImageRecord => record;

const unplaced = ({ lineage: _, ...record }: ImageRecord): ImageRecord => withoutSearch(record);

/** Without what a search said that could not place the image. */
function withoutSearch(record: ImageRecord): ImageRecord {
  const { mayLieBelow, isParentAsBefore, parentAsBefore, ...others } = record;
  return others;
}

/**
 * `undefined` where it stands as it stood. A verdict by another age no longer counts as judged; what an image is built on
 * is no part of a verdict beyond that. A verdict that only says that the lineage was unread stays judged: it passes
 * nothing, what it says of findings holds, and the next look at the image judges its age.
 */
export function withLineage(before: ImageRecord, change: LineageChange): ImageRecord | undefined {
  if ('mayLieBelow' in change) return withoutLineage(before, change);
  const lineage = typeof change === 'function' ? change(before.lineage) : change;
  if (!lineage || sameContent(before.lineage, lineage)) return undefined;
  const after = { ...withoutSearch(before), lineage };
  return sameContent(ageOf(before), lineage.age) || saysNoAge(before.verdict) ? after : unjudged(after);
}

/** A standing that is there came from a search that could read more. */
function withoutLineage(before: ImageRecord, told: LineageNotFound): ImageRecord | undefined {
  const record = withoutSearch(before);
  const after = told.mayLieBelow.length === 0 ? record : { ...record, ...told };
  return before.lineage || sameContent(before, after) ? undefined : after;
}

const saysNoAge = (verdict: Verdict | undefined): boolean =>
  verdict !== undefined && isOfUnreadLineage(verdict) && verdict.reasons.every(({ kind }) => kind !== 'age');

/**
 * What one scope says of who runs the image by a guess; each scope changes its own entry, so their order makes no difference.
 * `undefined` where nothing changes. A verdict that did not know of it no longer counts as judged.
 * @param workload one of those that do; `undefined` where none does
 */
export function withGuess(before: ImageRecord, scope: string, workload: string | undefined): ImageRecord | undefined {
  const { guessedIn = {}, ...record } = before;
  if (guessedIn[scope] === workload) return undefined;
  const { [scope]: _, ...others } = guessedIn;
  const now = workload === undefined ? others : { ...others, [scope]: workload };
  return unjudged({ ...record, ...(Object.keys(now).length > 0 && { guessedIn: now }) });
}

/** `undefined` where it was made again later already. What that makes of its age says the next review. */
export const withReconfirmation = (before: ImageRecord, reconfirmedAtEpochMs: number): ImageRecord | undefined =>
  (before.reconfirmedAtEpochMs ?? 0) < reconfirmedAtEpochMs ? { ...before, reconfirmedAtEpochMs } : undefined;

/**
 * `undefined` where the judgement does not count: there is a newer result, or it judged by facts, by an age or by guesses
 * that are no longer so. A request for a scan that was made while it was formed is not in it, and is not lost.
 */
export function withJudgement(before: ImageRecord, judgement: Judgement): ImageRecord | undefined {
  const { facts, age, guessedIn, ...written } = judgement;
  if (facts && !sameContent(facts, factsIn(before))) return undefined;
  if (age && !sameContent(age, ageOf(before))) return undefined;
  if (facts && !sameContent(guessedIn, before.guessedIn)) return undefined;
  if (isNewer(before, judgement)) return undefined;
  return { ...before, ...written, scan: { ...judgement.scan, ...latestRequests(before.scan, judgement.scan) } };
}

function latestRequests(one: ScanState, other: ScanState) {
  const requestedAtEpochMs = latest(one.requestedAtEpochMs, other.requestedAtEpochMs);
  const answeredRequestAtEpochMs = latest(one.answeredRequestAtEpochMs, other.answeredRequestAtEpochMs);
  return {
    ...(requestedAtEpochMs !== undefined && { requestedAtEpochMs }),
    ...(answeredRequestAtEpochMs !== undefined && { answeredRequestAtEpochMs }),
  };
}

const latest = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);

/** `undefined` where nothing is decided, or the judgement does not count (`withJudgement`). */
export function withChangedJudgement(
  before: ImageRecord,
  decide: (known: ImageRecord) => Judgement | undefined,
): ImageRecord | undefined {
  const judgement = decide(before);
  return judgement && withJudgement(before, judgement);
}

/**
 * A request for a scan was answered with a result that nobody has read. Where a result or a refusal was recorded since the
 * request, only the answer is kept. `undefined` where nothing changes.
 */
export function withUnreadResult(before: ImageRecord): ImageRecord | undefined {
  const { reason, detail, ...scan } = before.scan;
  const { requestedAtEpochMs = 0, answeredRequestAtEpochMs } = scan;
  const answered = { answeredRequestAtEpochMs: requestedAtEpochMs };
  const recordedAtEpochMs = Math.max(scan.completedAtEpochMs ?? 0, before.judgedAtEpochMs ?? 0);
  if (recordedAtEpochMs < requestedAtEpochMs) return { ...before, scan: { ...scan, ...answered, state: 'stale' } };
  return answeredRequestAtEpochMs === requestedAtEpochMs
    ? undefined
    : { ...before, scan: { ...before.scan, ...answered } };
}

/**
 * The scanner's own time decides, and where it is the same or neither has one, the time of judging. A judgement without
 * a result that is known was formed before it: a refusal that came after a result carries the time of that result.
 */
function isNewer(before: ImageRecord, { scan, judgedAtEpochMs }: Judgement): boolean {
  const [had, has] = [resultAtEpochMs(before.scan) ?? 0, resultAtEpochMs(scan) ?? 0];
  if (had !== has) return had > has;
  return before.judgedAtEpochMs !== undefined && before.judgedAtEpochMs > judgedAtEpochMs;
}
