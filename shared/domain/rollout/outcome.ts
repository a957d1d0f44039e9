import { type Compared, newPairs, noveltyOf, type PairEvidence } from '../cause/added-pairs.ts';
import { type CauseFact, type FindingFact, factKey, mergeFacts } from '../cause/cause.ts';
import { anyContentFactStatus, anyFactStatus, factStatus, type JudgedImage } from '../cause/fact-status.ts';
import type { RebuildOutcome } from '../cause/rebuild.ts';
import { INSPECT, uncoveredIn, uncoveredText } from '../cause/uncovered-text.ts';
import { instant } from '../common/time.ts';
import { findingKey } from '../scan/finding.ts';
import { isOfUnreadLineage } from '../verdict/verdict.ts';

/**
 * The input of the judgement of a rebuild. `output` has one image per platform; it is empty if nothing proves what the
 * build made.
 */
export interface Rebuilt extends Compared {
  /** The stream had no head before, so the output cannot be worse. */
  readonly isFirst?: boolean;
  readonly begunAtEpochMs: number;
  /** Keys of the facts that count even if the rules of the stream allow them, because streams built on it need them fixed. */
  readonly factsOfOthers?: readonly string[];
  /** By `findingKey`, the evidence for pairs that the previous image seems not to have. */
  readonly evidence?: ReadonlyMap<string, PairEvidence>;
  /** Parent streams whose new head it did not use. */
  readonly pinnedTo?: readonly string[];
  /** Registries that no review has read: they may contain an ancestor of the output. */
  readonly unreadRegistries?: readonly string[];
  /** The deadline for a complete scan of the output. */
  readonly verifyDeadlineEpochMs: number;
}

/** `pending`: the output is not completely scanned and judged yet, before the deadline. */
export type RebuildJudgement = RebuildOutcome | { readonly result: 'pending'; readonly waitingFor: string };

/**
 * The outcome of a rebuild, from the pairs of its cause and the pairs that it added. A violating pair that the previous
 * image lacks and that was known when the build began makes it `worse`. A pair published later is a new cause and does
 * not change the outcome; a fixed rebuild names it. If no evidence decides between these, the rebuild is `unverified`.
 * A pair is a vulnerability and a package in any version.
 */
export function judgeOutcome(rebuilt: Rebuilt, nowEpochMs: number): RebuildJudgement {
  const { facts, factsOfOthers = [], output, pinnedTo = [] } = rebuilt;
  const ofOthers = new Set(factsOfOthers);
  if (output.length === 0)
    return {
      result: 'no-output',
      reason: 'nothing proves which image the build made. Let its pipeline report the digest (docs/acting.md)',
    };
  const unclear = output.filter((image) => isUnclear(image, facts));
  if (unclear.length > 0) return unclearOutcome(unclear, rebuilt, nowEpochMs);
  const { added, alsoFound, undecided } = sortPairs(rebuilt);
  if (added.length > 0) return { result: 'worse', added };
  // The parent may have moved again since, which is another cause.
  const left = facts.filter((fact) =>
    fact.kind === 'parent-moved'
      ? pinnedTo.includes(fact.parent)
      : (ofOthers.has(factKey(fact)) ? anyContentFactStatus : anyFactStatus)(fact, output) === 'present',
  );
  if (left.length > 0) return { result: 'ineffective', left };
  if (undecided.length > 0) return { result: 'unverified', reason: undecidedText(undecided, rebuilt) };
  return { result: 'fixed', ...(alsoFound.length > 0 && { alsoFound }) };
}

interface SortedPairs {
  readonly added: readonly CauseFact[];
  readonly alsoFound: readonly CauseFact[];
  readonly undecided: readonly FindingFact[];
}

function sortPairs(rebuilt: Rebuilt): SortedPairs {
  const { shared, others } = newPairs(rebuilt);
  const { findingsBefore, isFirst = false, evidence, begunAtEpochMs } = rebuilt;
  if (isFirst) return { added: [], alsoFound: mergeFacts(others), undecided: [] };
  const byNovelty = Map.groupBy(others, (fact) => noveltyOf(evidence?.get(findingKey(fact)), begunAtEpochMs));
  const { known = [], published = [], undecided = [] } = Object.fromEntries(byNovelty);
  // Without findings of the previous image, or of the kind of package in it, nothing proves that it lacked the pair.
  const isCompared = (fact: FindingFact) => findingsBefore !== undefined && isCoveredBefore(fact, rebuilt);
  return {
    added: mergeFacts(known.filter(isCompared)),
    alsoFound: mergeFacts([...shared, ...published]),
    undecided: [...known.filter((fact) => !isCompared(fact)), ...undecided],
  };
}

const isCoveredBefore = ({ packageKind }: FindingFact, { isLanguageKnownBefore = true }: Rebuilt): boolean =>
  packageKind !== 'language' || isLanguageKnownBefore;

const MOST_NAMED = 5;

function undecidedText(undecided: readonly FindingFact[], rebuilt: Rebuilt): string {
  const { findingsBefore, begunAtEpochMs } = rebuilt;
  const named = undecided.map(({ vulnerability, package: name, version }) => `${vulnerability} in ${name} ${version}`);
  const more = named.length > MOST_NAMED ? `, and ${named.length - MOST_NAMED} more` : '';
  const pairs = `${named.slice(0, MOST_NAMED).join(', ')}${more}`;
  if (findingsBefore !== undefined && undecided.some((fact) => !isCoveredBefore(fact, rebuilt)))
    return `the new image has ${pairs}, and the scan of the image before it covers only packages of the operating system. ${INSPECT}`;
  return findingsBefore === undefined
    ? `the new image has ${pairs}, and the image before it has no complete scan to compare with`
    : `the new image has ${pairs}, which the image before it did not have. No scan shows whether the scanner already knew these findings when the build began at ${instant(begunAtEpochMs)}`;
}

/** An image with an incomplete scan is unclear even without facts, so that nothing passes unseen. */
export function isUnclear(image: JudgedImage, facts: readonly CauseFact[]): boolean {
  if (!image.verdict || image.judgedAtEpochMs === undefined) return true;
  if (image.verdict.reasons.some(({ kind, effect }) => kind === 'scan' && effect === 'unknown')) return true;
  // Its lineage was read since, so the next judgement knows its age.
  if (image.lineage && isOfUnreadLineage(image.verdict)) return true;
  return facts.some((fact) => isUnknown(fact, image));
}

/** An age is fixed only after the lineage of the image was read: its own young birth proves nothing. */
function isUnknown(fact: CauseFact, image: JudgedImage): boolean {
  const status = factStatus(fact, image);
  return status === 'unknown' || (status === 'absent' && fact.kind === 'age' && !image.lineage);
}

const lineageUnreadText = (registries: readonly string[]): string =>
  `the lineage of the new image is not complete: it may be built on an image of ${registries.join(', ')}, which no review could read. Give Patchwave access there, then start a review`;

function unclearOutcome(
  unclear: readonly JudgedImage[],
  { facts, unreadRegistries = [], verifyDeadlineEpochMs }: Rebuilt,
  nowEpochMs: number,
): RebuildJudgement {
  const others = facts.filter(({ kind }) => kind !== 'age');
  // Only a review reads them; the next rebuild can rely on that.
  if (unreadRegistries.length > 0 && !unclear.some((image) => isUnclear(image, others)))
    return { result: 'unverified', reason: lineageUnreadText(unreadRegistries), isLineageUnread: true };
  const unscanned = unclear.filter((image) => isUnclear(image, []));
  const named = (unscanned.length > 0 ? unscanned : unclear).map(({ digest }) => digest).sort();
  const missing = `no complete scan and verdict for ${named.join(', ')}`;
  // The image may be copied to a repository that Amazon Inspector scans.
  const uncovered = unscanned.length === 0 ? uncoveredText(facts, unclear) : undefined;
  if (nowEpochMs < verifyDeadlineEpochMs) return { result: 'pending', waitingFor: uncovered ?? missing };
  return {
    result: 'unverified',
    reason: uncovered ?? `${missing} by ${new Date(verifyDeadlineEpochMs).toISOString()}`,
    isUnscanned: true,
    ...(uncovered !== undefined && { uncovered: uncoveredIn(facts, unclear).map(({ digest }) => digest) }),
  };
}
