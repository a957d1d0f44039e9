import {
  type ActionExecutionDetail,
  CodePipelineClient,
  GetPipelineExecutionCommand,
  ListActionExecutionsCommand,
  ListPipelineExecutionsCommand,
  type PipelineExecutionStatus,
  type PipelineExecutionSummary,
  StartPipelineExecutionCommand,
} from '@aws-sdk/client-codepipeline';
import { mockClient } from 'aws-sdk-client-mock';
import { CodePipelineRunner } from '../../../shared/adapters/codepipeline-runner.ts';
import { digestOf, HOUR_MS, NOON_EPOCH_MS } from '../../support/samples.ts';
import { awsError } from './support.ts';

const codepipeline = mockClient(CodePipelineClient);
beforeEach(() => codepipeline.reset());

const client = new CodePipelineClient({ region: 'eu-west-1' });
const runner = new CodePipelineRunner(() => client);
const pipeline = { runner: 'codepipeline', account: '444455556666', region: 'eu-west-1', name: 'build' } as const;
const request = { pipeline, rebuildId: '20261125T030000Z-ab', token: '20261125T030000Z-ab-a1' };
const run = { pipeline, executionId: 'run-1' };

const says = (status: string, statusSummary?: string) =>
  codepipeline.on(GetPipelineExecutionCommand).resolves({
    pipelineExecution: {
      status: status as PipelineExecutionStatus,
      ...(statusSummary !== undefined && { statusSummary }),
    },
  });
const build = (changes: ActionExecutionDetail = {}): ActionExecutionDetail => ({
  stageName: 'Build',
  actionName: 'docker',
  status: 'Succeeded',
  startTime: new Date(NOON_EPOCH_MS),
  output: { outputVariables: { IMAGE_DIGEST: digestOf('a') } },
  ...changes,
});
const acts = (...actions: readonly ActionExecutionDetail[]) =>
  codepipeline.on(ListActionExecutionsCommand).resolves({ actionExecutionDetails: [...actions] });

test('a start requests what a rebuild needs: its id, no cache, and a fresh parent', async () => {
  codepipeline.on(StartPipelineExecutionCommand).resolves({ pipelineExecutionId: 'run-1' });
  expect(await runner.start(request)).toEqual({ outcome: 'started', executionId: 'run-1' });
  expect(codepipeline.commandCalls(StartPipelineExecutionCommand)[0]?.args[0].input).toEqual({
    name: 'build',
    clientRequestToken: '20261125T030000Z-ab-a1',
    variables: [
      { name: 'PATCHWAVE_REBUILD_ID', value: '20261125T030000Z-ab' },
      { name: 'PATCHWAVE_NO_CACHE', value: 'true' },
      { name: 'PATCHWAVE_PULL', value: 'always' },
    ],
  });
});

test.each([
  ['ConcurrentPipelineExecutionsLimitExceededException', 'busy'],
  ['ConflictException', 'busy'],
  ['PipelineNotFoundException', 'refused'],
  ['ValidationException', 'refused'],
])('a start that ends with %s is %s', async (name, outcome) => {
  codepipeline.rejects(awsError(name));
  expect(await runner.start(request)).toMatchObject({ outcome, detail: expect.stringContaining('as AWS says it') });
});

test('a refused start says what to do next', async () => {
  codepipeline.rejects(awsError('ValidationException'));
  expect(await runner.start(request)).toMatchObject({ detail: expect.stringMatching(/V2.*PATCHWAVE_REBUILD_ID/) });
});

test('an answer without an id is no start', async () => {
  codepipeline.on(StartPipelineExecutionCommand).resolves({});
  await expect(runner.start(request)).rejects.toMatchObject({ name: 'AnswerIncompleteError' });
});

test.each(['ThrottlingException', 'InternalFailure', 'TimeoutError'])('%s is never read as an answer', async (name) => {
  codepipeline.rejects(awsError(name));
  await expect(runner.start(request)).rejects.toMatchObject({ name });
  await expect(runner.status(run)).rejects.toMatchObject({ name });
  await expect(runner.find(pipeline, 'a', 0)).rejects.toMatchObject({ name });
});

test.each(['AccessDeniedException', 'AccessDenied'])('%s is a runner that cannot be reached', async (name) => {
  codepipeline.rejects(awsError(name));
  const expected = { name: 'RunnerUnreachableError', pipeline };
  await expect(runner.start(request)).rejects.toMatchObject(expected);
  await expect(runner.status(run)).rejects.toMatchObject(expected);
  await expect(runner.find(pipeline, 'a', 0)).rejects.toMatchObject(expected);
});

test.each([
  ['InProgress', 'running'],
  ['Stopping', 'running'],
  ['AStatusOfTomorrow', 'running'],
  ['Stopped', 'stopped'],
  ['Cancelled', 'stopped'],
  ['Failed', 'failed'],
  ['Succeeded', 'succeeded'],
])('the status %s is %s, in words of the runner', async (status, state) => {
  says(status, 'in words');
  acts(build());
  const detail = state === 'succeeded' ? 'in words' : expect.stringContaining('in words');
  expect(await runner.status(run)).toMatchObject({ state, detail });
});

test.each(['PipelineNotFoundException', 'PipelineExecutionNotFoundException'])('%s: unknown', async (name) => {
  codepipeline.rejects(awsError(name));
  expect(await runner.status(run)).toEqual({ state: 'unknown', detail: `${name}: as AWS says it` });
});

test('a run waits for a person only while an approval is in progress', async () => {
  says('InProgress');
  const approval = {
    input: { actionTypeId: { category: 'Approval', owner: 'AWS', provider: 'Manual', version: '1' } },
  };
  acts({ ...approval, status: 'InProgress' } as ActionExecutionDetail);
  expect(await runner.status(run)).toEqual({ state: 'waiting-approval' });
  acts({ ...approval, status: 'Succeeded' } as ActionExecutionDetail, build({ status: 'InProgress' }));
  expect(await runner.status(run)).toEqual({ state: 'running' });
});

const retried = build({
  startTime: new Date(NOON_EPOCH_MS + HOUR_MS),
  output: { outputVariables: { IMAGE_DIGEST: digestOf('b') } },
});
const outputs: readonly [string, readonly ActionExecutionDetail[], object][] = [
  ['one action that names it', [build()], { outputDigest: digestOf('a') }],
  ['two that name the same', [build(), build({ actionName: 'scan' })], { outputDigest: digestOf('a') }],
  ['the last try of an action', [retried, build()], { outputDigest: digestOf('b') }],
  [
    'a try that failed at last, and another action',
    [{ ...retried, status: 'Failed' }, build(), build({ actionName: 'push' })],
    { outputDigest: digestOf('a') },
  ],
  ['two that differ', [build(), { ...retried, actionName: 'other' }], { detail: expect.stringContaining('differ') }],
  ['none', [build({ output: {} })], { detail: expect.stringContaining('IMAGE_DIGEST') }],
  [
    'a tag',
    [build({ output: { outputVariables: { IMAGE_DIGEST: 'team/api:v1' } } })],
    { detail: expect.stringContaining('team/api:v1') },
  ],
];
test.each(outputs)('the pushed digest, by %s', async (_, actions, expected) => {
  says('Succeeded');
  acts(...actions);
  expect(await runner.status(run)).toEqual({ state: 'succeeded', ...expected });
});

test('the pipeline says by which name its digest goes, and the actions come in pages', async () => {
  says('Succeeded');
  const named = build({ actionName: 'push', output: { outputVariables: { DIGEST: digestOf('c') } } });
  codepipeline
    .on(ListActionExecutionsCommand)
    .resolvesOnce({ actionExecutionDetails: [build()], nextToken: '1' })
    .resolvesOnce({ actionExecutionDetails: [named] });
  const other = { ...pipeline, digestVariable: 'DIGEST' };
  expect(await runner.status({ ...run, pipeline: other })).toEqual({
    state: 'succeeded',
    outputDigest: digestOf('c'),
  });
});

test('a run that failed says which action did, and why', async () => {
  says('Failed');
  acts(
    build(),
    build({ actionName: 'test', status: 'Failed', output: { executionResult: { errorDetails: { message: 'red' } } } }),
  );
  expect(await runner.status(run)).toEqual({ state: 'failed', detail: 'Build/test: red' });
});

const summary = (id: string, changes: PipelineExecutionSummary = {}): PipelineExecutionSummary => ({
  pipelineExecutionId: id,
  startTime: new Date(NOON_EPOCH_MS),
  trigger: { triggerType: 'StartPipelineExecution' },
  ...changes,
});

test('a superseded run is followed by the next that began, over pages', async () => {
  says('Superseded');
  codepipeline
    .on(ListPipelineExecutionsCommand)
    .resolvesOnce({ pipelineExecutionSummaries: [summary('run-3'), summary('run-2')], nextToken: '1' })
    .resolvesOnce({ pipelineExecutionSummaries: [summary('run-1'), summary('run-0')] });
  expect(await runner.status(run)).toEqual({ state: 'superseded', supersededBy: 'run-2' });
});

test('a run that had failed before is none that superseded it, one that failed since may be', async () => {
  const at = (minutes: number) => ({ lastUpdateTime: new Date(NOON_EPOCH_MS + minutes * 60_000) });
  const own = summary('run-1', { status: 'Superseded', ...at(10) });
  const failed = (id: string, minutes: number) => summary(id, { status: 'Failed', ...at(minutes) });
  for (const [later, supersededBy] of [
    [[summary('run-3'), failed('run-2', 9)], 'run-3'],
    [[summary('run-3'), failed('run-2', 11)], 'run-2'],
    [[summary('run-4'), summary('run-3', { status: 'Superseded' }), failed('run-2', 9)], 'run-3'],
    [[summary('run-3'), summary('run-2', { status: 'Succeeded', ...at(9) })], 'run-2'],
  ] as const) {
    says('Superseded');
    codepipeline.on(ListPipelineExecutionsCommand).resolves({ pipelineExecutionSummaries: [...later, own] });
    expect(await runner.status(run)).toEqual({ state: 'superseded', supersededBy });
  }
});

test('a superseded run that is no longer listed names no successor', async () => {
  says('Superseded');
  codepipeline.on(ListPipelineExecutionsCommand).resolves({ pipelineExecutionSummaries: [summary('run-9')] });
  expect(await runner.status(run)).toEqual({ state: 'superseded' });
});

test('only requested runs since that instant are read', async () => {
  codepipeline.on(ListPipelineExecutionsCommand).resolves({
    pipelineExecutionSummaries: [
      summary('by-commit', { trigger: { triggerType: 'WebhookV2' } }),
      summary('rolled-back', { trigger: { triggerType: 'ManualRollback' } }),
      summary('young'),
      summary('skewed', { startTime: new Date(NOON_EPOCH_MS - 30_000) }),
      summary('old', { startTime: new Date(NOON_EPOCH_MS - HOUR_MS) }),
      summary('older', { startTime: new Date(NOON_EPOCH_MS - 2 * HOUR_MS) }),
    ],
    nextToken: 'never asked for',
  });
  codepipeline.on(GetPipelineExecutionCommand).callsFake(({ pipelineExecutionId }) => ({
    pipelineExecution: {
      variables: [
        { name: 'OTHER', resolvedValue: 'rebuild-1' },
        { name: 'PATCHWAVE_REBUILD_ID', resolvedValue: pipelineExecutionId === 'skewed' ? 'rebuild-1' : 'none' },
      ],
    },
  }));
  expect(await runner.find(pipeline, 'rebuild-1', NOON_EPOCH_MS)).toBe('skewed');
  expect(await runner.find(pipeline, 'rebuild-2', NOON_EPOCH_MS)).toBeUndefined();
  const looked = codepipeline.commandCalls(GetPipelineExecutionCommand).map(({ args }) => args[0].input);
  expect(looked.map(({ pipelineExecutionId }) => pipelineExecutionId)).toEqual(['young', 'skewed', 'young', 'skewed']);
  expect(codepipeline.commandCalls(ListPipelineExecutionsCommand)).toHaveLength(2);
});
