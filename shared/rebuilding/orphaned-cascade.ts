import type { Cascade } from '../domain/cause/cascade.ts';
import { MINUTE_MS } from '../domain/common/time.ts';
import type { Clock } from '../ports/clock.ts';
import type { CascadeExecutions } from '../ports/executions.ts';

/** How long Step Functions may not know a started execution. */
const KNOWN_AFTER_MS = 10 * MINUTE_MS;

export interface OrphanedCascadePorts {
  readonly executions: Pick<CascadeExecutions, 'state'>;
  readonly clock: Clock;
}

/**
 * How the execution of an open cascade ended; `undefined` while it lives. A cascade that was never started counts as
 * alive, because the planner starts it.
 */
export async function orphanedBecause(
  { executions, clock }: OrphanedCascadePorts,
  { executionArn, plannedAtEpochMs }: Cascade,
): Promise<string | undefined> {
  if (executionArn === undefined) return undefined;
  const state = await executions.state(executionArn);
  if (state === 'running') return undefined;
  if (state === 'gone' && clock() < plannedAtEpochMs + KNOWN_AFTER_MS) return undefined;
  return `The execution of the cascade ${state === 'gone' ? 'no longer exists' : `ended as ${state}`}, but the cascade is still open.`;
}
