import { HEAD_FIXED, PARENT_NOT_VERIFIED } from '../../shared/domain/guard/guard-answer.ts';
import { isAsItShouldBe } from './door-sentences.ts';
import type { DemoResult } from './result.ts';
import type { ActResult } from './result-act.ts';

type NodeRow = ActResult['cascades'][number]['nodes'][number];

/**
 * Whether all work has a proven outcome: the demo waited for its end, the last review succeeded, and by the last plan of
 * each, no deployment failed, each door answered as the policy says, and each stream is fixed or proven not fixed by its rebuild. Streams built on such a one
 * are not built.
 */
export const endedWell = ({ execution, act, doors }: Pick<DemoResult, 'execution' | 'act' | 'doors'>): boolean =>
  execution.status === 'SUCCEEDED' &&
  doors.every(isAsItShouldBe) &&
  act.gaveUp.length === 0 &&
  lastOf(act.deployments, ({ service }) => service).every(
    ({ state }) => state === 'completed' || state === 'refused',
  ) &&
  lastOf(
    act.cascades.flatMap(({ nodes }) => nodes),
    ({ stream }) => stream,
  ).every(isProven);

/** A later plan tries again what an earlier one left. */
const lastOf = <Item>(items: readonly Item[], keyOf: (item: Item) => string): readonly Item[] => [
  ...new Map(items.map((item) => [keyOf(item), item])).values(),
];

const isProven = ({ state, reason }: NodeRow): boolean =>
  (state === 'verified' && reason === undefined) ||
  state === 'ineffective' ||
  reason === HEAD_FIXED ||
  reason === PARENT_NOT_VERIFIED;
