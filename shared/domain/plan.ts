import type { Cascade, CascadeNode, NodeWork } from './cascade.ts';
import { type Cause, type CauseFact, factKey } from './cause.ts';
import { type GuardFacts, type GuardSettings, mayDeploy, mayRebuild, pauseAfterBreakOff } from './guard.ts';
import { type HeldBack, wait } from './guard-answer.ts';
import { factText } from './guard-facts.ts';
import { classifyFact, type FactClass, holdsFact, type LookedAt, type StreamImagesSeen } from './holding.ts';
import type { Digest } from './image.ts';
import { compareTexts } from './order.ts';
import { cascadeIdOf } from './rebuild.ts';
import type { StreamRecord } from './records.ts';
import { HOUR_MS } from './time.ts';

/** An open cause, and all that decides what becomes of it. */
export interface PlannedStream
  extends StreamImagesSeen,
    Omit<GuardFacts, 'stream' | 'facts' | 'unknown' | 'killSwitch' | 'cascadeId'> {
  readonly cause: Cause;
  /** What the head is as a whole (`headDigestOf`); absent where the stream has none. */
  readonly headDigest?: Digest;
  /** Facts of open closures: what mends them is built and verified, and older images still run. */
  readonly closing: readonly CauseFact[];
}

export interface PlanContext extends Pick<GuardFacts, 'killSwitch'> {
  readonly policyVersion: string;
  readonly guards: GuardSettings;
  /** So many streams a day begin to be rebuilt; absent for any number. */
  readonly ramp?: number;
  /** Streams that began within the last day: what is tried again is no further begin. */
  readonly begunToday: ReadonlySet<string>;
  /** While a review runs: ids of the rules that do not wait for its end. */
  readonly urgentRules?: ReadonlySet<string>;
}

/** What becomes of each open cause: a node, an answer, or nothing where all its facts are settled. */
export interface CascadePlan {
  /** Absent where nothing is to be done. */
  readonly cascade?: Cascade;
  readonly nodes: readonly CascadeNode[];
  /** By stream: why it is not planned. */
  readonly answers: ReadonlyMap<string, HeldBack>;
  /** By stream: facts that nothing holds any more. */
  readonly settled: ReadonlyMap<string, readonly CauseFact[]>;
}

/**
 * The cascade that all open causes come to now. Causes that are taken or closed are left alone. A pure function of what
 * was read: whoever plans the same again plans the same cascade, by the same name.
 */
export function planCascade(streams: readonly PlannedStream[], context: PlanContext, nowEpochMs: number): CascadePlan {
  const inOrder = streams
    .filter(({ cause }) => cause.state === 'open')
    .sort(
      ({ cause: one }, { cause: other }) =>
        one.sinceEpochMs - other.sinceEpochMs || compareTexts(one.stream, other.stream),
    );
  const decided = inOrder.map((stream) => ({ stream, ...decide(stream, context, nowEpochMs) }));
  const ramped = ramp(decided, context);
  const chosen = ramped.flatMap(({ stream, work }) => (work ? [{ stream, ...work }] : []));
  const held = ramped.flatMap(({ stream, answer }) => (answer ? [[stream.cause.stream, answer] as const] : []));
  const gone = ramped.flatMap(({ stream, settled }) =>
    settled.length > 0 ? [[stream.cause.stream, settled] as const] : [],
  );
  return { ...cascadeOf(chosen, context, nowEpochMs), answers: new Map(held), settled: new Map(gone) };
}

interface Work {
  readonly work: NodeWork;
  readonly facts: readonly CauseFact[];
}

/** Exactly one of `work` and `answer`, or neither where every fact is settled. */
interface Decision {
  readonly work?: Work;
  readonly answer?: HeldBack;
  readonly settled: readonly CauseFact[];
}

type ByClass = Readonly<Record<FactClass, readonly CauseFact[]>>;

function decide(stream: PlannedStream, context: PlanContext, nowEpochMs: number): Decision {
  const classes = Map.groupBy(stream.cause.facts, (fact) => classifyFact(fact, stream));
  const of = (name: FactClass): readonly CauseFact[] => classes.get(name) ?? [];
  const facts: ByClass = { rebuild: of('rebuild'), deploy: of('deploy'), unknown: of('unknown'), gone: of('gone') };
  const settled = facts.gone;
  if (settled.length === stream.cause.facts.length) return { settled };
  const found = rebuildOrDeploy(stream, facts, context, nowEpochMs);
  if ('answer' in found) return { settled, answer: found };
  return isForLater(found, context) ? { settled, answer: REVIEW_RUNNING } : { settled, work: found };
}

/** A rebuild that must wait is waited for: what it makes would mend also what could be deployed. */
function rebuildOrDeploy(
  stream: PlannedStream,
  facts: ByClass,
  { killSwitch, guards }: PlanContext,
  nowEpochMs: number,
): Work | HeldBack {
  const { rebuild, deploy, unknown } = facts;
  const open = { ...stream, stream: stream.cause.stream, killSwitch };
  const awaited = unknown.length > 0 ? { unknown: unknownText(unknown) } : {};
  const answer = rebuild.length > 0 && mayRebuild({ ...open, facts: rebuild, ...awaited }, guards, nowEpochMs);
  if (answer && answer.answer === 'allow') return { work: 'rebuild', facts: [...answer.facts, ...deploy] };
  if (answer && answer.answer === 'wait') return answer;
  const underWay = new Set(stream.closing.map(factKey));
  const left = deploy.filter((fact) => !underWay.has(factKey(fact)));
  if (left.length > 0)
    return mayDeploy(open) ?? pauseAfterBreakOff(stream.memory, guards, nowEpochMs) ?? { work: 'deploy', facts: left };
  if (answer) return answer;
  return awaited.unknown === undefined ? CLOSING : wait('unknown-facts', awaited.unknown);
}

const REVIEW_RUNNING = wait('review-running', 'A review runs. It is planned when that ends, with what it finds.');
const CLOSING = wait('closing', 'Its head is mended, and older images still run. It closes when they are gone.');

function unknownText([fact, ...others]: readonly CauseFact[]): string {
  const more = others.length > 0 ? `, nor ${others.length} more facts` : '';
  const told = fact ? `Nobody can tell yet whether an image of the stream holds ${factText(fact)}${more}` : '';
  return `${told}. It is planned once its images are scanned and judged.`;
}

/** Facts that a review finds are planned together with it; what is urgent does not wait for its end. */
const isForLater = ({ facts }: Work, { urgentRules }: PlanContext): boolean =>
  urgentRules !== undefined && !facts.some(({ kind, ruleId }) => kind === 'person' || urgentRules.has(ruleId));

/** The oldest causes begin first; those beyond the ramp wait for another day. */
function ramp<Decided extends Decision & { readonly stream: PlannedStream }>(
  decided: readonly Decided[],
  { ramp: most = Number.POSITIVE_INFINITY, begunToday }: PlanContext,
): readonly Decided[] {
  let left = Math.max(most - begunToday.size, 0);
  return decided.map((one) => {
    if (one.work?.work !== 'rebuild' || begunToday.has(one.stream.cause.stream)) return one;
    left -= 1;
    if (left >= 0) return one;
    const { work, ...rest } = one;
    return { ...rest, answer: wait('cap-reached', `The policy's ramp lets ${most} streams a day begin.`) } as Decided;
  });
}

function cascadeOf(
  chosen: readonly (Work & { readonly stream: PlannedStream })[],
  { policyVersion, guards }: PlanContext,
  plannedAtEpochMs: number,
): Pick<CascadePlan, 'cascade' | 'nodes'> {
  if (chosen.length === 0) return { nodes: [] };
  const generation = chosen.reduce((most, { stream }) => Math.max(most, stream.memory.generation), 1);
  const cascadeId = cascadeIdOf(
    chosen.map(({ stream }) => stream.cause),
    generation,
  );
  const nodes = chosen.map((one) => nodeOf(cascadeId, one));
  const cascade: Cascade = {
    cascadeId,
    policyVersion,
    plannedAtEpochMs,
    deadlineEpochMs: plannedAtEpochMs + guards.cascadeHours * HOUR_MS,
    state: 'planned',
    streams: nodes.length,
  };
  return { cascade, nodes: nodes.sort((one, other) => compareTexts(one.stream, other.stream)) };
}

function nodeOf(cascadeId: string, { work, facts, stream }: Work & { readonly stream: PlannedStream }): CascadeNode {
  const { cause, headDigest, heads = [], inUse } = stream;
  const holders = [...heads, ...inUse].filter((image) => facts.some((fact) => holdsFact(fact, image) === 'holds'));
  return {
    cascadeId,
    stream: cause.stream,
    work,
    wave: 0,
    causeVersion: cause.version,
    facts,
    holders: [...new Set(holders.map(({ digest }) => digest))].sort(),
    ...(headDigest !== undefined && { headBefore: headDigest }),
    state: 'planned',
    ...(work === 'deploy' && headDigest !== undefined && outputOf(headDigest, heads)),
  };
}

/** An index stands for the images of all platforms; where they were pushed one by one, each stands for itself. */
function outputOf(output: Digest, heads: readonly LookedAt[]): Pick<CascadeNode, 'output' | 'outputs'> {
  const digests = heads.map(({ digest }) => digest).sort();
  return digests.length > 1 && digests.includes(output) ? { output, outputs: digests } : { output };
}

/**
 * What one digest says of a head: its index, or its only image. Platforms that were pushed one by one have no digest in
 * common; then it is that of the first platform by name.
 */
export function headDigestOf(head: StreamRecord['head']): Digest | undefined {
  if (!head) return undefined;
  const [first] = Object.entries(head.images).sort(([one], [other]) => compareTexts(one, other));
  return head.index ?? first?.[1];
}
