import type { Cause, CauseFact } from '../domain/cause/cause.ts';
import { classifyFact } from '../domain/cause/fact-status.ts';
import { emptyHistory, type RebuildHistory, type UnscannedCandidate } from '../domain/cause/rebuild.ts';
import { uncoveredText } from '../domain/cause/uncovered-text.ts';
import { unreadableText } from '../domain/common/unreadable-item.ts';
import { mayDeploy, modeObstacle, unreadableRecord } from '../domain/guard/guard.ts';
import type { NegativeDecision } from '../domain/guard/guard-answer.ts';
import type { Candidate, PlanContext } from '../domain/plan/plan-model.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { streamPolicy } from '../domain/stream/stream-policy.ts';
import type { StreamRecord } from '../domain/stream/stream-record.ts';
import { LedgerItemUnreadableError } from '../ports/errors.ts';
import { type HeldLockPorts, heldLock } from './held-lock.ts';
import {
  type ImagesAsked,
  type IsRelevant,
  type ReadImagesPorts,
  readImages,
  type SeenLast,
  type SeenStream,
} from './read-images.ts';
import type { ReadStream } from './read-tiers.ts';
import { isUnreadable } from './unless-unreadable.ts';

export interface ReadStreamPorts extends ReadImagesPorts, HeldLockPorts {
  readonly rebuilds: ReadImagesPorts['rebuilds'] & HeldLockPorts['rebuilds'];
}

/** A stream whose answer does not depend on its images: paused, report-only, or in another cascade. */
export interface AnsweredCause {
  readonly cause: Cause;
  readonly answer: NegativeDecision;
  readonly settled: readonly CauseFact[];
}

/** The data of all streams together. */
export interface Known {
  readonly policy: Policy;
  readonly context: PlanContext;
  readonly isAfterReview: boolean;
  /** By stream that an open cascade works on. */
  readonly openIn: ReadonlyMap<string, string>;
  readonly closing: ReadonlyMap<string, readonly CauseFact[]>;
  /** By stream: an unreadable item met so far. */
  readonly unreadable: () => ReadonlyMap<string, string>;
  /** What the heads of all streams are checked for. */
  readonly isRelevant: IsRelevant;
}

/**
 * Why a stream is skipped by a person, the policy, or the lack of a rule. Neither its lock nor its history changes
 * that, so neither is read. `undefined` if it may act.
 */
export function stoppedBy(
  stream: string,
  { policy, context }: Pick<Known, 'policy'> & { readonly context: Pick<PlanContext, 'killSwitch'> },
): NegativeDecision | undefined {
  const { isNamed, mode } = streamPolicy(policy, stream);
  return modeObstacle({ isNamed, mode, killSwitch: context.killSwitch });
}

type Guarded = Pick<
  Candidate,
  | 'mode'
  | 'isNamed'
  | 'pipeline'
  | 'lock'
  | 'lockBuild'
  | 'openCascadeId'
  | 'unreadable'
  | 'isLockUnreadable'
  | 'history'
  | 'ancestors'
  | 'uncoveredCandidate'
>;

async function readGuarded(
  ports: ReadStreamPorts,
  { stream, facts, history }: GuardedAsked,
  { policy, openIn, unreadable }: Known,
): Promise<Guarded> {
  const { isNamed, mode, pipeline } = streamPolicy(policy, stream);
  const openCascadeId = openIn.get(stream);
  return {
    mode,
    isNamed,
    ...(openCascadeId !== undefined && { openCascadeId }),
    ...(await lockOrProblem(ports, stream)),
    ...unreadableOf(stream, history, unreadable),
    history: history ?? emptyHistory(stream),
    ancestors: [],
    ...(pipeline && { pipeline }),
    ...(await uncoveredCandidate(ports, facts, history?.unscanned)),
  };
}

interface GuardedAsked {
  readonly stream: string;
  readonly facts: readonly CauseFact[];
  readonly history: RebuildHistory | undefined;
}

/** A scan that covers more lets the candidate be resumed, and so does a candidate that is not known any more. */
async function uncoveredCandidate(
  { images }: Pick<ReadStreamPorts, 'images'>,
  facts: readonly CauseFact[],
  unscanned: UnscannedCandidate | undefined,
): Promise<Pick<Guarded, 'uncoveredCandidate'>> {
  if (!unscanned?.uncovered) return {};
  const text = uncoveredText(facts, [...(await images.get(unscanned.uncovered)).values()]);
  return text === undefined ? {} : { uncoveredCandidate: text };
}

/** An unreadable lock may belong to any cascade. */
async function lockOrProblem(
  ports: ReadStreamPorts,
  stream: string,
): Promise<Pick<Guarded, 'lock' | 'lockBuild' | 'unreadable' | 'isLockUnreadable'>> {
  try {
    return await heldLock(ports, stream);
  } catch (error) {
    if (!(error instanceof LedgerItemUnreadableError)) throw error;
    const isLockUnreadable = await isUnreadable(ports.locks.get(stream));
    return { unreadable: unreadableText(error), ...(isLockUnreadable && { isLockUnreadable }) };
  }
}

function unreadableOf(stream: string, history: RebuildHistory | undefined, unreadable: Known['unreadable']) {
  const item = history?.unreadable ?? unreadable().get(stream);
  return item === undefined ? {} : { unreadable: item };
}

/** A stream with an open cause. */
export async function readStream(
  ports: ReadStreamPorts,
  cause: Cause,
  history: RebuildHistory | undefined,
  known: Known,
): Promise<ReadStream | AnsweredCause> {
  const { stream, facts } = cause;
  const stopped = stoppedBy(stream, known);
  if (stopped && !known.isAfterReview) return { cause, answer: stopped, settled: [] };
  if (stopped) return { cause, answer: stopped, settled: await settledIn(ports, cause, known) };
  const guarded = await readGuarded(ports, { stream, facts, history }, known);
  const answer = mayDeploy({ ...guarded, stream, killSwitch: known.context.killSwitch });
  if (answer && !known.isAfterReview) return { cause, answer, settled: [] };
  const read = await imagesOrProblem(ports, { stream, facts, asked: known.isRelevant }, known);
  if ('unreadable' in read) {
    const { killSwitch } = known.context;
    const held = mayDeploy({ ...guarded, ...read, stream, killSwitch }) ?? unreadableRecord(read.unreadable);
    return { cause, answer: held, settled: [] };
  }
  const { record, runs: _, lastBuilt, ...images } = read;
  if (answer) return { cause, answer, settled: facts.filter((fact) => classifyFact(fact, images) === 'gone') };
  return {
    stream: { ...guarded, ...images, cause, closing: known.closing.get(stream) ?? [] },
    seen: { images: images.heads ?? images.inUse, ...(record && { record }), ...(lastBuilt && { lastBuilt }) },
  };
}

/** The facts of a cause that no image has any longer. */
async function settledIn(
  ports: ReadStreamPorts,
  { stream, facts }: Cause,
  known: Known,
): Promise<readonly CauseFact[]> {
  const read = await imagesOrProblem(ports, { stream, facts, asked: known.isRelevant }, known);
  return 'unreadable' in read ? [] : facts.filter((fact) => classifyFact(fact, read) === 'gone');
}

/** A missing image may be the deciding one, so an incomplete list proves nothing. */
async function imagesOrProblem(
  ports: ReadStreamPorts,
  asked: ImagesAsked,
  { unreadable }: Known,
): Promise<SeenStream | { readonly unreadable: string }> {
  try {
    const read = await readImages(ports, asked);
    const item = unreadable().get(asked.stream);
    return item === undefined ? read : { unreadable: item };
  } catch (error) {
    if (error instanceof LedgerItemUnreadableError) return { unreadable: unreadableText(error) };
    throw error;
  }
}

/** A stream that the causes of others need. If its answer does not depend on its images, these are not read. */
export async function readOther(
  ports: ReadStreamPorts,
  stream: string,
  { facts, history, record }: OtherAsked,
  known: Known,
): Promise<Candidate & { readonly lastBuilt?: SeenLast }> {
  const guarded = await readGuarded(ports, { stream, facts, history }, known);
  const other = { ...guarded, stream, closing: [], ...(record && { tier: record.tier }) };
  if (mayDeploy({ ...other, killSwitch: known.context.killSwitch })) return { ...other, inUse: [] };
  const read = await imagesOrProblem(ports, { stream, facts, asked: known.isRelevant, record }, known);
  if ('unreadable' in read) return { ...other, ...read, inUse: [] };
  const { record: _, ...images } = read;
  return { ...other, ...images };
}

interface OtherAsked {
  readonly facts: readonly CauseFact[];
  readonly history: RebuildHistory | undefined;
  readonly record: StreamRecord | undefined;
}
