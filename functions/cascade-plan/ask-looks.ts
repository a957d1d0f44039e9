import { type PlanView, planOf } from '../../shared/cascade/read-plan.ts';
import { mapConcurrently } from '../../shared/concurrency.ts';
import { wait } from '../../shared/domain/guard-answer.ts';
import type { CascadePlan, PlannedStream } from '../../shared/domain/plan.ts';
import type { Policy } from '../../shared/domain/policy.ts';
import type { GuardMemory } from '../../shared/domain/rebuild.ts';
import { parseStreamId, streamRulesOf } from '../../shared/domain/stream.ts';
import { MINUTE_MS } from '../../shared/domain/time.ts';
import type { PlanPorts } from './ports.ts';

const WRITES_AT_ONCE = 16;

/**
 * As often as the planner wakes by itself: what was read since the wake-up before is as new as what it could have read
 * then, and a look that was refused, or that got lost, is asked for once more at each.
 */
const LOOK_AGAIN_AFTER_MS = 15 * MINUTE_MS;

export type AskLooksPorts = Pick<PlanPorts, 'looks' | 'guards' | 'clock'>;

/**
 * Plans what is known, and has looked at what is not. A review lists the repositories of base and platform streams only:
 * before anything is done about an application its heads must have been read a short while ago. After a review all of
 * them are read. Where nobody can tell whether a head holds its cause, a look has it scanned. Whoever looks wakes the
 * planner, which knows then.
 */
export async function planAndAsk(ports: AskLooksPorts, view: PlanView): Promise<CascadePlan> {
  const nowEpochMs = ports.clock();
  const draft = planOf(view, nowEpochMs);
  const settled = view.isAfterReview ? draft.settled.keys() : [];
  const chosen = new Set([...draft.nodes.map(({ stream }) => stream), ...settled]);
  const stale = view.streams.filter((one) => !isFresh(one.memory, nowEpochMs) && isApplication(view, one));
  const unread = stale.filter(({ cause: { stream }, heads }) => chosen.has(stream) || heads === undefined);
  const unclear = view.streams.filter(
    ({ cause: { stream } }) => draft.answers.get(stream)?.reason === 'unknown-facts' && hasRule(view, stream),
  );
  await askForLooks(ports, [...unread, ...unclear, ...(view.isAfterReview ? stale : [])], nowEpochMs);
  return unread.length === 0 ? draft : planWithout(view, unread, nowEpochMs);
}

const isFresh = ({ headReadAtEpochMs = 0 }: GuardMemory, nowEpochMs: number): boolean =>
  nowEpochMs - headReadAtEpochMs < LOOK_AGAIN_AFTER_MS;

const rulesOf = ({ policy: { policy } }: { readonly policy: { readonly policy: Policy } }, stream: string) =>
  streamRulesOf(policy, parseStreamId(stream).location);

const hasRule = (view: PlanView, stream: string): boolean => rulesOf(view, stream).length > 0;

const isApplication = (view: PlanView, { cause }: PlannedStream): boolean =>
  rulesOf(view, cause.stream).some(({ tier }) => tier === 'application');

/** However often the planner wakes, it asks once. Asked first and noted then: who dies between the two asks again. */
async function askForLooks(
  { looks, guards }: AskLooksPorts,
  streams: readonly PlannedStream[],
  nowEpochMs: number,
): Promise<void> {
  const due = streams.filter(
    ({ memory: { lookAskedAtEpochMs = 0 } }) => nowEpochMs - lookAskedAtEpochMs >= LOOK_AGAIN_AFTER_MS,
  );
  const names = [...new Set(due.map(({ cause }) => cause.stream))];
  await looks.send(names.map((stream) => ({ kind: 'look', stream })));
  await mapConcurrently(names, WRITES_AT_ONCE, (stream) =>
    guards.change(stream, (memory) => ({ ...memory, lookAskedAtEpochMs: nowEpochMs })),
  );
}

const BEING_READ = wait('head-unread', 'Its registry is asked what its head is. It is planned once that is known.');

/**
 * The plan where nobody knows the heads of some streams. Where a registry has refused, what asks after no head may be
 * done all the same: a person's wish.
 */
function planWithout(view: PlanView, unread: readonly PlannedStream[], nowEpochMs: number): CascadePlan {
  const isUnread = new Set(unread);
  const isAwaited = (one: PlannedStream): boolean => isUnread.has(one) && !isRefused(one.memory);
  const others = view.streams.filter((one) => !isAwaited(one));
  const streams = others.map((one) => (isUnread.has(one) ? headless(one) : one));
  const { answers, ...plan } = planOf({ ...view, streams }, nowEpochMs);
  const awaited = unread.filter(isAwaited).map(({ cause }) => [cause.stream, BEING_READ] as const);
  return { ...plan, answers: new Map([...answers, ...awaited]) };
}

const isRefused = ({ headReadAtEpochMs = 0, lookRefusedAtEpochMs = 0 }: GuardMemory): boolean =>
  lookRefusedAtEpochMs > headReadAtEpochMs;

const headless = ({ heads: _, headDigest: __, ...known }: PlannedStream): PlannedStream => known;
