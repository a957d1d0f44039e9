import { createHash } from 'node:crypto';

/**
 * The id of the run of one execution: sorts by start time, and is the same for every retry of every step. The name of
 * an execution may be reused after 90 days, so the id includes its start.
 */
export function runIdOf(executionArn: string, startedAtEpochMs: number): string {
  const start = new Date(startedAtEpochMs).toISOString().replace(/[-:.]/g, '');
  return `${start}-${createHash('sha256').update(executionArn).digest('hex').slice(0, 8)}`;
}
