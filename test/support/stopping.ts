/** Where executions are, how they are held there, and how they are stopped. */

import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  SFNClient,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { eventually } from '../../local/cloud/probe.ts';
import type { Installation } from '../../local/installation.ts';
import { collect } from '../../shared/concurrency.ts';
import type { Cascade } from '../../shared/domain/cause/cascade.ts';
import { hubOf } from './readings.ts';

/** `function`: of its own role; `role`: one that functions take in member accounts. Left out operations: every one. */
export interface Hold {
  readonly function?: string;
  readonly role?: string;
  readonly operations?: readonly string[];
}

/** From now on these calls fail, so a state that needs them is retried and does not end. */
export async function hold(installation: Installation, holds: readonly Hold[]): Promise<void> {
  const principals = await Promise.all(holds.map((one) => one.role ?? roleOf(installation, one.function ?? '')));
  const operations = holds.flatMap((one) => one.operations ?? []);
  const some = operations.length > 0 ? { operations } : {};
  await installation.cloud.admin.setFaults({ seed: 1, failureRate: 1, principals, ...some });
}

async function roleOf(installation: Installation, name: string): Promise<string> {
  const { Role = '' } = await new LambdaClient(hubOf(installation)).send(
    new GetFunctionConfigurationCommand({ FunctionName: `patchwave-${name}` }),
  );
  return Role.split('/').at(-1) ?? '';
}

/** Waits until the cascade that works on a stream, or a child of it, is in a state. */
export const untilIn = (installation: Installation, stream: string, state: string, limitMs: number): Promise<Cascade> =>
  eventually(
    async () => {
      for (const cascade of await collect(installation.context.cascades.open())) {
        const streams = (await collect(installation.context.cascades.nodes(cascade.cascadeId))).map(
          (one) => one.stream,
        );
        if (!streams.includes(stream) || cascade.executionArn === undefined) continue;
        if ((await statesOf(installation, cascade.executionArn)).includes(state)) return cascade;
      }
      return undefined;
    },
    `the state ${state} of a cascade of ${stream}`,
    limitMs,
  );

/** Stops an execution; gives the states in which it and its children were then. */
export async function stopIn(installation: Installation, { executionArn = '' }: Cascade): Promise<readonly string[]> {
  await new SFNClient(hubOf(installation)).send(new StopExecutionCommand({ executionArn }));
  return statesOf(installation, executionArn);
}

/** The last state that it entered, and those of its children that run, or were stopped with it. */
async function statesOf(installation: Installation, executionArn: string): Promise<readonly string[]> {
  const sfn = new SFNClient(hubOf(installation));
  const states = [await lastState(sfn, executionArn)];
  const { mapRuns = [] } = await sfn.send(new ListMapRunsCommand({ executionArn }));
  for (const { mapRunArn } of mapRuns) {
    const { executions = [] } = await sfn.send(new ListExecutionsCommand({ mapRunArn }));
    const open = executions.filter(({ status }) => status === 'RUNNING' || status === 'ABORTED');
    states.push(...(await Promise.all(open.map((child) => lastState(sfn, child.executionArn ?? '')))));
  }
  return states.filter((state) => state !== undefined);
}

async function lastState(sfn: SFNClient, executionArn: string): Promise<string | undefined> {
  const { events = [] } = await sfn.send(
    new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, maxResults: 50 }),
  );
  return events.find(({ stateEnteredEventDetails }) => stateEnteredEventDetails)?.stateEnteredEventDetails?.name;
}
