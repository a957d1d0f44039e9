/** How large the executions of a state machine grow, as Step Functions tells. */

import {
  type HistoryEvent,
  paginateGetExecutionHistory,
  paginateListExecutions,
  paginateListMapRuns,
  SFNClient,
} from '@aws-sdk/client-sfn';
import type { Installation } from '../../local/installation.ts';
import { mapConcurrently } from '../../shared/concurrency.ts';
import { hubOf } from './readings.ts';

/** https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html */
export const MOST_EVENTS = 25_000;
export const LARGEST_STATE_BYTES = 256 * 1024;

export interface ExecutionSize {
  readonly events: number;
  /** Of the largest input or output of a state or task. */
  readonly largestBytes: number;
}

const READS_AT_ONCE = 8;

/** An execution, and the children of its distributed maps. */
export async function sizesOf(
  installation: Installation,
  executionArn: string,
): Promise<{ readonly parent: ExecutionSize; readonly children: readonly ExecutionSize[] }> {
  const client = new SFNClient(hubOf(installation));
  const children: string[] = [];
  for await (const { mapRuns = [] } of paginateListMapRuns({ client }, { executionArn })) {
    for (const { mapRunArn } of mapRuns) {
      for await (const { executions = [] } of paginateListExecutions({ client }, { mapRunArn })) {
        children.push(...executions.flatMap((child) => child.executionArn ?? []));
      }
    }
  }
  return {
    parent: await sizeOf(client, executionArn),
    children: await mapConcurrently(children, READS_AT_ONCE, (child) => sizeOf(client, child)),
  };
}

async function sizeOf(client: SFNClient, executionArn: string): Promise<ExecutionSize> {
  const seen: HistoryEvent[] = [];
  const pages = paginateGetExecutionHistory({ client, pageSize: 1000 }, { executionArn });
  for await (const { events = [] } of pages) seen.push(...events);
  return {
    events: seen.length,
    largestBytes: Math.max(0, ...seen.flatMap(dataOf).map((data) => Buffer.byteLength(data))),
  };
}

/** Every kind of event has its details in a member of its own. */
const dataOf = (event: HistoryEvent): readonly string[] =>
  Object.values(event).flatMap((details) => {
    if (typeof details !== 'object' || details === null) return [];
    const { input, output, parameters } = details as Readonly<Record<string, unknown>>;
    return [input, output, parameters].filter((data) => typeof data === 'string');
  });
