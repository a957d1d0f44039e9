import type { Arguments } from '../command.ts';
import { UsageError } from '../errors.ts';

/** `--reason`, for commands that somebody will ask about later. */
export const REASON = {
  options: { reason: { type: 'string' } },
  optionHelp: { 'reason TEXT': 'why; kept with your name and the time' },
} as const;

/** @throws UsageError where none was given */
export function reasonIn({ flags }: Arguments): string {
  const reason = typeof flags.reason === 'string' ? flags.reason.trim() : '';
  if (reason === '') throw new UsageError('Say why, for whoever asks later: --reason TEXT');
  return reason;
}
