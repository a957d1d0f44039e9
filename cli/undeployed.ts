import type { LeftWorkload } from '../shared/domain/plan/plan-forecast.ts';
import { paint } from './output.ts';

const MOST_ROWS = 20;

/** Workloads that no rollout deploys, each once with its reason, one in each line. A fleet may have thousands. */
export function renderUndeployed(all: readonly LeftWorkload[]): string {
  const lines = [...new Set(all.map(({ workload, reason }) => `  ${workload} (${reason})`))];
  const more = lines.length - MOST_ROWS;
  return [
    ...lines.slice(0, MOST_ROWS),
    ...(more > 0 ? [paint('dim', `  and ${more} more: --json lists all`)] : []),
  ].join('\n');
}

export const UNDEPLOYED = 'Not deployed by Patchwave: their owners deploy them';
