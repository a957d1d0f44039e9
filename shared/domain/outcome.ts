import { type CauseFact, causeFacts, mergeFacts } from './cause.ts';
import { type Finding, findingKey } from './finding.ts';
import { anyHolds, holdsFact, type LookedAt } from './holding.ts';
import type { RebuildOutcome } from './rebuild.ts';
import { isOfUnreadLineage } from './verdict.ts';

/** What a rebuild is judged by. */
export interface Rebuilt {
  /** What it was to mend. */
  readonly facts: readonly CauseFact[];
  /** The images of what it made, one for each platform; empty where nobody can prove what that is. */
  readonly output: readonly LookedAt[];
  /** All findings of the head before it, over all platforms; absent where nobody has them. */
  readonly findingsBefore?: readonly Pick<Finding, 'vulnerability' | 'package' | 'version'>[];
  /** Streams whose new head it did not pick up. */
  readonly pinnedTo?: readonly string[];
  /** A complete scan of the output is awaited until then. */
  readonly verifyDeadlineEpochMs: number;
}

/** `pending`: not all of the output is scanned and judged yet, and there is time. */
export type RebuildJudgement = RebuildOutcome | { readonly result: 'pending'; readonly waitingFor: string };

/**
 * What a rebuild came to, judged on the pairs of its cause alone: a vulnerability that was published meanwhile is a new
 * cause and no verdict on this rebuild. A pair counts by vulnerability and package, whatever the version.
 */
export function judgeOutcome(rebuilt: Rebuilt, nowEpochMs: number): RebuildJudgement {
  const { facts, output, pinnedTo = [] } = rebuilt;
  if (output.length === 0) return { result: 'no-output', reason: 'nothing proves what the build made' };
  const unclear = output.filter((image) => isUnclear(image, facts));
  if (unclear.length > 0) return unclearOutcome(unclear, rebuilt, nowEpochMs);
  const added = addedBy(rebuilt);
  if (added.length > 0) return { result: 'worse', added };
  // Its parent may have moved again since: that is another cause.
  const left = facts.filter((fact) =>
    fact.kind === 'parent-moved' ? pinnedTo.includes(fact.parent) : anyHolds(fact, output) === 'holds',
  );
  return left.length > 0 ? { result: 'ineffective', left } : { result: 'fixed' };
}

/** An image whose scan is not complete is unclear also where no fact asks: nothing passes unseen. */
export function isUnclear(image: LookedAt, facts: readonly CauseFact[]): boolean {
  if (!image.verdict || image.judgedAtEpochMs === undefined) return true;
  if (image.verdict.reasons.some(({ kind, effect }) => kind === 'scan' && effect === 'unknown')) return true;
  // Its lineage was read since: judged once more, its age is known.
  if (image.standing && isOfUnreadLineage(image.verdict)) return true;
  return facts.some((fact) => isUnknown(fact, image));
}

/** An age is mended only once the lineage of the image was read: that its own birth is young proves nothing. */
function isUnknown(fact: CauseFact, image: LookedAt): boolean {
  const holding = holdsFact(fact, image);
  return holding === 'unknown' || (holding === 'free' && fact.kind === 'age' && !image.standing);
}

function unclearOutcome(
  unclear: readonly LookedAt[],
  { verifyDeadlineEpochMs }: Rebuilt,
  nowEpochMs: number,
): RebuildJudgement {
  const named = unclear.map(({ digest }) => digest).sort();
  const reason = `no complete scan and verdict of ${named.join(', ')}`;
  if (nowEpochMs < verifyDeadlineEpochMs) return { result: 'pending', waitingFor: reason };
  return { result: 'unverified', reason: `${reason} by ${new Date(verifyDeadlineEpochMs).toISOString()}` };
}

/**
 * New violating pairs in packages whose version the rebuild changed. Only findings tell versions: a package that had no
 * finding before has no version that could be compared, so a new pair in it is no proof against the rebuild. It is then
 * a new cause of its own, as one that was published meanwhile is.
 */
function addedBy({ output, findingsBefore = [] }: Rebuilt): readonly CauseFact[] {
  const before = new Set(findingsBefore.map(findingKey));
  const versions = Map.groupBy(findingsBefore, (finding) => finding.package);
  const violating = output.flatMap(({ verdict }) => (verdict ? causeFacts(verdict) : []));
  const added = violating.filter((fact) => {
    if (fact.kind !== 'finding' || before.has(findingKey(fact))) return false;
    return versions.get(fact.package)?.every(({ version }) => version !== fact.version) ?? false;
  });
  return mergeFacts(added);
}
