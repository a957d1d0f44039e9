import { parentObstacles } from '../attribution/parent-heads.ts';
import type { StreamPath } from '../attribution/root-cause.ts';
import { arrivals, type Edges, withPaths } from '../attribution/stream-edges.ts';
import { type CauseFact, factKey } from '../cause/cause.ts';
import { unplacedText } from '../cause/unplaced.ts';
import { compareTexts } from '../common/compare-texts.ts';
import { mayDeploy, mayEverRebuild } from '../guard/guard.ts';
import {
  builtOnParentOnHold,
  HEAD_UNREAD,
  type NegativeDecision,
  parentOnHold,
  refuse,
  wait,
} from '../guard/guard-answer.ts';
import { factText } from '../guard/guard-facts.ts';
import type { Digest } from '../image/image.ts';
import type { Candidate, Tiers } from './plan-model.ts';
import type { ChosenWork } from './plan-nodes.ts';
import { isForLater, type PlanInputs, REVIEW_RUNNING, type RootAnswer } from './plan-roots.ts';
import { type ClassifiedFacts, leftWith, pathsOf } from './sort-facts.ts';
import { planWaves, type StreamGraph, type Waves } from './waves.ts';

/** The streams to rebuild, and why children of others are not rebuilt. */
export interface PlannedTiers {
  readonly nodes: ReadonlyMap<string, ChosenWork>;
  readonly held: ReadonlyMap<string, NegativeDecision>;
  /** By stream that waits for them: the parents whose heads are not read or not judged. */
  readonly unknown: ReadonlyMap<string, readonly string[]>;
}

interface TierPlanInputs extends PlanInputs {
  readonly tiers: Tiers;
}

/**
 * The root causes that may begin, and all streams above them that have the same facts, each once. A stream that may not
 * be rebuilt is left out, and so are, fact by fact, the streams that are only built on it.
 */
export function planTiers(
  sorted: readonly ClassifiedFacts[],
  roots: ReadonlyMap<string, RootAnswer>,
  inputs: TierPlanInputs,
): PlannedTiers {
  const { candidates, tiers, context } = inputs;
  const begin = new Map(
    [...roots].flatMap(([root, answer]) => (answer.answer === 'allow' ? [[root, answer.facts]] : [])),
  );
  const causes = new Map(sorted.map((one) => [one.candidate.stream, one]));
  const edges = withPaths(tiers.edges, pathsOf(sorted));
  const arrived = arrivals(begin, edges, tiers.known, context.followParents === true);
  const asked = new Set([...begin.keys(), ...arrived.keys(), ...streamsOnPaths(sorted, begin)]);
  const first = inWaves(asked, { edges, begin, candidates, context });
  const walk = new TierWalk({ ...inputs, roots, begin, causes, edges, arrived });
  for (const stream of first.nodes.keys()) walk.visit(stream);
  for (const [stream, answer] of first.refused) walk.held.set(stream, answer);
  const { kept, held } = walk;
  const last = inWaves(new Set(kept.keys()), { edges, begin, candidates, context });
  const nodes = new Map<string, ChosenWork>();
  for (const [stream, wave] of last.nodes) {
    const chosen = kept.get(stream);
    if (chosen) nodes.set(stream, { ...chosen, ...wave });
  }
  for (const one of sorted) if (!nodes.has(one.candidate.stream)) walk.answerBelow(one);
  return { nodes, held, unknown: walk.unknown };
}

/** Includes streams without a head, for which the fact is undetermined. */
const streamsOnPaths = (sorted: readonly ClassifiedFacts[], begin: ReadonlyMap<string, unknown>): readonly string[] =>
  pathsOf(sorted).flatMap((path) => (path[0] !== undefined && begin.has(path[0]) ? path : []));

function inWaves(
  streams: ReadonlySet<string>,
  {
    edges,
    begin,
    candidates,
    context,
  }: Pick<TierPlanInputs, 'candidates' | 'context'> & Pick<TierWalkInputs, 'edges' | 'begin'>,
): Waves {
  const known = [...streams].flatMap((stream) => candidates.get(stream) ?? []);
  const graph: StreamGraph = {
    // A stream with its own cause is included, whether a workload runs it or not.
    streams: known.map(({ stream, cause, tier = 'platform', runs = false }) => ({
      ...{ stream, tier, inUse: runs || cause !== undefined },
    })),
    parents: new Map(
      known.map(({ stream }) => [
        stream,
        new Set([...(edges.get(stream) ?? [])].filter((below) => streams.has(below))),
      ]),
    ),
  };
  const { onlyApplicationsInUse = true, guards } = context;
  const roots = new Set([...begin.keys()].filter((root) => streams.has(root)));
  return planWaves(graph, roots, { onlyApplicationsInUse, maxDepth: guards.depth });
}

/** Keys of the facts that the stream's own cause does not call for: streams above have them, and it only allows them. */
function factsOfOthers(facts: ReadonlyMap<string, CauseFact>, cause: ClassifiedFacts | undefined): readonly string[] {
  if (!cause) return [];
  const own = new Set([...cause.own, ...cause.below.map(({ fact }) => fact), ...cause.deploy].map(factKey));
  return [...facts.keys()].filter((key) => !own.has(key)).sort(compareTexts);
}

interface TierWalkInputs extends TierPlanInputs {
  readonly roots: ReadonlyMap<string, RootAnswer>;
  readonly begin: ReadonlyMap<string, readonly CauseFact[]>;
  readonly causes: ReadonlyMap<string, ClassifiedFacts>;
  readonly edges: Edges;
  readonly arrived: ReadonlyMap<string, readonly CauseFact[]>;
}

/** Visits streams from the lowest up, so that every parent is decided before its children. */
class TierWalk {
  readonly #inputs: TierWalkInputs;
  readonly kept = new Map<string, ChosenWork>();
  readonly held = new Map<string, NegativeDecision>();
  /** By stream that is on hold for it: its parents whose heads are not read or not judged. */
  readonly unknown = new Map<string, readonly string[]>();
  /** By planned stream: its facts by key. */
  readonly #fixed = new Map<string, ReadonlyMap<string, CauseFact>>();

  constructor(inputs: TierWalkInputs) {
    this.#inputs = inputs;
  }

  visit(stream: string): void {
    const { candidates, begin, causes } = this.#inputs;
    const candidate = candidates.get(stream);
    if (!candidate) return;
    const cause = causes.get(stream);
    const obstacle = begin.has(stream) ? undefined : this.#obstacle(candidate);
    if (obstacle) {
      this.held.set(stream, obstacle);
      return;
    }
    const fixed = [...(begin.get(stream) ?? []), ...this.#fixedBelow(stream, cause)];
    if (fixed.length === 0) return;
    const byKey = new Map([...fixed, ...(cause?.deploy ?? [])].map((fact) => [factKey(fact), fact]));
    const facts = [...byKey.values()];
    const held =
      this.#parentObstacle(candidate) ?? (isForLater(facts, this.#inputs.context) ? REVIEW_RUNNING : undefined);
    if (held) {
      this.held.set(stream, held);
      return;
    }
    this.kept.set(stream, {
      ...{ candidate, work: 'rebuild', facts, factsOfOthers: factsOfOthers(byKey, cause) },
      ...(!begin.has(stream) && { follows: true }),
    });
    this.#fixed.set(stream, byKey);
  }

  /** Explains what the facts of an unplanned cause wait for. */
  answerBelow({ candidate: { stream }, below }: ClassifiedFacts): void {
    if (this.held.has(stream)) return;
    for (const { fact, paths } of below) {
      const answer = this.#heldOn(fact, paths);
      if (answer) {
        this.held.set(stream, answer);
        return;
      }
    }
  }

  /**
   * Why a stream must not be built on its parents. A parent that is rebuilt first is no obstacle; an awaited, worse or
   * unjudged parent head is one.
   */
  #parentObstacle(candidate: Candidate): NegativeDecision | undefined {
    const { edges, tiers } = this.#inputs;
    const parents = [...(edges.get(candidate.stream) ?? [])].sort(compareTexts);
    const awaited = parents.find((parent) => tiers.awaited?.has(parent));
    if (awaited !== undefined) return builtOnParentOnHold(awaited, HEAD_UNREAD);
    const obstacles = parentObstacles(candidate, tiers.known, (parent) => this.kept.has(parent));
    const unknown = obstacles.flatMap((one) => (one.why === 'worse' ? [] : one.stream));
    if (unknown.length > 0) this.unknown.set(candidate.stream, unknown);
    const [first] = obstacles;
    if (!first) return undefined;
    if (first.why === 'unplaced') return wait('unknown-facts', unplacedText(first.image));
    if (first.why === 'unread') return builtOnParentOnHold(first.stream, HEAD_UNREAD);
    if (first.why === 'unjudged') return builtOnParentOnHold(first.stream, notJudged(first.images[0]));
    if (tiers.known.streams.get(first.stream)?.tier === 'mirrored')
      return builtOnParentOnHold(first.stream, worseImport(first.stream, first.facts[0]));
    return parentOnHold(factText(first.facts[0]), first.stream, this.#answerOfWorse(first.stream));
  }

  /** Why this plan does not fix the head of a parent. */
  #answerOfWorse(parent: string): NegativeDecision {
    const cause = this.#inputs.causes.get(parent);
    if (cause) this.answerBelow(cause);
    const earlier = this.#inputs.tiers.answered?.get(parent)?.answer;
    return earlier ?? this.#answerOf(parent, cause ? leftWith(cause) : NOT_PLANNED);
  }

  /** A temporary obstacle does not exclude a stream: it waits in its cascade and starts after the others. */
  #obstacle(candidate: Candidate): NegativeDecision | undefined {
    const { context, nowEpochMs } = this.#inputs;
    const guarded = { ...candidate, killSwitch: context.killSwitch };
    return mayDeploy(guarded) ?? mayEverRebuild(guarded, context.guards, nowEpochMs);
  }

  /** The facts of its own cause that are fixed on all paths, and the facts of others that arrive from any parent. */
  #fixedBelow(stream: string, cause: ClassifiedFacts | undefined): readonly CauseFact[] {
    const { arrived, edges } = this.#inputs;
    const below = (cause?.below ?? []).flatMap(({ fact, paths }) =>
      this.#heldOn(fact, paths) ? [] : withFixOf(fact, this.#factAt(paths[0]?.[0], fact)),
    );
    const own = new Set(cause?.candidate.cause.facts.map(factKey));
    const parents = [...(edges.get(stream) ?? [])];
    const isFixed = (fact: CauseFact): boolean =>
      fact.kind === 'parent-moved'
        ? this.kept.has(fact.parent)
        : parents.some((parent) => this.#factAt(parent, fact) !== undefined);
    const others = (arrived.get(stream) ?? []).filter((fact) => !own.has(factKey(fact)) && isFixed(fact));
    return [...below, ...others];
  }

  /** Why a fact is not fixed on one of its paths; `undefined` if it is fixed on all. */
  #heldOn(fact: CauseFact, paths: readonly StreamPath[]): NegativeDecision | undefined {
    for (const path of paths)
      for (const stream of path.slice(0, -1)) {
        const why = this.#heldAt(stream, fact);
        if (why) return parentOnHold(factText(fact), stream, why);
      }
    return undefined;
  }

  #heldAt(stream: string, fact: CauseFact): NegativeDecision | undefined {
    if (this.#factAt(stream, fact)) return undefined;
    const key = factKey(fact);
    const answer = this.#inputs.roots.get(stream);
    const dropped = answer?.answer === 'allow' && answer.dropped.find((one) => factKey(one.fact) === key);
    if (dropped) return refuse(dropped.reason, dropped.detail, dropped.recheckAtEpochMs);
    return this.#answerOf(stream);
  }

  #answerOf(stream: string, otherwise = HEAD_UNREAD): NegativeDecision {
    const answer = this.#inputs.roots.get(stream);
    return answer && answer.answer !== 'allow' ? answer : (this.held.get(stream) ?? otherwise);
  }

  #factAt(stream: string | undefined, fact: CauseFact): CauseFact | undefined {
    return this.#fixed.get(stream ?? '')?.get(factKey(fact));
  }
}

/** If the root cause knows a fix, its children get that fix. */
const withFixOf = (fact: CauseFact, root: CauseFact | undefined): CauseFact =>
  fact.kind === 'finding' && root?.kind === 'finding' ? { ...fact, fix: root.fix } : fact;

const notJudged = (head: Digest): NegativeDecision =>
  wait('unknown-facts', `Head ${head} is not judged yet. Patchwave judges it after its scan.`);
const worseImport = (stream: string, fact: CauseFact): NegativeDecision =>
  wait(
    'parent-on-hold',
    `Its head has ${factText(fact)}, and the head of this stream does not. Patchwave does not rebuild an import. Import an image without it as ${stream}.`,
  );
const NOT_PLANNED = wait('parent-on-hold', 'This plan does not rebuild that parent stream.');
