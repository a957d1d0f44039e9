import type { ImageLineage } from '../age/image-lineage.ts';
import { DAY_MS } from '../common/time.ts';
import type { Digest } from '../image/image.ts';
import { findingKey } from '../scan/finding.ts';
import type { PackageKind, ScanState } from '../scan/scan.ts';
import { isDue } from '../scan/scan-decision.ts';
import { resultAtEpochMs } from '../scan/scan-state.ts';
import type { Reason, Verdict } from '../verdict/verdict.ts';
import { type CauseFact, type FindingFact, isOwnWarning, type ParentMovedFact, type PersonFact } from './cause.ts';
import { isUnpromoted, type Rebuild } from './rebuild.ts';
import type { Unplaced } from './unplaced.ts';

/** The judged part of an image; `judgedAtEpochMs` is absent if its facts changed after its verdict. */
export interface JudgedImage {
  readonly digest: Digest;
  readonly verdict?: Verdict;
  readonly judgedAtEpochMs?: number;
  /** Absent until its lineage is resolved. */
  readonly lineage?: Pick<ImageLineage, 'staleParent'>;
  /** Present while its parent is unknown. */
  readonly unplaced?: Unplaced;
  /** For a head: present if the age of the next build of its stream would be unknown. */
  readonly nextUnread?: Unplaced;
  /** Absent if only the verdict is available. */
  readonly scan?: Pick<
    ScanState,
    'state' | 'completedAtEpochMs' | 'watchedAtEpochMs' | 'requestedAtEpochMs' | 'answeredRequestAtEpochMs'
  > &
    Partial<Pick<ScanState, 'coverage' | 'languageAtEpochMs'>>;
  /**
   * Of the findings asked about, those in the evidence of its last scan, as `findingKey`s, whatever the rules of the policy;
   * `missing`: the evidence is not there. Absent if only the verdict was asked.
   */
  readonly found?: ReadonlySet<string> | 'missing';
}

/** Whether an image has what a fact tells; `unknown` is never taken for `free`. */
export type FactStatus = 'present' | 'absent' | 'unknown';

/**
 * A finding counts by vulnerability and package in any version, from its first day, also during its grace period. An
 * age counts from its limit, the image's own age from the warning. Waived reasons do not count. No image has a person's
 * request. A scan that does not cover the kind of package never shows that an image lacks a finding.
 */
export function factStatus(fact: CauseFact, image: JudgedImage): FactStatus {
  const status = statusInVerdict(fact, image);
  return status === 'absent' && fact.kind === 'finding' && !coversKind(fact, image) ? 'unknown' : status;
}

/** Whether only the coverage of its scan keeps an image from showing that it lacks a finding. */
export const isUncovered = (fact: CauseFact, image: JudgedImage): boolean =>
  fact.kind === 'finding' && statusInVerdict(fact, image) === 'absent' && !coversKind(fact, image);

/**
 * Whether the scan of an image covers the kind of package of a finding. A later scan of the system alone leaves what is
 * known of language packages as it was, so it shows nothing about a finding that was first seen since.
 */
function coversKind(fact: FindingFact, { scan }: JudgedImage): boolean {
  if (kindOf(fact) === 'os') return true;
  const { coverage = [], languageAtEpochMs } = scan ?? {};
  return languageAtEpochMs === undefined ? coverage.includes('language') : languageAtEpochMs >= fact.sinceEpochMs;
}

/**
 * An item of an earlier version does not say the kind. Basic scanning sees packages of the system only, and knows
 * no fix: so a finding with a known fix comes from Amazon Inspector, and may be in a package of a language.
 */
const kindOf = ({ packageKind, fix }: FindingFact): PackageKind =>
  packageKind ?? (fix === 'unknown' ? 'os' : 'language');

function statusInVerdict(fact: CauseFact, { verdict, judgedAtEpochMs, lineage, found }: JudgedImage): FactStatus {
  if (fact.kind === 'person') return 'absent';
  if (fact.kind === 'parent-moved') return hasStaleParent(fact, lineage);
  const inVerdict = verdict && factsInVerdict(verdict);
  if (inVerdict && (fact.kind === 'age' ? inVerdict.isTooOld : inVerdict.findings.has(pairOf(fact)))) return 'present';
  if (!inVerdict || judgedAtEpochMs === undefined) return 'unknown';
  if (fact.kind === 'age') return inVerdict.isAgeUnknown ? 'unknown' : 'absent';
  if (inVerdict.isScanUnknown || found === 'missing') return 'unknown';
  // A verdict lists only what a rule asks for; a waiver accepts a finding that the evidence still has.
  return found?.has(findingKey(fact)) && !inVerdict.waived.has(pairOf(fact)) ? 'present' : 'absent';
}

/**
 * Like `factStatus`, for a proof. A scan that ended before a finding was first seen does not show that an image lacks
 * it, because the vulnerability may have been published in between. A continuous scanner's result counts as of its last
 * read.
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

/** Like `factStatus`, but an age decided by an ancestor is not its own. */
function ownFactStatus(fact: CauseFact, image: JudgedImage): FactStatus {
  const status = factStatus(fact, image);
  const isOwn =
    fact.kind !== 'age' || status !== 'present' || (image.verdict && factsInVerdict(image.verdict).isOwnAge);
  return isOwn ? status : 'absent';
}

/**
 * Like `factStatus`, but by content: a waiver accepts a finding and removes nothing. Every image built on it has the
 * same finding, perhaps without a waiver.
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

/** Indexed, because a verdict may have thousands of reasons and as many facts are looked up. */
const KNOWN = new WeakMap<Verdict, VerdictFacts>();

function factsInVerdict(verdict: Verdict): VerdictFacts {
  const known = KNOWN.get(verdict);
  if (known) return known;
  const { reasons } = verdict;
  const pairsOf = (isWaived: boolean) =>
    new Set(
      reasons.flatMap((one) => (one.kind === 'finding' && (one.effect === 'waived') === isWaived ? pairOf(one) : [])),
    );
  const facts = {
    findings: pairsOf(false),
    waived: pairsOf(true),
    isWaived: reasons.some(({ effect }) => effect === 'waived'),
    isTooOld: reasons.some((one) => one.kind === 'age' && (one.effect === 'violates' || isOwnWarning(one))),
    isOwnAge: reasons.some((one) => one.kind === 'age' && one.decidedBy === undefined),
    isScanUnknown: reasons.some((one) => hides(one, 'findings')),
    isAgeUnknown: reasons.some((one) => hides(one, 'age')),
  };
  KNOWN.set(verdict, facts);
  return facts;
}

type Content = 'findings' | 'age';

/** What a reason with the effect `unknown` hides: then the verdict shows neither the presence nor the absence of a fact. */
const HIDDEN_BY: Readonly<Record<Reason['kind'], readonly Content[]>> = {
  scan: ['findings'],
  'age-unknown': ['age'],
  policy: ['findings', 'age'],
  ...{ age: [], finding: [], registry: [], source: [], system: [], tag: [], user: [], 'digest-guessed': [] },
};

/** A kind that only a later version knows may hide anything. */
const hides = ({ kind, effect }: Reason, content: Content): boolean =>
  effect === 'unknown' && (HIDDEN_BY[kind]?.includes(content) ?? true);

const pairOf = (one: { readonly vulnerability: string; readonly package: string }): string =>
  `${one.vulnerability}\n${one.package}`;

/** An age may be waived before its limit is reached. */
function withoutWaiver(reason: Reason, judgedAtEpochMs: number): Reason {
  if (reason.effect !== 'waived') return reason;
  const isDue = reason.kind === 'age' && reason.bornAtEpochMs + reason.limitDays * DAY_MS > judgedAtEpochMs;
  return { ...reason, effect: isDue ? 'due' : 'violates' };
}

/** Images whose facts are not known yet. */
export const isUnjudged = ({ verdict, judgedAtEpochMs }: Omit<JudgedImage, 'digest'>): boolean =>
  !verdict || judgedAtEpochMs === undefined || verdict.reasons.some((one) => hides(one, 'findings'));

/** Whether any, none or perhaps some of several images have a fact. */
export const anyFactStatus = (fact: CauseFact, images: readonly JudgedImage[]): FactStatus =>
  any(images.map((image) => factStatus(fact, image)));

/**
 * Like `anyContentFactStatus`, to attribute a finding. While a new scan of an image is awaited, its last one does not
 * show that it lacks a finding first seen since.
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
 * Whether the last requested scan has not ended, or its result is not read yet (`stale`). A request answered with an
 * older result never began. A scanner may lose a request, so each caller that waits for its result repeats a request
 * that is a day old.
 */
export function isScanOpen({ scan }: Pick<JudgedImage, 'scan'>): boolean {
  // In every other state no scan is pending: it was refused, or the scanner scans by itself.
  if (scan?.state !== 'requested' && scan?.state !== 'complete' && scan?.state !== 'stale') return false;
  const { completedAtEpochMs = 0, requestedAtEpochMs = 0, answeredRequestAtEpochMs = 0 } = scan;
  const isAnswered = scan.state === 'complete' && answeredRequestAtEpochMs >= requestedAtEpochMs;
  return !isAnswered && completedAtEpochMs < requestedAtEpochMs;
}

/**
 * Whether heads that seem to lack a finding must be scanned before they are deployed for it. That is so if the last
 * scan of one of them ended before the finding was first seen, and a newer result is awaited or can be requested. A
 * registry scans an image once in 24 hours, so a younger result counts. An older one counts if the registry gave no
 * newer one today; waiting would delay a clean head for a day. Inspector sends no event for the findings of an image
 * that it watches (`continuous`): its result counts as of its last read, and can be read again at any time.
 */
export const needsNewScan = (fact: CauseFact, heads: readonly JudgedImage[], nowEpochMs: number): boolean =>
  fact.kind === 'finding' &&
  heads.some(
    ({ scan }) =>
      scan !== undefined &&
      (resultAtEpochMs(scan) ?? 0) < fact.sinceEpochMs &&
      (scan.state === 'continuous' || isScanOpen({ scan }) || isDue(scan, nowEpochMs)),
  );

/** The same by content. */
export const anyContentFactStatus = (fact: CauseFact, images: readonly JudgedImage[]): FactStatus =>
  any(images.map((image) => contentFactStatus(fact, image)));

const any = (statuses: readonly FactStatus[]): FactStatus =>
  statuses.includes('present') ? 'present' : statuses.includes('unknown') ? 'unknown' : 'absent';

/** The images of a stream that matter for its cause. */
export interface StreamImagesSeen {
  /** One for each platform; empty if the stream has no head, absent if it is unknown. */
  readonly heads?: readonly JudgedImage[];
  /** Older images that a workload runs. */
  readonly inUse: readonly JudgedImage[];
  /** The rebuild of the stream that began last. */
  readonly latestRebuild?: Rebuild;
}

/**
 * What a fact calls for. `rebuild`: a head has it, or there is no head to deploy. `deploy`: no head has it, an older
 * running image does. `gone`: no image has it any longer. `unknown`: not known yet.
 */
export type FactClass = 'rebuild' | 'deploy' | 'gone' | 'unknown';

export function classifyFact(fact: CauseFact, { heads, inUse, latestRebuild }: StreamImagesSeen): FactClass {
  if (fact.kind === 'person') return isServed(fact, latestRebuild) ? 'gone' : 'rebuild';
  if (!heads) return 'unknown';
  const inHeads = any(heads.map((head) => ownFactStatus(fact, head)));
  if (inHeads !== 'absent') return inHeads === 'present' ? 'rebuild' : 'unknown';
  // Running images are no worse because of it.
  if (fact.kind === 'parent-moved') return 'gone';
  const older = any(inUse.map((image) => ownFactStatus(fact, image)));
  if (older !== 'present') return older === 'absent' ? 'gone' : 'unknown';
  return heads.length > 0 ? 'deploy' : 'rebuild';
}

/**
 * A request is fulfilled once a later rebuild made a usable image, even if its verification found facts left, because
 * the findings cover these. Otherwise a rebuild that fixes nothing would repeat forever.
 */
const isServed = ({ sinceEpochMs }: PersonFact, rebuild: Rebuild | undefined): boolean =>
  rebuild !== undefined &&
  rebuild.reservedAtEpochMs >= sinceEpochMs &&
  rebuild.outcome !== undefined &&
  rebuild.outcome.result !== 'failed' &&
  rebuild.outcome.result !== 'no-output' &&
  !isUnpromoted(rebuild);
