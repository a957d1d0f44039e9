import { isDigest } from '../../shared/domain/image/image.ts';
import { type Pipeline, pipelineKey } from '../../shared/domain/policy/pipeline.ts';
import { FakeRunner } from '../support/fakes/runner.ts';
import { NOON_EPOCH_MS } from '../support/samples.ts';
import { type RunnerWorld, runnerContract } from './runner.contract.ts';

const time = { nowEpochMs: NOON_EPOCH_MS };
const runner = new FakeRunner(() => time.nowEpochMs++);
const member = { runner: 'codepipeline', account: '444455556666', region: 'eu-west-1' } as const;
const unreachable: Pipeline = { ...member, account: '999999999999', name: 'build' };
runner.deny(unreachable);
let pipelines = 0;
const newPipeline = (): Pipeline => ({ ...member, name: `build-${++pipelines}` });

const world: RunnerWorld = {
  runner,
  unreachable,
  missing: { ...member, name: 'never-made' },
  now: () => time.nowEpochMs,
  newPipeline: async ({ takesVariables = true } = {}) => {
    const pipeline = newPipeline();
    runner.create(pipeline, { takesVariables });
    return pipeline;
  },
  startByHand: async (pipeline) => runner.startByHand(pipeline),
  finish: async (pipeline, executionId, end) => {
    const { output, ...state } = { output: undefined, ...end };
    const proof = isDigest(output) ? { outputDigest: output } : {};
    const detail = output !== undefined && !isDigest(output) ? { detail: `${output} is no digest` } : {};
    runner.finish(pipeline, executionId, { ...state, ...proof, ...detail });
  },
  reachApproval: async (pipeline, executionId) => void runner.waitForApproval(pipeline, executionId),
  supersede: async (pipeline, executionId) => runner.supersede(pipeline, executionId),
};

runnerContract(() => world);

test('a full pipeline is busy until a run ends; the token of a run that is there is never busy', async () => {
  const pipeline = newPipeline();
  runner.create(pipeline, { atOnce: 1 });
  const first = { pipeline, rebuildId: 'rebuild-1', token: 'rebuild-1-a1' };
  const second = { pipeline, rebuildId: 'rebuild-2', token: 'rebuild-2-a1' };
  const started = await runner.start(first);
  expect(await runner.start(second)).toMatchObject({ outcome: 'busy' });
  expect(await runner.start(first)).toEqual(started);
  if (started.outcome === 'started') runner.finish(pipeline, started.executionId, { state: 'failed' });
  expect(await runner.start(second)).toMatchObject({ outcome: 'started' });
});

test('a forgotten token starts a second run, so a caller must look for the first one', async () => {
  const pipeline = newPipeline();
  runner.create(pipeline);
  const request = { pipeline, rebuildId: 'rebuild-1', token: 'rebuild-1-a1' };
  await runner.start(request);
  runner.forgetTokens(pipeline);
  await runner.start(request);
  expect(runner.started.filter((run) => pipelineKey(run.pipeline) === pipelineKey(pipeline))).toHaveLength(2);
});
