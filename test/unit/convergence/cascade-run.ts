import { type ClosedCascade, closeCascade } from '../../../functions/cascade-reaper/close-cascade.ts';
import { openCascade } from '../../../functions/cascade-reaper/open-cascade.ts';
import { placeOutput } from '../../../functions/lineage/place-output.ts';
import { pollBuild } from '../../../functions/rebuild-dispatch/poll-build.ts';
import { reserve } from '../../../functions/rebuild-dispatch/reserve.ts';
import { settle } from '../../../functions/rebuild-dispatch/settle.ts';
import { start } from '../../../functions/rebuild-dispatch/start.ts';
import { check } from '../../../functions/verify-rebuild/check.ts';
import { findOutput } from '../../../functions/verify-rebuild/find-output.ts';
import { Random } from '../../../local/fleet/random.ts';
import type { BuildStatus } from '../../../shared/domain/cause/rebuild.ts';
import { isWeather } from '../../support/fakes/weather.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';
import { reaperPortsOf } from '../../support/reaper-ports.ts';
import { comeToRest, plan } from '../cascade-plan/support.ts';
import { LIMITS as DISPATCH, portsOf as dispatchPorts } from '../rebuild-dispatch/support.ts';
import { answerRefreshes } from '../registry-events/support.ts';
import { LIMITS as VERIFY, portsOf as verifyPorts } from '../verify-rebuild/support.ts';
import { ScanEvents } from './scan-events.ts';
import { noTrouble } from './trouble.ts';

/** What a pipeline came to, its digest where it pushed one; or that it waits for a person, so that its node is parked. */
type Built = BuildStatus & { readonly state: 'succeeded' | 'failed' | 'waiting-approval' };
export type Build = (stream: string) => Built | Promise<Built>;

export interface CascadeRun {
  /** Wave by wave: the streams of which a pipeline was started. */
  readonly built: readonly (readonly string[])[];
  readonly closed: ClosedCascade;
}

/**
 * Plans, and runs each started cascade to its end as the state machine does; `undefined` if none was started. Missing scans
 * are requested, end, and have events.
 */
export async function runCascade(world: FakeWorld, build: Build): Promise<CascadeRun | undefined> {
  const runs: CascadeRun[] = [];
  for (const cascadeId of await planned(world)) runs.push(await runOne(world, cascadeId, build));
  const [last] = runs.slice(-1);
  return last && { built: runs.flatMap(({ built }) => built), closed: last.closed };
}

async function runOne(world: FakeWorld, cascadeId: string, build: Build): Promise<CascadeRun> {
  const { executionArn = '' } = (await again(world, () => world.cascades.get(cascadeId))) ?? {};
  const own = { cascadeId, executionArn };
  const { waves } = await again(world, () => openCascade({ ...world, files: world.runFiles }, own));
  const built: string[][] = [];
  for (const { key } of waves) {
    const nodes = (await again(world, () => world.runFiles.get(key))) as readonly { readonly stream: string }[];
    const begun = world.runner.started.length;
    for (const { stream } of nodes) await runNode(world, { ...own, stream }, build);
    built.push(world.runner.started.slice(begun).map(({ pipeline }) => pipeline.name));
  }
  const closed = await again(world, () => closeCascade(reaperPortsOf(world), own));
  world.executions.end(cascadeId, closed.state === 'incomplete' ? 'failed' : 'succeeded');
  return { built, closed };
}

async function planned(world: FakeWorld): Promise<readonly string[]> {
  const before = world.executions.started.length;
  const scans = new ScanEvents(world, noTrouble(new Random(1)));
  for (let asked = -1; asked < world.scanner.started.length; ) {
    asked = world.scanner.started.length;
    await again(world, () => plan(world));
    await again(world, () => comeToRest(world));
    scans.scansEnd();
    await again(world, () => scans.deliver());
  }
  return world.executions.started.slice(before);
}

/** What died or failed is tried again once its leases have lapsed. */
export async function again<Reply>(world: FakeWorld, run: () => Promise<Reply>): Promise<Reply> {
  for (let deaths = 0; ; deaths += 1) {
    try {
      return await run();
    } catch (error) {
      if (!isWeather(error) || deaths === MOST_TURNS) throw error;
      world.advance(LEASE_MS);
    }
  }
}

const LEASE_MS = 7 * 60_000;

interface Node {
  readonly cascadeId: string;
  readonly stream: string;
  readonly executionArn: string;
}

const MOST_TURNS = 1000;

async function runNode(world: FakeWorld, node: Node, build: Build): Promise<void> {
  const ports = dispatchPorts(world as never);
  let reserved = await again(world, () => reserve(ports, DISPATCH, node));
  for (let turn = 0; reserved.decision === 'wait'; turn += 1) {
    if (turn === MOST_TURNS) throw new Error(`${node.stream} waits for ever`);
    world.advance(reserved.waitSeconds * 1000);
    reserved = await again(world, () => reserve(ports, DISPATCH, node));
  }
  const rebuildId = reserved.decision === 'build' ? reserved.rebuildId : '';
  const known = await again(world, () => world.rebuilds.get(node.stream, rebuildId));
  // What another cascade parked has ended: nothing is started for it.
  if (known?.build?.state === 'succeeded') await verify(world, { ...node, rebuildId });
  else if (reserved.decision === 'build') {
    const taskToken = `token-${rebuildId}`;
    world.waitingStep.wait(taskToken);
    await again(world, () => start(ports, DISPATCH, { ...node, rebuildId, taskToken }));
    const run = world.runner.started.at(-1);
    if (run?.rebuildId !== rebuildId) throw new Error(`no run of ${node.stream} was started`);
    world.advance(60_000);
    const { state, ...end } = await build(node.stream);
    if (state === 'waiting-approval') {
      world.runner.waitForApproval(run.pipeline, run.executionId);
      await again(world, () => pollBuild(ports, DISPATCH, { ...node, rebuildId }));
      await again(world, () => settle(ports, { ...node, failure: null }));
      return;
    }
    world.runner.finish(run.pipeline, run.executionId, { state, ...end });
    await again(world, () =>
      world.rebuilds.record(node.stream, rebuildId, (one) => one && { ...one, build: { state, ...end } }),
    );
    if (state === 'succeeded') await verify(world, { ...node, rebuildId });
  }
  await again(world, () => settle(ports, { ...node, failure: null }));
}

async function verify(world: FakeWorld, step: Node & { readonly rebuildId: string }): Promise<void> {
  const ports = verifyPorts({ ...world, retry: { attempts: 2, wait: async () => {} }, pace: async () => {} } as never);
  const found = await again(world, () => findOutput(ports, VERIFY, step));
  if (found.decision !== 'verify') throw new Error(`${step.stream}: ${found.decision}`);
  for (let turn = 0; turn < MOST_TURNS; turn += 1) {
    await again(world, () => placeOutput(world, step));
    const { decision, waitSeconds } = await again(world, () => check(ports, VERIFY, step));
    if (decision !== 'wait') return;
    world.advance(waitSeconds * 1000);
    world.scanner.finish();
    await again(world, () => answerRefreshes(world));
  }
  throw new Error(`${step.stream} is verified for ever`);
}
