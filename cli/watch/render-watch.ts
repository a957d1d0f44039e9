import { counted } from '../../shared/domain/common/counted.ts';
import { instant } from '../../shared/domain/common/time.ts';
import { renderAnswers, renderCascade, renderClosures, renderRunning, renderSwitch } from '../acting/render-acting.ts';
import { fitted, paint } from '../output.ts';
import type { UnderWay } from './under-way.ts';

/** What goes on, as a page for a terminal. */
export function renderUnderWay(state: UnderWay, everySeconds: number): string {
  const { atEpochMs: now, killSwitch, running, rebuilds, cascades, closures, causes } = state;
  const head = `${instant(now)}, read again every ${counted(everySeconds, 'second')}; Ctrl-C ends`;
  return [
    `${fitted(paint('dim', head), 2)}\n${fitted(renderSwitch(killSwitch, now), 2)}`,
    running
      ? `review ${running.runId}: ${paint('cyan', 'running')} since ${instant(running.startedAtEpochMs)}`
      : 'No review is running.',
    ...(rebuilds.length > 0 || cascades.length === 0 ? [renderRunning({ rebuilds, deployments: [] }, now)] : []),
    ...cascades.map((view) => renderCascade(view, now)),
    ...section('Verified, waiting for older images to stop', closures, (rows) => renderClosures(rows, now)),
    ...section('Open causes', causes, (rows) => renderAnswers(rows, now)),
  ].join('\n\n');
}

const section = <Row>(title: string, rows: readonly Row[], render: (rows: readonly Row[]) => string): string[] =>
  rows.length === 0 ? [] : [`${paint('bold', title)}\n${render(rows)}`];
