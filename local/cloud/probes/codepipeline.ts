import assert from 'node:assert/strict';
import {
  CodePipelineClient,
  GetPipelineExecutionCommand,
  GetPipelineStateCommand,
  ListActionExecutionsCommand,
  ListPipelineExecutionsCommand,
  PutApprovalResultCommand,
  paginateListPipelines,
  StartPipelineExecutionCommand,
  StopPipelineExecutionCommand,
} from '@aws-sdk/client-codepipeline';
import type { DeclaredPipeline, PipelineJob } from '../admin-types.ts';
import type { ProbeCloud } from '../probe.ts';
import { sessionThatMay } from '../probe-sessions.ts';
import { type EventWatch, receiveEvent, watchEvents } from '../probe-watch.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  await listing(cloud);
  await variablesAndTokens(cloud);
  await superseding(cloud);
  await queueing(cloud);
  await stopping(cloud);
  await approving(cloud);
  await permissions(cloud);
}

/** https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ListPipelines.html */
async function listing(cloud: ProbeCloud): Promise<void> {
  const [one, other] = [await make(cloud), await make(cloud)];
  const names: (string | undefined)[] = [];
  for await (const { pipelines = [] } of paginateListPipelines({ client: one.client, pageSize: 1 }, {})) {
    assert.ok(pipelines.length <= 1);
    names.push(...pipelines.map(({ name }) => name));
  }
  assert.equal(names.filter((name) => name === one.name || name === other.name).length, 2);
}

interface Made {
  readonly client: CodePipelineClient;
  readonly name: string;
  readonly events: EventWatch;
  readonly start: (variables?: Readonly<Record<string, string>>, token?: string) => Promise<string>;
  readonly statusOf: (id: string) => Promise<string | undefined>;
}

async function make(cloud: ProbeCloud, settings: Partial<DeclaredPipeline> = {}): Promise<Made> {
  const name = cloud.unique('pipeline');
  const place = { account: cloud.config.credentials.accessKeyId, region: cloud.config.region };
  await cloud.admin.declarePipelines([{ ...place, name, ...settings }]);
  const client = new CodePipelineClient(cloud.config);
  const events = await watchEvents(cloud, { source: ['aws.codepipeline'], detail: { pipeline: [name] } });
  return {
    client,
    name,
    events,
    start: async (variables = {}, clientRequestToken) => {
      const given = Object.entries(variables).map(([key, value]) => ({ name: key, value }));
      const { pipelineExecutionId = '' } = await client.send(
        new StartPipelineExecutionCommand({
          name,
          ...(given.length > 0 && { variables: given }),
          ...(clientRequestToken && { clientRequestToken }),
        }),
      );
      return pipelineExecutionId;
    },
    statusOf: async (pipelineExecutionId) => {
      const request = new GetPipelineExecutionCommand({ pipelineName: name, pipelineExecutionId });
      return (await client.send(request)).pipelineExecution?.status;
    },
  };
}

async function takeJob(cloud: ProbeCloud): Promise<PipelineJob> {
  const job = await cloud.admin.takeJob(2000);
  assert.ok(job, 'a job was waiting to be done');
  return job;
}

async function nextState({ events }: Made): Promise<unknown> {
  return (await receiveEvent(events)).detail.state;
}

async function variablesAndTokens(cloud: ProbeCloud): Promise<void> {
  const variables = [{ name: 'REBUILD', default: 'none' }, { name: 'BRANCH' }];
  const made = await make(cloud, { variables, definition: { image: 'web' } });
  const { client, name, start } = made;
  await assert.rejects(start({ BRANCH: 'main', TYPO: '1' }), { name: 'ValidationException' });
  await assert.rejects(start({ REBUILD: 'r-1' }), { name: 'ValidationException' });
  const id = await start({ BRANCH: 'main', REBUILD: 'r-1' }, 'token-1');
  assert.equal(await start({ BRANCH: 'main', REBUILD: 'r-1' }, 'token-1'), id);
  const unknown = new StartPipelineExecutionCommand({ name: cloud.unique('nobody') });
  await assert.rejects(client.send(unknown), { name: 'PipelineNotFoundException' });

  const started = await receiveEvent(made.events);
  const arn = `arn:aws:codepipeline:${cloud.config.region}:${cloud.config.credentials.accessKeyId}:${name}`;
  assert.deepEqual(started.resources, [arn]);
  assert.equal(started.detail['execution-id'], id);
  assert.equal(started.detail.state, 'STARTED');
  assert.match(String(started.detail['start-time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(started.detail['pipeline-execution-attempt'], 1);
  assert.equal(
    (started.detail['execution-trigger'] as Record<string, string>)['trigger-type'],
    'StartPipelineExecution',
  );

  const job = await takeJob(cloud);
  assert.deepEqual(job.variables, { REBUILD: 'r-1', BRANCH: 'main' });
  assert.deepEqual(job.definition, { image: 'web' });
  const outputVariables = { IMAGE_DIGEST: 'sha256:1' };
  assert.equal(await cloud.admin.reportJob(job, { status: 'Succeeded', outputVariables }), true);
  assert.equal(await nextState(made), 'SUCCEEDED');
  const { pipelineExecution } = await client.send(
    new GetPipelineExecutionCommand({ pipelineName: name, pipelineExecutionId: id }),
  );
  assert.equal(pipelineExecution?.status, 'Succeeded');
  assert.deepEqual(pipelineExecution?.variables, [
    { name: 'REBUILD', resolvedValue: 'r-1' },
    { name: 'BRANCH', resolvedValue: 'main' },
  ]);

  const second = await start({ BRANCH: 'main' });
  const failing = await takeJob(cloud);
  assert.deepEqual(failing.variables, { REBUILD: 'none', BRANCH: 'main' });
  await cloud.admin.reportJob(failing, { status: 'Failed', summary: 'the tests fail' });
  assert.deepEqual([await nextState(made), await nextState(made)], ['STARTED', 'FAILED']);
  await lists(made, id, second);
}

async function lists({ client, name: pipelineName }: Made, first: string, second: string): Promise<void> {
  const page = await client.send(new ListPipelineExecutionsCommand({ pipelineName, maxResults: 1 }));
  assert.deepEqual(
    page.pipelineExecutionSummaries?.map((each) => [each.pipelineExecutionId, each.status, each.trigger?.triggerType]),
    [[second, 'Failed', 'StartPipelineExecution']],
  );
  assert.ok(page.pipelineExecutionSummaries?.[0]?.startTime instanceof Date);
  const { nextToken } = page;
  const rest = await client.send(new ListPipelineExecutionsCommand({ pipelineName, maxResults: 1, nextToken }));
  assert.equal(rest.pipelineExecutionSummaries?.[0]?.pipelineExecutionId, first);
  assert.equal(rest.nextToken, undefined);
  const bad = new ListPipelineExecutionsCommand({ pipelineName, nextToken: 'bad' });
  await assert.rejects(client.send(bad), { name: 'InvalidNextTokenException' });

  const actionsOf = async (pipelineExecutionId: string) => {
    const request = new ListActionExecutionsCommand({ pipelineName, filter: { pipelineExecutionId } });
    return (await client.send(request)).actionExecutionDetails ?? [];
  };
  const [build] = await actionsOf(first);
  assert.equal(build?.stageName, 'Build');
  assert.deepEqual(build?.output?.outputVariables, { IMAGE_DIGEST: 'sha256:1' });
  const [failed] = await actionsOf(second);
  assert.equal(failed?.output?.executionResult?.errorDetails?.message, 'the tests fail');
}

/** While one execution builds, of those that wait only the newest is left. */
async function superseding(cloud: ProbeCloud): Promise<void> {
  const made = await make(cloud);
  const [first, second, third] = [await made.start(), await made.start(), await made.start()];
  assert.deepEqual(
    [await made.statusOf(first), await made.statusOf(second), await made.statusOf(third)],
    ['InProgress', 'Superseded', 'InProgress'],
  );
  const states = [];
  for (let event = 0; event < 4; event += 1) states.push(await nextState(made));
  assert.deepEqual(states.sort(), ['STARTED', 'STARTED', 'STARTED', 'SUPERSEDED']);
  for (const id of [first, third]) {
    const job = await takeJob(cloud);
    assert.equal(job.executionId, id);
    await cloud.admin.reportJob(job, { status: 'Succeeded' });
  }
  assert.equal(await made.statusOf(third), 'Succeeded');
}

async function queueing(cloud: ProbeCloud): Promise<void> {
  const made = await make(cloud, { mode: 'QUEUED', limit: 2 });
  const ids = [await made.start(), await made.start()];
  await assert.rejects(made.start(), { name: 'ConcurrentPipelineExecutionsLimitExceededException' });
  for (const id of ids) {
    const job = await takeJob(cloud);
    assert.equal(job.executionId, id);
    assert.equal(await cloud.admin.takeJob(0), undefined);
    await cloud.admin.reportJob(job, { status: 'Succeeded' });
  }
  assert.equal(await made.statusOf(ids[1] ?? ''), 'Succeeded');
}

async function stopping(cloud: ProbeCloud): Promise<void> {
  const made = await make(cloud, { mode: 'PARALLEL' });
  const [waited, abandoned] = [await made.start(), await made.start()];
  const stop = (pipelineExecutionId: string, abandon: boolean) =>
    made.client.send(
      new StopPipelineExecutionCommand({
        pipelineName: made.name,
        pipelineExecutionId,
        abandon,
        reason: 'wrong branch',
      }),
    );
  await stop(waited, false);
  assert.equal(await made.statusOf(waited), 'Stopping');
  await assert.rejects(stop(waited, false), { name: 'DuplicatedStopRequestException' });
  const [first, second] = [await takeJob(cloud), await takeJob(cloud)];
  await cloud.admin.reportJob(first, { status: 'Succeeded' });
  assert.equal(await made.statusOf(waited), 'Stopped');
  await stop(abandoned, true);
  assert.equal(await made.statusOf(abandoned), 'Stopped');
  assert.equal(await cloud.admin.reportJob(second, { status: 'Succeeded' }), false);
  await assert.rejects(stop(abandoned, true), { name: 'PipelineExecutionNotStoppableException' });
}

async function approving(cloud: ProbeCloud): Promise<void> {
  const made = await make(cloud, { approval: 'before-build', deploys: true });
  const answer = async (status: 'Approved' | 'Rejected') => {
    const state = await made.client.send(new GetPipelineStateCommand({ name: made.name }));
    const stage = state.stageStates?.find(({ stageName }) => stageName === 'Approve');
    assert.equal(stage?.latestExecution?.status, 'InProgress');
    const token = stage?.actionStates?.[0]?.latestExecution?.token;
    const result = { status, summary: 'seen' };
    const place = { pipelineName: made.name, stageName: 'Approve', actionName: 'Approve' };
    await made.client.send(new PutApprovalResultCommand({ ...place, token, result }));
    const again = new PutApprovalResultCommand({ ...place, token, result });
    await assert.rejects(made.client.send(again), { name: 'ApprovalAlreadyCompletedException' });
  };
  const approved = await made.start();
  assert.equal(await cloud.admin.takeJob(0), undefined);
  await answer('Approved');
  for (const stage of ['Build', 'Deploy']) {
    const job = await takeJob(cloud);
    assert.equal(job.stage, stage);
    await cloud.admin.reportJob(job, { status: 'Succeeded', outputVariables: { [stage]: 'done' } });
    if (stage === 'Deploy') assert.deepEqual(job.outputs, { Build: 'done' });
  }
  assert.equal(await made.statusOf(approved), 'Succeeded');
  const rejected = await made.start();
  await answer('Rejected');
  assert.equal(await made.statusOf(rejected), 'Failed');
}

async function permissions(cloud: ProbeCloud): Promise<void> {
  const [mine, other] = [await make(cloud), await make(cloud)];
  const Resource = `arn:aws:codepipeline:*:${cloud.config.credentials.accessKeyId}:${mine.name}`;
  const config = await sessionThatMay(cloud, [{ Action: 'codepipeline:StartPipelineExecution', Resource }]);
  const client = new CodePipelineClient(config);
  const { pipelineExecutionId = '' } = await client.send(new StartPipelineExecutionCommand({ name: mine.name }));
  await cloud.admin.reportJob(await takeJob(cloud), { status: 'Succeeded' });
  const denied = { name: 'AccessDeniedException' };
  await assert.rejects(client.send(new StartPipelineExecutionCommand({ name: other.name })), denied);
  const look = new GetPipelineExecutionCommand({ pipelineName: mine.name, pipelineExecutionId });
  await assert.rejects(client.send(look), denied);
}
