import { HEAD_FIXED, PARENT_NOT_VERIFIED } from '../../shared/domain/guard/guard-answer.ts';
import type { DemoResult } from './result.ts';
import type { ActResult } from './result-act.ts';

type NodeRow = ActResult['cascades'][number]['nodes'][number];

/**
 * Whether all work has a proven outcome: the last review succeeded, no deployment failed, and each planned stream is
 * fixed or proven not fixed by its rebuild. Streams built on such a one are not built.
 */
export const endedWell = ({ execution, act }: Pick<DemoResult, 'execution' | 'act'>): boolean =>
  execution.status === 'SUCCEEDED' &&
  act.deployments.every(({ state }) => state === 'completed' || state === 'refused') &&
  act.cascades.every(({ nodes }) => nodes.every(isProven));

const isProven = ({ state, reason }: NodeRow): boolean =>
  (state === 'verified' && reason === undefined) ||
  state === 'ineffective' ||
  reason === HEAD_FIXED ||
  reason === PARENT_NOT_VERIFIED;
