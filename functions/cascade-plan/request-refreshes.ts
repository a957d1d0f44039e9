import { mapConcurrently } from '../../shared/concurrency.ts';
import type { RebuildHistory } from '../../shared/domain/cause/rebuild.ts';
import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import { HEAD_UNREAD } from '../../shared/domain/guard/guard-answer.ts';
import { ancestorsOf } from '../../shared/domain/lineage/find-parents.ts';
import type { Candidate, CascadePlan, PlannedStream } from '../../shared/domain/plan/plan-model.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { parseStreamId, streamRulesOf, streamsAt } from '../../shared/domain/stream/stream.ts';
import { type PlanView, planOf } from '../../shared/planning/read-plan.ts';
import type { PlanPorts } from './ports.ts';

const WRITES_AT_ONCE = 16;

/**
 * The planner's own schedule: a read since the previous wake-up is fresh enough, and a refused or lost refresh is
 * requested again at the next one.
 */
const REFRESH_AFTER_MS = 15 * MINUTE_MS;

export type RequestRefreshesPorts = Pick<PlanPorts, 'refreshes' | 'guards' | 'clock'>;

/**
 * Plans what is known, and requests refreshes for the rest. A review lists only base and platform repositories, so the
 * heads of an application must have been read recently before it is planned. After a review all heads are read. If it
 * is unknown whether a head has the cause, or which image it belongs to, a refresh has the head scanned. Each refresh
 * wakes the planner.
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

/** An older recorded wait is a different one: the stream has started since, or nothing needed its heads. */
const WAIT_FORGOTTEN_MS = 4 * REFRESH_AFTER_MS;

/** How long a stream has waited for heads; `undefined` if it starts to wait now. */
function waitedMs(history: RebuildHistory | undefined, nowEpochMs: number): number | undefined {
  const since = history?.awaitsHeadsSinceEpochMs;
  return since === undefined || nowEpochMs - since >= WAIT_FORGOTTEN_MS ? undefined : nowEpochMs - since;
}

/** The streams that may still wait: at most 15 minutes in an hour, however slow the reads are. */
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
 * The planned parents of an unread stream wait with it, so that they form one cascade: a refresh takes seconds. If it
 * is not answered in time, the cascade starts without that stream, which is planned after verification.
 */
function belowThem(
  { tiers: { known } }: PlanView,
  { nodes }: CascadePlan,
  unread: readonly Candidate[],
  nowEpochMs: number,
): ReadonlySet<string> {
  const parents = new Map(nodes.map((node) => [node.stream, node.parents ?? []]));
  // If the heads of a stream are unknown, its running images show what it is built on.
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
  // A `Set` iteration includes members that are added during it.
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
  /** Streams whose heads must be read. */
  readonly asked: readonly string[];
  /** Streams whose heads must be scanned too. */
  readonly unclear: readonly string[];
}

/**
 * One request however often the planner wakes. The request is sent before it is recorded: a crash in between repeats
 * it.
 */
async function sendRefreshRequests(
  { refreshes, guards }: RequestRefreshesPorts,
  { asked, unclear }: StreamsAsked,
  nowEpochMs: number,
): Promise<void> {
  const names = [...new Set([...asked, ...unclear])];
  const isUnclear = new Set(unclear);
  const histories = names.length > 0 ? await guards.get(names) : new Map<string, RebuildHistory>();
  // An unreadable stream cannot record the request, and would be requested at each wake-up.
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
  /** Streams that wait for these refreshes. */
  readonly below: ReadonlySet<string>;
}

/**
 * The plan if the heads of some streams are unknown. If a registry has refused, a manual request is still planned,
 * because it needs no head.
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
 * Requests a refresh of the repositories that had pushes while the policy was unreadable: none of their heads moved,
 * and reviews do not list application repositories. The request is sent before the record is deleted, so a crash in
 * between repeats it.
 */
export async function askForLateHeads(
  { lateHeads, refreshes }: Pick<PlanPorts, 'lateHeads' | 'refreshes'>,
  policy: Policy,
): Promise<void> {
  for await (const late of lateHeads.all()) {
    await refreshes.send(streamsAt(policy, late.location).map((stream) => ({ kind: 'refresh', stream })));
    await lateHeads.remove(late);
  }
}
