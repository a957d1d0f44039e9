import { MINUTE_MS } from '../common/time.ts';
import type { Cluster } from '../image/usage.ts';
import { doorAt } from '../policy/doors.ts';
import type { Policy } from '../policy/policy.ts';

/** A denied task that is to be stopped once its time is over. */
export interface TaskStop extends Cluster {
  readonly taskArn: string;
  readonly deniedAtEpochMs: number;
  /** When it was last tried to stop it. */
  readonly triedAtEpochMs?: number;
  /** Why it is being stopped: kept before the call, so that a lost attempt still reports it. */
  readonly decided?: TaskStopReason;
}

export interface TaskStopReason {
  readonly ruleId: string;
  readonly message: string;
  readonly container?: string;
}

/** Longer than `ecs-tasks` runs: what it tried within this time may still be under way. */
const ATTEMPT_MS = 2 * MINUTE_MS;
/** So many fit into one invocation; the next one is five minutes later. */
const MOST_AT_ONCE = 200;

/** Whether the policy asks to stop denied tasks there. */
export const asksToStop = (policy: Policy, stop: TaskStop): boolean => stopsAtEpochMs(policy, stop) !== undefined;

/** The stops whose time is over, those first that were tried longest ago, and those that the policy no longer asks for. */
export function dueStops(policy: Policy, waiting: readonly TaskStop[], nowEpochMs: number) {
  const isDue = (stop: TaskStop): boolean => {
    const { triedAtEpochMs, decided } = stop;
    if (triedAtEpochMs !== undefined && nowEpochMs < triedAtEpochMs + ATTEMPT_MS) return false;
    return decided !== undefined || (stopsAtEpochMs(policy, stop) ?? Number.POSITIVE_INFINITY) <= nowEpochMs;
  };
  return {
    due: waiting
      .filter(isDue)
      .toSorted((one, other) => lastOf(one) - lastOf(other))
      .slice(0, MOST_AT_ONCE),
    dropped: waiting.filter((stop) => stop.decided === undefined && !asksToStop(policy, stop)),
  };
}

function stopsAtEpochMs(policy: Policy, stop: TaskStop): number | undefined {
  const { mode, stopTasksAfterMinutes } = doorAt(policy, stop);
  if (mode !== 'deny' || stopTasksAfterMinutes === undefined) return undefined;
  return stop.deniedAtEpochMs + stopTasksAfterMinutes * MINUTE_MS;
}

const lastOf = ({ triedAtEpochMs, deniedAtEpochMs }: TaskStop): number => triedAtEpochMs ?? deniedAtEpochMs;
