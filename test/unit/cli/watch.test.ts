import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import type { CliContext } from '../../../cli/command.ts';
import { watchCommandOf } from '../../../cli/commands/watch.ts';
import { type WatchOptions, watch } from '../../../cli/watch/watch.ts';
import { cascade, closure, deployment, lock, node, rebuild } from '../../support/rebuild-samples.ts';
import { digestOf, review } from '../../support/samples.ts';
import { type PlanWorld, planWorld, streamOf, violating } from '../cascade-plan/support.ts';
import { readOnlyContext, run } from './support.ts';

/** Runs a watch; before each further read one of the steps happens, and after the last one the person ends it. */
async function watched(
  world: PlanWorld,
  form: WatchOptions['form'],
  steps: readonly (() => Promise<unknown>)[],
  context: CliContext = readOnlyContext(world),
): Promise<{ stdout: string; stderr: string; pauses: readonly number[] }> {
  const printed = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    jest.spyOn(process[name], 'write').mockImplementation((piece) => {
      printed[name] += String(piece);
      return true;
    }),
  );
  const left = [...steps];
  const pauses: number[] = [];
  let isEnded = false;
  try {
    await watch(context, {
      ...{ form, everySeconds: 10 },
      isEnded: () => isEnded,
      wait: async (ms) => {
        pauses.push(ms);
        const step = left.shift();
        if (step) await step();
        else isEnded = true;
      },
    });
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return { ...printed, pauses };
}

const nothing = async () => undefined;

async function building(): Promise<PlanWorld> {
  const world = await planWorld();
  const now = world.clock();
  await world.cascades.beginPlanning('other', { nowEpochMs: now, untilEpochMs: now + 1 });
  await world.cascades.write('other', cascade('abc-g1'), [node('abc-g1', streamOf(0), { state: 'building' })]);
  await world.cascades.endPlanning('other');
  await world.locks.take(lock('r1', { stream: streamOf(0), cascadeId: 'abc-g1', taskToken: 'secret-token' }));
  await world.rebuilds.record(streamOf(0), 'r1', () =>
    rebuild('r1', { stream: streamOf(0), executionId: 'run', build: { state: 'running' } }),
  );
  return world;
}

test('in a file it prints one line for each thing that is new, has changed or is over', async () => {
  const world = await building();
  const service = '111122223333/eu-west-1/prod/app-0';
  const { stdout } = await watched(world, 'lines', [
    nothing,
    async () => {
      await violating(world, 1);
      await world.rollouts.beginDeployment(deployment('abc-g1', service, { state: 'running' }));
      await world.rollouts.openClosure(closure('abc-g1', streamOf(0), { waitingFor: 'still run by a service' }));
    },
    async () => {
      const outcome = { result: 'fixed' } as const;
      await world.cascades.changeNode('abc-g1', streamOf(0), (before) => ({
        ...before,
        ...{ state: 'verified' as const, output: digestOf('new'), outcome },
      }));
      await world.cascades.changeCascade('abc-g1', (before) => ({ ...before, state: 'complete' }));
    },
  ]);
  const at = '2026-11-24 03:00 UTC';
  expect(stdout.trimEnd().split('\n')).toEqual([
    `${at} rebuilding: active`,
    `${at} cascade abc-g1: planned`,
    `${at} rebuild of ${streamOf(0)}: building, build running`,
    `${at} deployment of ${service}: running`,
    `${at} old images of ${streamOf(0)}: still run by a service`,
    `${at} cause of ${streamOf(1)}: waits for the planner`,
    `${at} cascade abc-g1: complete`,
    expect.stringMatching(
      new RegExp(
        `^${at} rebuild of .*: verified, output ${digestOf('new').slice(0, 19)}, fixed: the new image has none`,
      ),
    ),
    `${at} deployment of ${service}: no longer under way`,
  ]);
  expect(stdout).not.toContain('secret-token');
});

test('nothing under way is said once', async () => {
  const { stdout } = await watched(await planWorld(), 'lines', [nothing, nothing]);
  expect(stdout).toBe('2026-11-24 03:00 UTC rebuilding: active\n2026-11-24 03:00 UTC nothing is under way\n');
});

test('with --json one object a line, for each read', async () => {
  const world = await building();
  await world.runs.begin(review('run', { startedAtEpochMs: world.clock() }));
  const { stdout } = await watched(world, 'json', [nothing]);
  const objects = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(objects).toHaveLength(2);
  expect(objects[0]).toMatchObject({
    ...{ atEpochMs: world.clock(), killSwitch: { rebuilding: 'active' }, running: { runId: 'run' } },
    rebuilds: [{ stream: streamOf(0), state: 'running' }],
    cascades: [{ cascadeId: 'abc-g1', nodes: [{ state: 'building' }] }],
    ...{ closures: [], causes: [] },
  });
  expect(stdout).not.toContain('secret-token');
});

test('on a terminal it draws a page anew, no longer than the terminal', async () => {
  const world = await building();
  for (let n = 1; n < 20; n += 1) await violating(world, n);
  const { rows } = process.stdout;
  process.stdout.rows = 20;
  try {
    const { stdout } = await watched(world, 'page', [nothing]);
    const pages = stdout.split('\u001b[H\u001b[2J').slice(1);
    expect(pages).toHaveLength(2);
    for (const page of pages) {
      expect(page).toContain('rebuilding: active');
      expect(page).toMatch(/stream being rebuilt +state/);
      expect(page.trimEnd().split('\n')).toHaveLength(19);
      expect(page).toMatch(/\nand \d+ more lines: patchwave status\n$/);
    }
  } finally {
    process.stdout.rows = rows;
  }
});

test('after a read that fails it prints why and tries again after a longer, random pause; the first one is an error', async () => {
  const world = await building();
  let reads = 0;
  const context = readOnlyContext(world);
  const killSwitch = {
    ...context.killSwitch,
    read: async () => {
      reads += 1;
      if (reads === 2 || reads === 3) throw new Error('throttled');
      return context.killSwitch.read();
    },
  };
  const { stdout, stderr, pauses } = await watched(world, 'json', [nothing, nothing, nothing], {
    ...context,
    killSwitch,
  });
  expect(stderr).toBe('This read failed, and is tried again: throttled\n'.repeat(2));
  expect(stdout.trimEnd().split('\n')).toHaveLength(2);
  const [usual, first = 0, second = 0, after] = pauses;
  expect([usual, after]).toEqual([10_000, 10_000]);
  expect(first).toBeGreaterThanOrEqual(10_000);
  expect(second).toBeGreaterThanOrEqual(20_000);
  reads = 1;
  await expect(watched(world, 'json', [], { ...context, killSwitch })).rejects.toThrow('throttled');
});

test('it also tries again to read how a cascade ended, and then prints its end', async () => {
  const world = await building();
  const context = readOnlyContext(world);
  let fails = true;
  const cascades: CliContext['cascades'] = Object.assign(Object.create(context.cascades), {
    get: async (id: string) => {
      if (!fails) return context.cascades.get(id);
      fails = false;
      throw new Error('throttled');
    },
  });
  const end = () =>
    world.cascades.changeCascade('abc-g1', (before) => ({ ...before, state: 'complete' })).then(() => undefined);
  const { stdout, stderr } = await watched(world, 'lines', [end, nothing], { ...context, cascades });
  expect(stderr).toBe('This read failed, and is tried again: throttled\n');
  expect(stdout).toContain('cascade abc-g1: complete');
});

test('the end of the person is exit code 0, also in the middle of a read', async () => {
  const context = readOnlyContext(await planWorld());
  const killSwitch = { ...context.killSwitch, read: () => new Promise<never>(() => undefined) };
  const command = watchCommandOf(() => AbortSignal.timeout(20));
  expect(await run(command, { ...context, killSwitch })).toEqual({ code: 0, text: '' });
});

test.each(['0', '-1', 'soon', '', '3601'])('--every %j is refused', async (every) => {
  const command = watchCommandOf(() => AbortSignal.abort());
  await expect(run(command, readOnlyContext(await planWorld()), [], { every })).rejects.toThrow(
    'give a number of seconds from 1 to 3600',
  );
});

test('Ctrl-C ends the process with 0', async () => {
  // In place of AWS: it has the stack, and never answers for the ledger.
  const outputs = ['LedgerTable', 'EvidenceBucket', 'RunBucket', 'FleetReviewMachineArn']
    .map((name) => `<member><OutputKey>${name}</OutputKey><OutputValue>${name}</OutputValue></member>`)
    .join('');
  const stacks = `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>patchwave</StackName><Outputs>${outputs}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`;
  let asked: () => void;
  const ledger = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const aws = createServer((request, response) => {
    if (request.headers['x-amz-target'] === undefined) response.end(stacks);
    else asked();
  });
  aws.listen(0, '127.0.0.1');
  await once(aws, 'listening');
  try {
    const { port } = aws.address() as AddressInfo;
    const env = {
      ...{ AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    };
    const child = spawn(process.execPath, ['cli/main.ts', 'watch'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = once(child, 'exit');
    await Promise.race([ledger, ended]);
    child.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
  } finally {
    aws.closeAllConnections();
    aws.close();
  }
}, 30_000);
