import { HEAD_FIXED, PARENT_NOT_VERIFIED } from '../../shared/domain/guard/guard-answer.ts';
import type { DemoResult } from './result.ts';
import type { ActResult } from './result-act.ts';

type NodeRow = ActResult['cascades'][number]['nodes'][number];

/**
 * Whether all that was begun came to a proven end: the last review succeeded, no deployment failed, and each stream that
 * was planned is fixed, or it is proven that its rebuild fixes nothing. What is built on such a one is not built.
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
