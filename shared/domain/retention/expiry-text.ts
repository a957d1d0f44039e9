import { instant } from '../common/time.ts';
import { type Loss, lossAtEpochMs } from './expiry.ts';
import type { ToldFate } from './image-expiry.ts';

/** When an image is lost, in few words. */
export function lossInstantText(fate: ToldFate, nowEpochMs: number): string {
  if (fate.state === 'gone') return 'already';
  if (fate.state === 'unknown') return 'unknown';
  const { when } = fate.loss;
  const at = lossAtEpochMs(when);
  if ('expiresAtEpochMs' in when) return at <= nowEpochMs ? 'within 24 hours' : instant(at);
  return `about ${instant(at)}`;
}

/** What takes it, and on what that depends. */
export function lossCauseText(fate: ToldFate): string {
  if (fate.state === 'gone') return `${fate.how}; new tasks cannot pull the image`;
  if (fate.state === 'unknown') return fate.reason;
  const { loss } = fate;
  const { rule, through, when } = loss;
  const index = through === undefined ? '' : `, with index ${through.slice(0, 'sha256:'.length + 12)}`;
  return `${loss.action === 'expire' ? 'deleted' : 'archived'} by rule ${rule}${index}${condition(when)}`;
}

function condition(when: Loss['when']): string {
  if (!('afterPushes' in when)) return when.by === 'count' ? ', by image count' : '';
  const pushes = when.afterPushes === 1 ? 'the next push' : `${when.afterPushes} more pushes`;
  return when.by === 'untagging' ? `, once its tag moves, after ${pushes}` : `, after ${pushes}`;
}
