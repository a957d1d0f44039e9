import { instant } from '../common/time.ts';
import { type Expiry, expiryAtEpochMs } from './expiry.ts';
import type { ReportedExpiryState } from './image-expiry.ts';

/** When an image expires, as short text. */
export function expiryInstantText(expiryState: ReportedExpiryState, nowEpochMs: number): string {
  if (expiryState.state === 'gone') return 'already';
  if (expiryState.state === 'unknown') return 'unknown';
  const { when } = expiryState.expiry;
  const at = expiryAtEpochMs(when);
  if ('expiresAtEpochMs' in when) return at <= nowEpochMs ? 'within 24 hours' : instant(at);
  return `about ${instant(at)}`;
}

/** The rule that expires it, and the condition. */
export function expiryCauseText(expiryState: ReportedExpiryState): string {
  if (expiryState.state === 'gone') return `${expiryState.how}; new tasks cannot pull the image`;
  if (expiryState.state === 'unknown') return expiryState.reason;
  const { expiry } = expiryState;
  const { rule, through, when } = expiry;
  const index = through === undefined ? '' : `, with index ${through.slice(0, 'sha256:'.length + 12)}`;
  return `${expiry.action === 'expire' ? 'deleted' : 'archived'} by rule ${rule}${index}${condition(when)}`;
}

function condition(when: Expiry['when']): string {
  if (!('afterPushes' in when)) return when.by === 'count' ? ', by image count' : '';
  const pushes = when.afterPushes === 1 ? 'the next push' : `${when.afterPushes} more pushes`;
  return when.by === 'untagging' ? `, once its tag moves, after ${pushes}` : `, after ${pushes}`;
}
