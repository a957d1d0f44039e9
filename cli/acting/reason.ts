import type { Arguments } from '../command.ts';
import { UsageError } from '../errors.ts';

/** `--reason`, for commands that change something. */
export const REASON = {
  options: { reason: { type: 'string' } },
  optionHelp: { 'reason TEXT': 'the reason; recorded with your name and the time' },
} as const;

/** @throws UsageError if it is missing */
export function reasonIn({ flags }: Arguments): string {
  const reason = typeof flags.reason === 'string' ? flags.reason.trim() : '';
  if (reason === '') throw new UsageError('A reason is required; the audit trail keeps it. Add --reason TEXT.');
  return reason;
}
