import type { Cause } from '../../shared/domain/cause/cause.ts';
import type { Pinned, Rebuild, RebuildHistory, RefusedClaim } from '../../shared/domain/cause/rebuild.ts';
import { instant } from '../../shared/domain/common/time.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import { outcomeText, renderClosures, renderNodes } from '../acting/render-acting.ts';
import { counted, paint, relative, shortDigest } from '../output.ts';
import type { StreamExplanation } from './explain.ts';

/** What becomes of the stream of an image, in sections. */
export function renderStream(explanation: StreamExplanation, now: number): readonly string[] {
  const { cause, node, latestRebuild, history, closures } = explanation;
  return [
    cause ? openCause(cause, now) : '',
    node ? `In cascade ${node.cascadeId}:\n${renderNodes([node])}` : '',
    latestRebuild ? lastRebuild(latestRebuild, now) : '',
    history ? remembered(history, now) : '',
    closures.length > 0 ? `Verified, and waiting until nothing older runs:\n${renderClosures(closures, now)}` : '',
  ];
}

function openCause({ stream, facts, sinceEpochMs, takenBy, answer }: Cause, now: number): string {
  const by = takenBy ? `, in the hands of cascade ${takenBy.cascadeId}` : '';
  const head = `${paint('bold', 'Open cause')} on stream ${stream}: ${counted(facts.length, 'fact')} since ${instant(sinceEpochMs)}${by}`;
  if (!answer) return takenBy ? head : `${head}\n  The planner has not looked at it yet.`;
  const { recheckAtEpochMs: at } = answer;
  const again = at === undefined ? '' : ` Looked at again ${instant(at)} (${relative(at, now)}).`;
  return `${head}\n${visibleLine(`  ${answer.answer}: ${answer.reason}. ${answer.detail}${again}`)}`;
}

/** What it waits for; a parked one holds its stream until its deadline and nothing else. */
function openText({ build, parked, deadlineEpochMs }: Rebuild, now: number): string {
  const state = `not ended, build ${build?.state ?? 'not told yet'}`;
  if (!parked) return state;
  const since = `${instant(parked.sinceEpochMs)} (${relative(parked.sinceEpochMs, now)})`;
  return `${state}; parked since ${since}, until ${instant(deadlineEpochMs)} at the latest`;
}

function lastRebuild(rebuild: Rebuild, now: number): string {
  const { rebuildId, attempt, reservedAtEpochMs, outcome, pinned = [], refusedClaims = [] } = rebuild;
  const state = outcome ? outcomeText(outcome) : openText(rebuild, now);
  const told = `Last rebuild ${rebuildId}, ${instant(reservedAtEpochMs)} (${relative(reservedAtEpochMs, now)}), attempt ${attempt}: ${state}`;
  return [told, ...refusedClaims.map(refusedText), ...pinned.map(pinnedText)].map(visibleLine).join('\n');
}

const refusedText = ({ digest, reason }: RefusedClaim): string =>
  `  Its pipeline named ${shortDigest(digest)}, which does not count as its output: ${reason}.`;

/** Where the image says what its `FROM` was, that is what to change. */
function pinnedText({ stream, head, parentDigest: older, from }: Pinned): string {
  const parent = older === undefined ? 'an older image' : shortDigest(older);
  const began = from === undefined ? '' : `: its build began with ${from}`;
  return `  It did not pick up head ${shortDigest(head)} of ${stream}, and is built on ${parent}${began}.`;
}

/** What speaks against the next rebuild, and who freed the stream last. */
function remembered({ failuresInARow, survived, reset }: RebuildHistory, now: number): string {
  const lines = [
    ...(failuresInARow > 0 ? [`${counted(failuresInARow, 'failure')} in a row`] : []),
    ...(survived.length > 0 ? [`${counted(survived.length, 'fact')} survived a rebuild`] : []),
    ...(reset
      ? [`reset by ${reset.by} ${instant(reset.atEpochMs)} (${relative(reset.atEpochMs, now)}): ${reset.reason}`]
      : []),
  ];
  return lines.length === 0 ? '' : visibleLine(`Remembered: ${lines.join('; ')}`);
}
