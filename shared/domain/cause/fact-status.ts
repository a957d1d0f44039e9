import type { ImageLineage } from '../age/image-lineage.ts';
import { DAY_MS } from '../common/time.ts';
import type { Digest } from '../image/image.ts';
import type { ScanState } from '../scan/scan.ts';
import { isDue } from '../scan/scan-decision.ts';
import { resultAtEpochMs } from '../scan/scan-state.ts';
import type { Reason, Verdict } from '../verdict/verdict.ts';
import { type CauseFact, isOwnWarning, type ParentMovedFact, type PersonFact } from './cause.ts';
import { isUnpromoted, type Rebuild } from './rebuild.ts';
import type { Unplaced } from './unplaced.ts';

/** An image as far as it was judged; `judgedAtEpochMs` is absent once its facts changed after its verdict. */
export interface JudgedImage {
  readonly digest: Digest;
  readonly verdict?: Verdict;
  readonly judgedAtEpochMs?: number;
  /** Absent until somebody has looked what it is built on. */
  readonly lineage?: Pick<ImageLineage, 'staleParent'>;
  /** Present where nobody knows yet which image it is built on. */
  readonly unplaced?: Unplaced;
  /** Of a head: present where the age of the next build of its stream would be unknown. */
  readonly nextUnread?: Unplaced;
  /** Absent where only the verdict is at hand. */
  readonly scan?: Pick<
    ScanState,
    'state' | 'completedAtEpochMs' | 'watchedAtEpochMs' | 'requestedAtEpochMs' | 'answeredRequestAtEpochMs'
  >;
}

/** Whether an image has what a fact tells; `unknown` is never taken for `free`. */
export type FactStatus = 'present' | 'absent' | 'unknown';

/**
 * A finding counts by its vulnerability and package, whatever its version, and from its first day: also while its grace
 * runs; an age from its limit on, its own from the warning. What is waived does not count. What a person asked for is
 * held by no image.
 */
export function factStatus(fact: CauseFact, { verdict, judgedAtEpochMs, lineage }: JudgedImage): FactStatus {
  if (fact.kind === 'person') return 'absent';
  if (fact.kind === 'parent-moved') return hasStaleParent(fact, lineage);
  const told = verdict && factsInVerdict(verdict);
  if (told && (fact.kind === 'age' ? told.isTooOld : told.findings.has(pairOf(fact)))) return 'present';
  if (!told || judgedAtEpochMs === undefined) return 'unknown';
  return (fact.kind === 'age' ? told.isAgeUnknown : told.isScanUnknown) ? 'unknown' : 'absent';
}

/**
 * As `factStatus`, for a proof: a scan that ended before a finding was first seen does not show that an image is free of it,
 * because the vulnerability may have been published in between. A result of a scanner that watches the image shows it as of
 * the instant when it was last read.
 */
export function provenFactStatus(fact: CauseFact, image: JudgedImage): FactStatus {
  const status = factStatus(fact, image);
  if (status !== 'absent' || fact.kind !== 'finding' || !image.scan) return status;
  return (resultAtEpochMs(image.scan) ?? 0) < fact.sinceEpochMs ? 'unknown' : 'absent';
}

function hasStaleParent({ parent }: ParentMovedFact, lineage: JudgedImage['lineage']): FactStatus {
  if (!lineage) return 'unknown';
  return lineage.staleParent?.stream === parent ? 'present' : 'absent';
}

/** As `factStatus`; an age that something else decides, which the image is built on, is not its own. */
function ownFactStatus(fact: CauseFact, image: JudgedImage): FactStatus {
  const status = factStatus(fact, image);
  const isOwn =
    fact.kind !== 'age' || status !== 'present' || (image.verdict && factsInVerdict(image.verdict).isOwnAge);
  return isOwn ? status : 'absent';
}

/**
 * As `factStatus`, but by what an image is made of: a waiver lets it pass and takes nothing out. Whatever is built upon
 * it has the same, and may have no waiver.
 */
export function contentFactStatus(fact: CauseFact, image: JudgedImage): FactStatus {
  const { verdict, judgedAtEpochMs = 0 } = image;
  if (!verdict || !factsInVerdict(verdict).isWaived) return factStatus(fact, image);
  if (fact.kind === 'finding' && factsInVerdict(verdict).waived.has(pairOf(fact))) return 'present';
  if (fact.kind !== 'age') return factStatus(fact, image);
  const reasons = verdict.reasons.map((reason) => withoutWaiver(reason, judgedAtEpochMs));
  return factStatus(fact, { ...image, verdict: { ...verdict, reasons } });
}

interface VerdictFacts {
  readonly findings: ReadonlySet<string>;
  /** Findings only. */
  readonly waived: ReadonlySet<string>;
  readonly isWaived: boolean;
  readonly isTooOld: boolean;
  /** Its own birth decides. */
  readonly isOwnAge: boolean;
  readonly isScanUnknown: boolean;
  readonly isAgeUnknown: boolean;
}

/** A verdict may have thousands of reasons, and is asked after as many facts. */
const KNOWN = new WeakMap<Verdict, VerdictFacts>();

function factsInVerdict(verdict: Verdict): VerdictFacts {
  const known = KNOWN.get(verdict);
  if (known) return known;
  const { reasons } = verdict;
  const pairsOf = (isWaived: boolean) =>
    new Set(
      reasons.flatMap((one) => (one.kind === 'finding' && (one.effect === 'waived') === isWaived ? pairOf(one) : [])),
    );
  const told = {
    findings: pairsOf(false),
    waived: pairsOf(true),
    isWaived: reasons.some(({ effect }) => effect === 'waived'),
    isTooOld: reasons.some((one) => one.kind === 'age' && (one.effect === 'violates' || isOwnWarning(one))),
    isOwnAge: reasons.some((one) => one.kind === 'age' && one.decidedBy === undefined),
    isScanUnknown: reasons.some(({ kind, effect }) => isOfScan(kind) && effect === 'unknown'),
    isAgeUnknown: reasons.some(({ kind, effect }) => isOfAge(kind) && effect === 'unknown'),
  };
  KNOWN.set(verdict, told);
  return told;
}

/** A verdict without a policy says neither what an image has nor what it has not. */
const isOfScan = (kind: Reason['kind']): boolean => kind === 'scan' || kind === 'policy';
const isOfAge = (kind: Reason['kind']): boolean => kind === 'age-unknown' || kind === 'policy';

const pairOf = (one: { readonly vulnerability: string; readonly package: string }): string =>
  `${one.vulnerability}\n${one.package}`;

/** An age may be waived before its limit is reached. */
function withoutWaiver(reason: Reason, judgedAtEpochMs: number): Reason {
  if (reason.effect !== 'waived') return reason;
  const isDue = reason.kind === 'age' && reason.bornAtEpochMs + reason.limitDays * DAY_MS > judgedAtEpochMs;
  return { ...reason, effect: isDue ? 'due' : 'violates' };
}

/** Of whom nobody can tell yet what it holds. */
export const isUnjudged = ({ verdict, judgedAtEpochMs }: Omit<JudgedImage, 'digest'>): boolean =>
  !verdict ||
  judgedAtEpochMs === undefined ||
  verdict.reasons.some(({ kind, effect }) => isOfScan(kind) && effect === 'unknown');

/** Whether any, or none, or perhaps some of several images hold a fact. */
export const anyFactStatus = (fact: CauseFact, images: readonly JudgedImage[]): FactStatus =>
  any(images.map((image) => factStatus(fact, image)));

/**
 * As `anyContentFactStatus`, to tell whose a finding is. While a new scan of an image is awaited, the last one does not show that it
 * is free of a finding that was first seen since.
 */
export const anyContentFactStatusByNow = (fact: CauseFact, images: readonly JudgedImage[]): FactStatus =>
  any(
    images.map((image) => {
      const status = contentFactStatus(fact, image);
      return status === 'absent' && isScanAwaited(fact, image) ? 'unknown' : status;
    }),
  );

const isScanAwaited = (fact: CauseFact, image: JudgedImage): boolean =>
  fact.kind === 'finding' &&
  isScanOpen(image) &&
  (image.scan ? (resultAtEpochMs(image.scan) ?? 0) : 0) < fact.sinceEpochMs;

/**
 * Whether the last scan that was asked for has not ended, or its result was not read yet (`stale`). One that the scanner answered with
 * an older result never began. The scanner may have lost it: a request that is a day old is made again by each caller that waits for
 * its result.
 */
export function isScanOpen({ scan }: Pick<JudgedImage, 'scan'>): boolean {
  // In every other state no scan is on its way: it was refused, or the scanner scans without being asked.
  if (scan?.state !== 'requested' && scan?.state !== 'complete' && scan?.state !== 'stale') return false;
  const { completedAtEpochMs = 0, requestedAtEpochMs = 0, answeredRequestAtEpochMs = 0 } = scan;
  const isAnswered = scan.state === 'complete' && answeredRequestAtEpochMs >= requestedAtEpochMs;
  return !isAnswered && completedAtEpochMs < requestedAtEpochMs;
}

/**
 * Whether heads that seem free of a finding must be scanned before they are deployed for it. The last scan of one of them ended before
 * the finding was first seen, and a newer result is awaited or can be asked for. A registry scans an image once in 24 hours, so a
 * younger result counts, and so does an older one where the registry gave no newer one today: to wait for the next one would keep a
 * clean head back for a day. No event tells what Inspector finds in an image that it watches (`continuous`): its result counts as of
 * when it was last read, and can be read again.
 */
export const needsNewScan = (fact: CauseFact, heads: readonly JudgedImage[], nowEpochMs: number): boolean =>
  fact.kind === 'finding' &&
  heads.some(
    ({ scan }) =>
      scan !== undefined &&
      (resultAtEpochMs(scan) ?? 0) < fact.sinceEpochMs &&
      (isScanOpen({ scan }) || isDue(scan, nowEpochMs)),
  );

/** The same of what they are made of. */
export const anyContentFactStatus = (fact: CauseFact, images: readonly JudgedImage[]): FactStatus =>
  any(images.map((image) => contentFactStatus(fact, image)));

const any = (statuses: readonly FactStatus[]): FactStatus =>
  statuses.includes('present') ? 'present' : statuses.includes('unknown') ? 'unknown' : 'absent';

/** The images of a stream that matter for its cause. */
export interface StreamImagesSeen {
  /** One for each platform; empty where the stream has no head, absent where nobody could tell. */
  readonly heads?: readonly JudgedImage[];
  /** Older images that something runs. */
  readonly inUse: readonly JudgedImage[];
  /** The rebuild of the stream that began last. */
  readonly latestRebuild?: Rebuild;
}

/**
 * What a fact asks for. `rebuild`: a head holds it, or there is no head to deploy. `deploy`: no head does, something
 * older that runs does. `gone`: nothing holds it any more. `unknown`: nobody can tell yet.
 */
export type FactClass = 'rebuild' | 'deploy' | 'gone' | 'unknown';

export function classifyFact(fact: CauseFact, { heads, inUse, latestRebuild }: StreamImagesSeen): FactClass {
  if (fact.kind === 'person') return isServed(fact, latestRebuild) ? 'gone' : 'rebuild';
  if (!heads) return 'unknown';
  const inHeads = any(heads.map((head) => ownFactStatus(fact, head)));
  if (inHeads !== 'absent') return inHeads === 'present' ? 'rebuild' : 'unknown';
  // What still runs is no worse for it.
  if (fact.kind === 'parent-moved') return 'gone';
  const older = any(inUse.map((image) => ownFactStatus(fact, image)));
  if (older !== 'present') return older === 'absent' ? 'gone' : 'unknown';
  return heads.length > 0 ? 'deploy' : 'rebuild';
}

/**
 * A person has what was asked for once a later rebuild made something that others can use, whatever its verification
 * says: that is then a matter of the findings. Otherwise a rebuild that fixes nothing would be repeated for ever.
 */
const isServed = ({ sinceEpochMs }: PersonFact, rebuild: Rebuild | undefined): boolean =>
  rebuild !== undefined &&
  rebuild.reservedAtEpochMs >= sinceEpochMs &&
  rebuild.outcome !== undefined &&
  rebuild.outcome.result !== 'failed' &&
  rebuild.outcome.result !== 'no-output' &&
  !isUnpromoted(rebuild);
