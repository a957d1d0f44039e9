/** What was begun, and what is still held, in an installation that acts. */

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import { DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { eventually } from '../../local/cloud/probe.ts';
import type { Installation } from '../../local/installation.ts';
import * as keys from '../../shared/adapters/dynamodb/table/keys.ts';
import { collect } from '../../shared/concurrency.ts';
import type { Cascade } from '../../shared/domain/cause/cascade.ts';
import type { Cause } from '../../shared/domain/cause/cause.ts';
import type { Rebuild } from '../../shared/domain/cause/rebuild.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { hubOf, itemsOf } from './readings.ts';

/** Parameters under which the planner is woken as it would be on AWS. */
export const PLANNING = { PlanningState: 'ENABLED' } as const;
const LIMIT_MS = 60_000;

/** The planner, woken by hand as by a message of its queue; returns when it has planned. */
export async function wakePlanner(installation: Installation): Promise<void> {
  const Payload = JSON.stringify({ Records: [{ messageId: 'by-hand', body: '{}', eventSource: 'aws:sqs' }] });
  const { FunctionError, Payload: reply } = await new LambdaClient(hubOf(installation)).send(
    new InvokeCommand({ FunctionName: 'patchwave-cascade-plan', Payload }),
  );
  const text = reply?.transformToString() ?? '';
  if (FunctionError !== undefined) throw new Error(`the planner failed: ${text}`);
  expect(JSON.parse(text)).toEqual({ batchItemFailures: [] });
}

/** Runs of pipelines that Patchwave started, by the count of the cloud: those that were refused are not among them. */
export async function runsStarted({ cloud }: Installation): Promise<number> {
  return sumOf(await cloud.admin.calls(), 'StartPipelineExecution');
}

/** Deployments that Patchwave began. */
export async function deploymentsStarted({ cloud }: Installation): Promise<number> {
  return sumOf(await cloud.admin.calls(), 'UpdateService');
}

const sumOf = (calls: Awaited<ReturnType<Installation['cloud']['admin']['calls']>>, wanted: string): number =>
  calls
    .filter(({ operation, principal }) => operation === wanted && !['root', 'user', 'anonymous'].includes(principal))
    .reduce((sum, { count, throttled, failed }) => sum + count - throttled - failed, 0);

/** Every lock, slot and lease that is held: none may be left after the work. */
export async function heldIn({ context }: Installation) {
  const locks = (await collect(context.locks.all())).flat().map(({ stream }) => stream);
  const slots = (await context.slots.held('fleet')).map(({ owner }) => owner);
  const causes = await collect(context.causes.open());
  const taken = causes.filter(({ state }) => state === 'taken').map(({ stream }) => stream);
  const cascades = (await collect(context.cascades.open())).map(({ cascadeId }) => cascadeId);
  return { locks, slots, taken, cascades };
}

/** The same of one stream. */
export async function heldBy(installation: Installation, stream: string) {
  const { locks, slots, taken, cascades } = await heldIn(installation);
  const rebuilds = new Set((await rebuildsOf(installation, stream)).map(({ rebuildId }) => rebuildId));
  const nodes = await Promise.all(cascades.map((id) => installation.context.cascades.node(id, stream)));
  const isOwn = (one: string) => one === stream;
  return {
    locks: locks.filter(isOwn),
    slots: slots.filter((one) => rebuilds.has(one)),
    taken: taken.filter(isOwn),
    cascades: cascades.filter((_, n) => nodes[n] !== undefined),
  };
}

export const NOTHING_HELD = { locks: [], slots: [], taken: [], cascades: [] } as const;

/** Every cascade there ever was, in the order in which they were planned. */
export async function cascadesIn(installation: Installation): Promise<Cascade[]> {
  const ids = (await itemsOf(installation)).filter(({ kind }) => kind === 'cascade');
  const all = await Promise.all(ids.map(({ cascadeId }) => installation.context.cascades.get(String(cascadeId))));
  return all.flatMap((cascade) => cascade ?? []).sort((one, other) => one.plannedAtEpochMs - other.plannedAtEpochMs);
}

/** The rebuilds of a stream, the newest first. */
export const rebuildsOf = ({ context }: Installation, stream: string): Promise<readonly Rebuild[]> =>
  context.rebuilds.latest(stream, 100);

/** Waits until a stream was rebuilt so often, and the last one of them has ended. */
export const rebuiltTimes = (installation: Installation, stream: string, count: number): Promise<true> =>
  eventually(
    async () => {
      const rebuilds = await rebuildsOf(installation, stream);
      return rebuilds.length >= count && rebuilds[0]?.endedAtEpochMs !== undefined ? true : undefined;
    },
    `${count} rebuilds of ${stream}`,
    LIMIT_MS,
    () => standsOf(installation, stream),
  );

/** Where the work on a stream stands, for the error of a test that waited in vain. */
export async function standsOf(installation: Installation, stream: string) {
  const { context } = installation;
  const [cause, held, rebuilds, histories, cascades] = await Promise.all([
    causeOf(installation, stream),
    heldBy(installation, stream),
    rebuildsOf(installation, stream),
    context.guards.get([stream]),
    cascadesIn(installation),
  ]);
  const own = new Set(rebuilds.map(({ cascadeId }) => cascadeId));
  return {
    ...{ nowEpochMs: Date.now(), cause, held, history: histories.get(stream) },
    rebuilds: rebuilds.map(({ rebuildId, build, outcome, endedAtEpochMs }) => ({
      ...{ rebuildId, build, outcome, endedAtEpochMs },
    })),
    cascades: cascades.filter(({ cascadeId }) => own.has(cascadeId) || held.cascades.includes(cascadeId)),
    closures: (await collect(context.rollouts.openClosures()))
      .filter((one) => one.stream === stream)
      .map(({ cascadeId, state, abandoned }) => ({ cascadeId, state, abandoned })),
  };
}

export const causeOf = async ({ context }: Installation, stream: string): Promise<Cause | undefined> =>
  (await context.causes.get([stream])).get(stream);

/** The execution of a cascade, as Step Functions tells of it. */
export const executionOf = (installation: Installation, { executionArn }: Cascade) =>
  new SFNClient(hubOf(installation)).send(new DescribeExecutionCommand({ executionArn }));

/** Waits until the execution of a cascade has ended. */
export async function endOf(installation: Installation, { executionArn }: Cascade): Promise<string> {
  const sfn = new SFNClient(hubOf(installation));
  return eventually(
    async () => {
      const { status } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
      return status === 'RUNNING' ? undefined : status;
    },
    `the end of ${executionArn}`,
    LIMIT_MS,
  );
}

/**
 * Puts a policy in force by which only these applications of an acting fleet may be rebuilt; the planner hears of it.
 * So one installation has a cascade of its own for each case.
 * @param guards in the place of the fleet's own
 */
export async function enforceOnly(
  { context, policy }: Installation,
  apps: readonly string[],
  guards: Partial<Policy['guards']> = {},
): Promise<void> {
  const streams = policy.streams.map((rule) => ({
    ...rule,
    mode: apps.includes(rule.id) ? ('enforce' as const) : ('report-only' as const),
  }));
  const { version: replaces } = await context.policies.current();
  const changed = { ...policy, streams, guards: { ...policy.guards, ...guards } };
  await context.policies.publish(changed, { author: 'a test', atEpochMs: Date.now(), replaces });
}

/** As if the time of a planner that died had passed: its lease has lapsed. */
export async function lapsePlanning(installation: Installation): Promise<void> {
  const { deployment } = installation;
  const table = DynamoDBDocumentClient.from(new DynamoDBClient(hubOf(installation)));
  await table
    .send(
      new UpdateCommand({
        TableName: deployment.ledgerTable,
        Key: keys.planning,
        UpdateExpression: 'SET untilEpochMs = :past',
        ConditionExpression: 'attribute_exists(untilEpochMs)',
        ExpressionAttributeValues: { ':past': Date.now() - 1 },
      }),
    )
    .catch((error: Error) => {
      if (error.name !== 'ConditionalCheckFailedException') throw error;
    });
}

/** As if the lease of a deployment whose starter died had expired. */
export async function lapseDeployments({ context }: Installation, leaseMs: number): Promise<void> {
  for (const { cascadeId } of await collect(context.cascades.open())) {
    for (const { service } of await collect(context.rollouts.deployments(cascadeId))) {
      await context.rollouts.changeDeployment(cascadeId, service, (before) =>
        before.state === 'starting' ? { ...before, startingAtEpochMs: before.startingAtEpochMs - leaseMs } : undefined,
      );
    }
  }
}

/** Looks at the heads of a stream that were asked for longer ago than this count as long past: they are asked for again. */
export async function lapseRefreshes({ context }: Installation, stream: string, afterMs: number): Promise<void> {
  await context.guards.change(stream, (history) => {
    const { refreshRequestedAtEpochMs = Date.now(), headReadAtEpochMs, ...rest } = history;
    return Date.now() - refreshRequestedAtEpochMs < afterMs ? history : rest;
  });
}

/** As if the time had passed within which the build of a stream was to end. */
export async function lapseBuild(installation: Installation, stream: string): Promise<void> {
  const { context } = installation;
  const [rebuild] = await rebuildsOf(installation, stream);
  if (!rebuild) throw new Error(`${stream} was never rebuilt`);
  const deadlineEpochMs = Date.now() - 1;
  await context.rebuilds.record(stream, rebuild.rebuildId, (before) => before && { ...before, deadlineEpochMs });
  await context.guards.change(stream, ({ startUnknown, ...history }) => history);
}

/**
 * As if an application had been rolled out so long ago, and the time had passed within which its closures were to close.
 * @param replaced what Patchwave saw run until then
 */
export async function lapseClosures(
  { context }: Installation,
  stream: string,
  { replaced, agoMs }: { readonly replaced: Digest; readonly agoMs: number },
): Promise<void> {
  await context.usages.end(await context.usages.ofImage(replaced), Date.now() - agoMs);
  for (const closure of await collect(context.rollouts.openClosures())) {
    if (closure.stream !== stream) continue;
    const { cascadeId } = closure;
    for (const { service } of await collect(context.rollouts.deployments(cascadeId)))
      await context.rollouts.changeDeployment(cascadeId, service, ({ endedAtEpochMs, ...before }) => ({
        ...before,
        ...(endedAtEpochMs !== undefined && { endedAtEpochMs: endedAtEpochMs - agoMs }),
      }));
    await context.rollouts.changeClosure(cascadeId, stream, (before) => ({
      ...before,
      ...{ sinceEpochMs: before.sinceEpochMs - agoMs, deadlineEpochMs: Date.now() - 1 },
    }));
  }
}
