import { ageOf, type LineageChange, type LineageNotFound } from '../age/image-lineage.ts';
import { sameContent } from '../common/same-content.ts';
import type { ImageProperties } from '../image/image-properties.ts';
import { NEVER_SCANNED, type ScanState } from '../scan/scan.ts';
import { languageKnownAtEpochMs, resultAtEpochMs } from '../scan/scan-state.ts';
import type { ImageRecord, Judgement } from './image-record.ts';
import { lastResultsAfter } from './last-result.ts';
import { isOfUnreadLineage, type Verdict } from './verdict.ts';

/* The updates of an image's record. Several writers change their own parts of one record. Every ledger applies these
 * functions to its stored record, so the result does not depend on the order. */

/** The fields of a record that are no properties. */
type OthersWrote = Omit<ImageRecord, keyof ImageProperties>;

/** The properties in a record. */
export function propertiesIn(record: ImageRecord): ImageProperties {
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
  const { findingsFingerprint, findingsCount, judgedAtEpochMs, lastKnown, lastGood, ...facts } = others;
  return facts;
}

/**
 * Properties are replaced as a whole, so removed properties disappear. Fields of other writers stay, but a verdict on
 * other properties no longer counts as judged and loses `judgedAtEpochMs`. Only for other tags and names, and a system that is
 * read later, it stays judged: they change neither findings nor age, and the next evaluation judges them. A result of a search below an unreadable
 * image is void once the image is read: a new search is needed.
 * @param over gives the properties if the image is already known; without it they are as `found`
 */
export function withProperties(
  before: ImageRecord | undefined,
  found: ImageProperties,
  over?: (known: ImageRecord) => ImageProperties,
): ImageRecord {
  if (!before) return { ...found, inUse: false, isHead: false, scan: NEVER_SCANNED };
  const [properties, were] = [over ? over(before) : found, propertiesIn(before)];
  if (sameContent(were, properties)) return before;
  const known = before.unresolved && !properties.unresolved ? unplaced(before) : before;
  const judged = sameJudged(were, properties) ? known : unjudged(known);
  const others = Object.entries(judged).filter(([name]) => !(name in were));
  return { ...(Object.fromEntries(others) as OthersWrote), ...properties };
}

/** Whether a verdict on one counts for the other. */
const sameJudged = (one: ImageProperties, other: ImageProperties): boolean =>
  sameContent(withoutNames(one), withoutNames(other));

const withoutNames = ({ tagFacts: _, references: __, moreReferences: ___, system: ____, ...judged }: ImageProperties) =>
  judged;

/** No update of facts carries an instant, so the last result ends when it was last confirmed. */
function unjudged(before: ImageRecord): ImageRecord {
  const { judgedAtEpochMs, lastKnown: _, lastGood: __, ...record } = before;
  return judgedAtEpochMs === undefined ? before : { ...record, ...lastResultsAfter(before, record, judgedAtEpochMs) };
}

const unplaced = ({ lineage: _, ...record }: ImageRecord): ImageRecord => withoutSearch(record);

/** Without the result of a search that found no place. */
function withoutSearch(record: ImageRecord): ImageRecord {
  const { mayLieBelow, isParentAsBefore, parentAsBefore, ...others } = record;
  return others;
}

/**
 * `undefined` if nothing changes. A verdict with another age no longer counts as judged; the rest of the lineage is not
 * part of a verdict. A verdict that only says that the lineage is unread stays judged: it approves nothing, its
 * findings hold, and the next evaluation judges the age.
 */
export function withLineage(before: ImageRecord, change: LineageChange): ImageRecord | undefined {
  if ('mayLieBelow' in change) return withoutLineage(before, change);
  const lineage = typeof change === 'function' ? change(before.lineage) : change;
  if (!lineage || sameContent(before.lineage, lineage)) return undefined;
  const after = { ...withoutSearch(before), lineage };
  return sameContent(ageOf(before), lineage.age) || saysNoAge(before.verdict) ? after : unjudged(after);
}

/** An existing lineage came from a search with more access. */
function withoutLineage(before: ImageRecord, search: LineageNotFound): ImageRecord | undefined {
  const record = withoutSearch(before);
  const after = search.mayLieBelow.length === 0 ? record : { ...record, ...search };
  return before.lineage || sameContent(before, after) ? undefined : after;
}

const saysNoAge = (verdict: Verdict | undefined): boolean =>
  verdict !== undefined && isOfUnreadLineage(verdict) && verdict.reasons.every(({ kind }) => kind !== 'age');

/**
 * Records the guessed usage of one scope; each scope changes its own entry, so their order makes no difference.
 * `undefined` if nothing changes. A verdict made without it no longer counts as judged.
 * @param workload one of the workloads; `undefined` if there is none
 */
export function withGuess(before: ImageRecord, scope: string, workload: string | undefined): ImageRecord | undefined {
  const { guessedIn = {}, ...record } = before;
  if (guessedIn[scope] === workload) return undefined;
  const { [scope]: _, ...others } = guessedIn;
  const now = workload === undefined ? others : { ...others, [scope]: workload };
  return unjudged({ ...record, ...(Object.keys(now).length > 0 && { guessedIn: now }) });
}

/** `undefined` if a later rebuild already reproduced it. The next review derives its age. */
export const withReconfirmation = (before: ImageRecord, reconfirmedAtEpochMs: number): ImageRecord | undefined =>
  (before.reconfirmedAtEpochMs ?? 0) < reconfirmedAtEpochMs ? { ...before, reconfirmedAtEpochMs } : undefined;

/**
 * `undefined` if the judgement is outdated: there is a newer result, or one that knows more of language packages, or its
 * properties, age or guesses have changed. A scan request made meanwhile is not part of it and is kept.
 */
export function withJudgement(before: ImageRecord, judgement: Judgement): ImageRecord | undefined {
  const { properties, age, guessedIn, ...written } = judgement;
  if (properties && !sameJudged(properties, propertiesIn(before))) return undefined;
  if (age && !sameContent(age, ageOf(before))) return undefined;
  if (properties && !sameContent(guessedIn, before.guessedIn)) return undefined;
  if (isNewer(before, judgement) || knowsMore(before.scan, judgement.scan)) return undefined;
  const scan = { ...judgement.scan, ...latestRequests(before.scan, judgement.scan) };
  const { lastKnown: _, lastGood: __, ...known } = before;
  const after = { ...known, ...written, scan };
  return { ...after, ...lastResultsAfter(before, after, judgement.judgedAtEpochMs) };
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

/** `undefined` if nothing is decided, or the judgement is outdated (`withJudgement`). */
export function withChangedJudgement(
  before: ImageRecord,
  decide: (known: ImageRecord) => Judgement | undefined,
): ImageRecord | undefined {
  const judgement = decide(before);
  return judgement && withJudgement(before, judgement);
}

/**
 * A scan request was answered with an existing result that is not read yet. If a result or a refusal was recorded since
 * the request, only the answer is stored. `undefined` if nothing changes.
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

/** What was learnt of language packages stays known, because a later result may not cover them. */
export const knowsMore = (one: ScanState, other: ScanState): boolean =>
  (languageKnownAtEpochMs(one) ?? 0) > (languageKnownAtEpochMs(other) ?? 0);

/**
 * The scanner's own time decides; if it is equal or missing, the time of judging. A judgement without a known result
 * came before it; a refusal after a result carries the time of that result.
 */
function isNewer(before: ImageRecord, { scan, judgedAtEpochMs }: Judgement): boolean {
  const [had, has] = [resultAtEpochMs(before.scan) ?? 0, resultAtEpochMs(scan) ?? 0];
  if (had !== has) return had > has;
  return before.judgedAtEpochMs !== undefined && before.judgedAtEpochMs > judgedAtEpochMs;
}
