import { createHash } from 'node:crypto';

/**
 * The id of the run of one execution: sorts by its start, and is the same at every try of every step.
 * The name of an execution may come back after 90 days, so its start is part of the id.
 */
export function runIdOf(executionArn: string, startedAtEpochMs: number): string {
  const start = new Date(startedAtEpochMs).toISOString().replace(/[-:.]/g, '');
  return `${start}-${createHash('sha256').update(executionArn).digest('hex').slice(0, 8)}`;
}
