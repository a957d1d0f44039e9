import type { BuildStatus } from '../../shared/domain/cause/rebuild.ts';
import type { Pipeline } from '../../shared/domain/policy/pipeline.ts';
import type { BuildStart, PipelineRunner } from '../../shared/ports/runner.ts';
import { digestOf, HOUR_MS } from '../support/samples.ts';

/** How a run ends: `output` is what its actions give as IMAGE_DIGEST. */
export type RunEnd =
  | { readonly state: 'succeeded'; readonly output?: string }
  | { readonly state: 'failed' }
  | { readonly state: 'stopped' };

/** A runner, and pipelines whose runs end when a test says so. */
export interface RunnerWorld {
  readonly runner: PipelineRunner;
  readonly now: () => number;
  /** A pipeline of its own that no other test has seen. */
  newPipeline(settings?: { readonly takesVariables?: boolean; readonly approval?: boolean }): Promise<Pipeline>;
  /** In an account that may be asked, and not there. */
  readonly missing: Pipeline;
  /** A run that a person started. */
  startByHand(pipeline: Pipeline): Promise<string>;
  finish(pipeline: Pipeline, executionId: string, end: RunEnd): Promise<void>;
  /** The run comes to an action that waits for a person; the pipeline was made with `approval`. */
  reachApproval(pipeline: Pipeline, executionId: string): Promise<void>;
  /** A later run takes the place of this one, which waits behind another; gives its id. */
  supersede(pipeline: Pipeline, executionId: string): Promise<string>;
  readonly unreachable: Pipeline;
}

/** More than ListPipelineExecutions gives in a page. */
const MANY = 103;
const MANY_LIMIT_MS = 60_000;
const NO_RUN = 'ffffffff-ffff-4fff-bfff-ffffffffffff';

export function runnerContract(world: () => RunnerWorld): void {
  const idOf = (start: BuildStart): string => {
    if (start.outcome !== 'started') throw new Error(`not started: ${JSON.stringify(start)}`);
    return start.executionId;
  };
  const startOf = async (pipeline: Pipeline, rebuildId = 'rebuild-1', token = `${rebuildId}-a1`): Promise<string> =>
    idOf(await world().runner.start({ pipeline, rebuildId, token }));
  const ended = async (end: RunEnd): Promise<BuildStatus> => {
    const pipeline = await world().newPipeline();
    const executionId = await startOf(pipeline);
    await world().finish(pipeline, executionId, end);
    return world().runner.status({ pipeline, executionId });
  };

  test('one token starts one run, also after repeated and concurrent calls', async () => {
    const pipeline = await world().newPipeline();
    const ids = await Promise.all(Array.from({ length: 4 }, () => startOf(pipeline)));
    expect(new Set([...ids, await startOf(pipeline)]).size).toBe(1);
    const [executionId = ''] = ids;
    expect(await world().runner.status({ pipeline, executionId })).toMatchObject({ state: 'running' });
    expect(await startOf(pipeline, 'rebuild-1', 'rebuild-1-a2')).not.toBe(executionId);
  });

  test('a token also finds its ended run', async () => {
    const pipeline = await world().newPipeline();
    const executionId = await startOf(pipeline);
    await world().finish(pipeline, executionId, { state: 'failed' });
    expect(await startOf(pipeline)).toBe(executionId);
  });

  test('the run of a rebuild is found, never that of another, of a person or from before', async () => {
    const pipeline = await world().newPipeline();
    const since = world().now();
    await world().startByHand(pipeline);
    expect(await world().runner.find(pipeline, 'rebuild-1', since)).toBeUndefined();
    const executionId = await startOf(pipeline);
    await startOf(pipeline, 'rebuild-2');
    expect(await world().runner.find(pipeline, 'rebuild-1', since)).toBe(executionId);
    expect(await world().runner.find(pipeline, 'rebuild-1', since + HOUR_MS)).toBeUndefined();
    expect(await world().runner.find(pipeline, 'rebuild-3', since)).toBeUndefined();
  });

  test(
    'a run is found after any number of later runs',
    async () => {
      const pipeline = await world().newPipeline();
      const since = world().now();
      const executionId = await startOf(pipeline);
      for (let n = 0; n < MANY; n += 1) await world().startByHand(pipeline);
      expect(await world().runner.find(pipeline, 'rebuild-1', since)).toBe(executionId);
    },
    MANY_LIMIT_MS,
  );

  test('a run that succeeded says what it pushed', async () => {
    const output = digestOf('built');
    expect(await ended({ state: 'succeeded', output })).toEqual({ state: 'succeeded', outputDigest: output });
  });

  test('a run that says nothing of it, or no digest, proves nothing', async () => {
    expect(await ended({ state: 'succeeded' })).not.toHaveProperty('outputDigest');
    const wrong = await ended({ state: 'succeeded', output: 'team/api:latest' });
    expect(wrong).toMatchObject({ state: 'succeeded', detail: expect.stringContaining('team/api:latest') });
    expect(wrong).not.toHaveProperty('outputDigest');
  });

  test.each(['failed', 'stopped'] as const)('a run that %s has no output', async (state) => {
    const status = await ended({ state });
    expect(status.state).toBe(state);
    expect(status).not.toHaveProperty('outputDigest');
  });

  test('a run that waits for a person says so', async () => {
    const pipeline = await world().newPipeline({ approval: true });
    const executionId = await startOf(pipeline);
    await world().reachApproval(pipeline, executionId);
    expect(await world().runner.status({ pipeline, executionId })).toMatchObject({ state: 'waiting-approval' });
  });

  test('a superseded run names the one that took its place', async () => {
    const pipeline = await world().newPipeline();
    await world().startByHand(pipeline);
    const executionId = await startOf(pipeline);
    const supersededBy = await world().supersede(pipeline, executionId);
    expect(supersededBy).not.toBe(executionId);
    expect(await world().runner.status({ pipeline, executionId })).toMatchObject({ state: 'superseded', supersededBy });
  });

  test('an unstarted run is unknown, and so are all of a missing pipeline', async () => {
    const { runner, missing } = world();
    for (const pipeline of [await world().newPipeline(), missing]) {
      expect(await runner.status({ pipeline, executionId: NO_RUN })).toMatchObject({ state: 'unknown' });
    }
    expect(await runner.find(missing, 'rebuild-1', 0)).toBeUndefined();
  });

  test('a pipeline that is not there, or takes no variables, refuses with a reason', async () => {
    for (const [pipeline, reason] of [
      [world().missing, 'PipelineNotFoundException'],
      [await world().newPipeline({ takesVariables: false }), 'ValidationException'],
    ] as const) {
      const start = await world().runner.start({ pipeline, rebuildId: 'rebuild-1', token: 'rebuild-1-a1' });
      expect(start).toMatchObject({ outcome: 'refused', detail: expect.stringContaining(reason) });
    }
  });

  test('an account whose role cannot be assumed is unreachable, for every call', async () => {
    const { runner, unreachable: pipeline } = world();
    const expected = { name: 'RunnerUnreachableError', pipeline };
    await expect(runner.start({ pipeline, rebuildId: 'a', token: 'a-a1' })).rejects.toMatchObject(expected);
    await expect(runner.status({ pipeline, executionId: NO_RUN })).rejects.toMatchObject(expected);
    await expect(runner.find(pipeline, 'a', 0)).rejects.toMatchObject(expected);
  });
}
