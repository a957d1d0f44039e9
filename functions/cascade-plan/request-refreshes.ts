import { mapConcurrently } from '../../shared/concurrency.ts';
import type { RebuildHistory } from '../../shared/domain/cause/rebuild.ts';
import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import { HEAD_UNREAD } from '../../shared/domain/guard/guard-answer.ts';
import { ancestorsOf } from '../../shared/domain/lineage/find-parents.ts';
import type { Candidate, CascadePlan, PlannedStream } from '../../shared/domain/plan/plan-model.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { parseStreamId, streamId, streamRulesOf } from '../../shared/domain/stream/stream.ts';
import { type PlanView, planOf } from '../../shared/planning/read-plan.ts';
import type { PlanPorts } from './ports.ts';

const WRITES_AT_ONCE = 16;

/**
 * As often as the planner wakes by itself: what was read since the wake-up before is as new as what it could have read
 * then, and a look that was refused, or that got lost, is asked for once more at each.
 */
const REFRESH_AFTER_MS = 15 * MINUTE_MS;

export type RequestRefreshesPorts = Pick<PlanPorts, 'refreshes' | 'guards' | 'clock'>;

/**
 * Plans what is known, and has looked at what is not. A review lists the repositories of base and platform streams only:
 * before anything is done about an application its heads must have been read a short while ago. After a review all of
 * them are read. Where nobody can tell whether a head holds its cause, or whose that is, a look has it scanned. Whoever
 * looks wakes the planner, which knows then.
 */
export async function planAndAsk(ports: RequestRefreshesPorts, view: PlanView): Promise<CascadePlan> {
  const nowEpochMs = ports.clock();
  const draft = planOf(view, nowEpochMs);
  const settled = view.isAfterReview ? draft.settled.keys() : [];
  const chosen = new Set([...draft.nodes.map(({ stream }) => stream), ...settled]);
  const causes = view.streams.map((one) => ({ ...one, stream: one.cause.stream }));
  const isStale = (one: Candidate): boolean => !isFresh(one.history, nowEpochMs) && isApplication(view, one.stream);
  const stale = causes.filter(isStale);
  const unread = [
    ...stale.filter(({ stream, heads }) => chosen.has(stream) || heads === undefined),
    ...view.tiers.others.filter((one) => chosen.has(one.stream) && isStale(one)),
  ];
  const unclear = [...draft.answers]
    .flatMap(([stream, { reason }]) => draft.awaited?.get(stream) ?? (reason === 'unknown-facts' ? [stream] : []))
    .filter((stream) => rulesOf(view, stream).length > 0);
  const asked = [...unread, ...(view.isAfterReview ? stale : [])].map(({ stream }) => stream);
  await sendRefreshRequests(ports, { asked, unclear }, nowEpochMs);
  if (unread.length === 0) return draft;
  const below = stillWaiting(view, belowThem(view, draft, unread, nowEpochMs), nowEpochMs);
  await noteWaits(ports, view, below, nowEpochMs);
  return planWithout(view, { unread, below }, nowEpochMs);
}

const historiesOf = ({ streams, tiers }: PlanView): ReadonlyMap<string, RebuildHistory> =>
  new Map([
    ...tiers.others.map(({ stream, history }) => [stream, history] as const),
    ...streams.map(({ cause, history }) => [cause.stream, history] as const),
  ]);

/** A wait that is on record for longer was another one: the stream has begun since, or nothing asked for it any more. */
const WAIT_FORGOTTEN_MS = 4 * REFRESH_AFTER_MS;

/** How long a stream has waited for heads by now; `undefined` where it begins to. */
function waitedMs(history: RebuildHistory | undefined, nowEpochMs: number): number | undefined {
  const since = history?.awaitsHeadsSinceEpochMs;
  return since === undefined || nowEpochMs - since >= WAIT_FORGOTTEN_MS ? undefined : nowEpochMs - since;
}

/**
 * Of these streams those that may still wait: a stream waits at most 15 minutes an hour for heads, however slowly these are
 * read.
 */
function stillWaiting(view: PlanView, below: ReadonlySet<string>, nowEpochMs: number): ReadonlySet<string> {
  const histories = historiesOf(view);
  return new Set([...below].filter((stream) => (waitedMs(histories.get(stream), nowEpochMs) ?? 0) < REFRESH_AFTER_MS));
}

async function noteWaits(
  { guards }: Pick<RequestRefreshesPorts, 'guards'>,
  view: PlanView,
  below: ReadonlySet<string>,
  nowEpochMs: number,
): Promise<void> {
  const histories = historiesOf(view);
  const begun = [...below].filter((stream) => waitedMs(histories.get(stream), nowEpochMs) === undefined);
  await mapConcurrently(begun, WRITES_AT_ONCE, (stream) =>
    guards.change(stream, (history) => ({ ...history, awaitsHeadsSinceEpochMs: nowEpochMs })),
  );
}

/**
 * What an unread stream is built on in the plan waits with it, so that they are one cascade: whoever looks needs seconds.
 * Where a look is not answered in time it begins without that stream, which is planned once it is verified.
 */
function belowThem(
  { tiers: { known } }: PlanView,
  { nodes }: CascadePlan,
  unread: readonly Candidate[],
  nowEpochMs: number,
): ReadonlySet<string> {
  const parents = new Map(nodes.map((node) => [node.stream, node.parents ?? []]));
  // Of a stream whose heads nobody knows what runs tells what it is built on.
  const builtOn = ({ stream, inUse }: Candidate) =>
    parents.get(stream) ??
    inUse
      .flatMap(({ digest }) => ancestorsOf(known.parents, digest))
      .flatMap(({ digest }) => known.images.get(digest)?.stream ?? [])
      .filter((below) => parents.has(below));
  const isAwaited = ({ history }: Candidate): boolean => {
    const { refreshRequestedAtEpochMs = 0, headReadAtEpochMs = 0 } = history;
    const isAsked = refreshRequestedAtEpochMs > headReadAtEpochMs;
    return !isRefused(history) && !(isAsked && nowEpochMs - refreshRequestedAtEpochMs >= REFRESH_AFTER_MS);
  };
  const below = new Set(unread.filter(isAwaited).flatMap(builtOn));
  // A set is walked through to what is added meanwhile, too.
  for (const stream of below) for (const parent of parents.get(stream) ?? []) below.add(parent);
  return below;
}

const isFresh = ({ headReadAtEpochMs = 0 }: RebuildHistory, nowEpochMs: number): boolean =>
  nowEpochMs - headReadAtEpochMs < REFRESH_AFTER_MS;

const rulesOf = ({ policy: { policy } }: { readonly policy: { readonly policy: Policy } }, stream: string) =>
  streamRulesOf(policy, parseStreamId(stream).location);

const isApplication = (view: PlanView, stream: string): boolean =>
  rulesOf(view, stream).some(({ tier }) => tier === 'application');

interface StreamsAsked {
  /** Their heads are to be read. */
  readonly asked: readonly string[];
  /** What their heads hold is to be known, too. */
  readonly unclear: readonly string[];
}

/** However often the planner wakes, it asks once. Asked first and noted then: who dies between the two asks again. */
async function sendRefreshRequests(
  { refreshes, guards }: RequestRefreshesPorts,
  { asked, unclear }: StreamsAsked,
  nowEpochMs: number,
): Promise<void> {
  const names = [...new Set([...asked, ...unclear])];
  const isUnclear = new Set(unclear);
  const histories = names.length > 0 ? await guards.get(names) : new Map<string, RebuildHistory>();
  // What cannot be read cannot be noted, and would be asked for at each wake-up.
  const isDue = (stream: string): boolean =>
    histories.get(stream)?.unreadable === undefined &&
    nowEpochMs - (histories.get(stream)?.refreshRequestedAtEpochMs ?? 0) >= REFRESH_AFTER_MS;
  const due = names.filter(isDue);
  await refreshes.send(
    due.map((stream) => ({ kind: 'refresh', stream, ...(isUnclear.has(stream) && { scansAgain: true }) })),
  );
  await mapConcurrently(due, WRITES_AT_ONCE, (stream) =>
    guards.change(stream, (history) => ({ ...history, refreshRequestedAtEpochMs: nowEpochMs })),
  );
}

interface Without {
  readonly unread: readonly Candidate[];
  /** Streams that wait for them. */
  readonly below: ReadonlySet<string>;
}

/**
 * The plan where nobody knows the heads of some streams. Where a registry has refused, what asks after no head may be
 * done all the same: a person's wish.
 */
function planWithout(view: PlanView, { unread, below }: Without, nowEpochMs: number): CascadePlan {
  const isUnread = new Set(unread.map(({ stream }) => stream));
  const awaited = new Map([
    ...Array.from(below, (stream) => [stream, HEAD_UNREAD] as const),
    ...unread.flatMap(({ stream, history }) => (isRefused(history) ? [] : [[stream, HEAD_UNREAD] as const])),
  ]);
  const streams = view.streams
    .filter(({ cause }) => !awaited.has(cause.stream))
    .map((one) => (isUnread.has(one.cause.stream) ? headless(one) : one));
  const others = view.tiers.others.filter(({ stream }) => !isUnread.has(stream) && !awaited.has(stream));
  const tiers = { ...view.tiers, others, awaited: new Set(awaited.keys()) };
  const { answers, ...plan } = planOf({ ...view, streams, tiers }, nowEpochMs);
  const causes = new Set(view.streams.map(({ cause }) => cause.stream));
  return { ...plan, answers: new Map([...answers, ...[...awaited].filter(([stream]) => causes.has(stream))]) };
}

const isRefused = ({ headReadAtEpochMs = 0, refreshRefusedAtEpochMs = 0 }: RebuildHistory): boolean =>
  refreshRefusedAtEpochMs > headReadAtEpochMs;

const headless = ({ heads: _, headDigest: __, ...known }: PlannedStream): PlannedStream => known;

/**
 * Has the repositories looked at that were pushed to while no policy could be read: no head of theirs moved, and no review lists
 * those of applications. Asked first and removed then: a planner that dies between the two asks again.
 */
export async function askForLateHeads(
  { lateHeads, refreshes }: Pick<PlanPorts, 'lateHeads' | 'refreshes'>,
  policy: Policy,
): Promise<void> {
  for await (const late of lateHeads.all()) {
    const lines = new Set(streamRulesOf(policy, late.location).flatMap(({ headTags }) => headTags));
    await refreshes.send([...lines].map((headTag) => ({ kind: 'refresh', stream: streamId(late.location, headTag) })));
    await lateHeads.remove(late);
  }
}
