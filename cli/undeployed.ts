import type { LeftWorkload } from '../shared/domain/plan/plan-forecast.ts';
import { fitted, paint } from './output.ts';

const MOST_ROWS = 20;

/** Workloads that no rollout deploys, each once with its reason, one in each line. A fleet may have thousands. */
export function renderUndeployed(all: readonly LeftWorkload[]): string {
  const lines = [...new Set(all.map(({ workload, reason }) => `  ${workload} (${reason})`))];
  const more = lines.length - MOST_ROWS;
  const rows = [
    ...lines.slice(0, MOST_ROWS),
    ...(more > 0 ? [paint('dim', `  and ${more} more: --json lists all`)] : []),
  ];
  return fitted(rows.join('\n'), 4);
}

export const UNDEPLOYED = 'Not deployed by Patchwave: their owners deploy them';
