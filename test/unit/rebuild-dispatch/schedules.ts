import { settleParked } from '../../../functions/cascade-reaper/reap.ts';
import { StreamLockLostError } from '../../../functions/rebuild-dispatch/errors.ts';
import { hasEnded } from '../../../shared/domain/cause/cascade.ts';
import type { RunnerExecution } from '../../../shared/domain/cause/rebuild.ts';
import { afterReset } from '../../../shared/domain/guard/rebuild-history.ts';
import { isResumable } from '../../../shared/rebuilding/build.ts';
import { CrashError, crashAt, type Turns } from '../../support/fakes/interleave.ts';
import { reaperPortsOf } from '../../support/reaper-ports.ts';
import { type Draw, draws } from './draws.ts';
import { NodeMachine } from './machine.ts';
import {
  type DispatchWorld,
  dispatchWorld,
  MINUTE_MS,
  nodeOf,
  PIPELINE,
  pipelineOf,
  plan,
  slotsHeld,
  streamOf,
  tellEvent,
} from './support.ts';

const TICKS = 40;
const TRIES = 5;

/** A fleet in which everything happens at any time that a seed says: crashes, doubles, deaths, switches, refusals. */
class Schedule {
  readonly draw: Draw;
  readonly world: DispatchWorld;
  readonly cap: number;
  readonly streams: number;
  machines: NodeMachine[] = [];
  readonly #tries = new Map<NodeMachine, number>();
  readonly #over = new Set<string>();
  readonly #successors: RunnerExecution[] = [];
  #cascades = 0;

  constructor(draw: Draw, world: DispatchWorld, cap: number, streams: number) {
    this.draw = draw;
    this.world = world;
    this.cap = cap;
    this.streams = streams;
  }

  async begin(stream: number): Promise<NodeMachine> {
    const id = `${String(++this.#cascades).padStart(12, '0')}-g1`;
    const node = await plan(this.world, id, { stream: streamOf(stream) });
    const outcome = this.draw.one([
      { result: 'fixed' },
      { result: 'unverified', reason: 'no scan' },
      { result: 'no-output', reason: 'nothing proves it' },
    ] as const);
    const machine = new NodeMachine(this.world, node, outcome);
    this.machines.push(machine);
    return machine;
  }

  /** Other callers get a turn between any two calls; the process may be killed at one of them. */
  turns(): Turns {
    const crash = this.draw.chance(0.25) ? crashAt(this.draw.below(14), this.draw.one(['before', 'after'])) : undefined;
    return {
      before: async (step) => {
        for (let n = this.draw.below(4); n > 0; n -= 1) await Promise.resolve();
        await crash?.before?.(step);
      },
      after: async (step) => crash?.after?.(step),
    };
  }

  async take(machine: NodeMachine, turns = this.turns()): Promise<void> {
    try {
      const isTwice = machine.state === 'build' && this.draw.chance(0.1);
      await (isTwice ? machine.startTwice(turns) : machine.step(turns, { sleeps: false }));
      this.#tries.delete(machine);
    } catch (error) {
      if (error instanceof StreamLockLostError) return machine.fail(error);
      if (!(error instanceof CrashError)) throw error;
      const tries = (this.#tries.get(machine) ?? 0) + 1;
      this.#tries.set(machine, tries);
      if (tries < TRIES) return;
      // The machine gives up: what cannot even be settled dies with its cascade.
      if (machine.state === 'settle') this.kill(machine);
      else machine.fail(error);
    }
  }

  kill(machine: NodeMachine): void {
    this.world.executions.end(machine.node.cascadeId, 'failed');
    this.machines = this.machines.filter((one) => one !== machine);
  }

  /** Runs that go on: those that we started, and those that took their place. */
  active(): readonly RunnerExecution[] {
    return [...this.world.runner.started, ...this.#successors].filter(
      ({ executionId }) => !this.#over.has(executionId),
    );
  }

  end(run: RunnerExecution, state: 'succeeded' | 'failed' | 'stopped' | 'superseded'): void {
    const { runner } = this.world;
    const { pipeline, executionId } = run;
    this.#over.add(executionId);
    if (state !== 'superseded') runner.finish(pipeline, executionId, { state });
    else this.#successors.push({ pipeline, executionId: runner.supersede(pipeline, executionId) });
  }

  async tick(): Promise<void> {
    const { draw, world } = this;
    const runs = this.active();
    switch (
      draw.weighted({ step: 12, finish: 2, event: 3, wait: 3, kill: 0.3, begin: 0.6, resume: 1, deny: 0.3, pause: 0.3 })
    ) {
      case 'step':
        await Promise.all(draw.some(this.machines, 4).map((machine) => this.take(machine)));
        return;
      case 'finish':
        for (const run of draw.some(runs, 2)) {
          const state = draw.one(['succeeded', 'succeeded', 'failed', 'stopped', 'superseded', 'approval'] as const);
          if (state === 'approval') world.runner.waitForApproval(run.pipeline, run.executionId);
          else this.end(run, state);
        }
        return;
      case 'event':
        for (const { pipeline, executionId } of draw.some(world.runner.started, 2)) {
          await tellEvent(world, { executionId, pipeline, turns: this.turns() });
        }
        return;
      case 'wait':
        return world.advance(draw.below(12) * MINUTE_MS);
      case 'kill':
        for (const machine of draw.some(this.machines, 1)) this.kill(machine);
        return;
      case 'begin':
        await this.begin(draw.below(this.streams));
        return;
      case 'resume':
        await this.resume(draw.below(this.streams));
        return;
      case 'deny':
        return void (draw.chance(0.5) ? world.runner.deny(PIPELINE) : world.runner.allow(PIPELINE));
      case 'pause': {
        const rebuilding = draw.one(['paused', 'active', 'active'] as const);
        return world.killSwitch.set({ rebuilding, by: 'ann', reason: 'drill', atEpochMs: world.clock() });
      }
    }
  }

  /** What is parked is looked at by the reaper and taken up as the planner does, once no cascade works on it. */
  async resume(stream: number): Promise<NodeMachine | undefined> {
    const { world } = this;
    const lock = await world.locks.get(streamOf(stream));
    const holder = lock && (await world.cascades.node(lock.cascadeId, lock.stream));
    // The reaper ends the node of a cascade that died.
    if (!holder || (!hasEnded(holder) && (await world.executions.state(lock.executionArn)) === 'running'))
      return undefined;
    const parked = await world.rebuilds.get(lock.stream, lock.rebuildId);
    if (!parked?.parked) return undefined;
    const [cascade, node] = [
      await world.cascades.get(parked.cascadeId),
      await world.cascades.node(parked.cascadeId, lock.stream),
    ];
    if (cascade) await settleParked(reaperPortsOf(world), cascade, parked, node);
    const rebuild = await world.rebuilds.get(lock.stream, lock.rebuildId);
    if (!rebuild || !isResumable(rebuild, world.clock())) return undefined;
    const id = `${String(++this.#cascades).padStart(12, '0')}-g1`;
    const machine = new NodeMachine(
      world,
      await plan(world, id, { stream: streamOf(stream), resumes: rebuild.rebuildId }),
    );
    this.machines.push(machine);
    return machine;
  }

  /** Nothing is started twice, no stream has two runs at once, and no cap is exceeded. */
  async check(): Promise<void> {
    const { started } = this.world.runner;
    expect(new Set(started.map(({ rebuildId }) => rebuildId)).size).toBe(started.length);
    const live: string[] = [];
    const parked: string[] = [];
    for (const { rebuildId, pipeline, executionId } of started) {
      if (this.#over.has(executionId)) continue;
      const stream = streamOf(Number(pipeline.name.split('-')[1]));
      const rebuild = await this.world.rebuilds.get(stream, rebuildId);
      // A build that is given up runs on at its own account, and one that waits for a person at that one's.
      if (rebuild && this.world.clock() < rebuild.deadlineEpochMs) (rebuild.parked ? parked : live).push(stream);
    }
    expect(new Set([...live, ...parked]).size).toBe(live.length + parked.length);
    expect(live.length).toBeLessThanOrEqual(this.cap);
  }

  /** Calm: every node that has a machine comes to its end. */
  async settleAll(): Promise<void> {
    const { world } = this;
    world.runner.allow(PIPELINE);
    await world.killSwitch.set({ rebuilding: 'active', by: 'ann', reason: 'over', atEpochMs: world.clock() });
    for (const run of this.active()) this.end(run, 'succeeded');
    for (const machine of [...this.machines]) {
      for (let steps = 0; machine.state !== 'done' && steps < 3000; steps += 1) {
        for (const run of this.active()) this.end(run, 'succeeded');
        await this.take(machine, {});
        world.advance(10 * MINUTE_MS);
      }
      expect(machine.state).toBe('done');
    }
  }
}

async function scheduleOf(seed: number): Promise<Schedule> {
  const draw = draws(seed);
  const cap = 1 + draw.below(3);
  const streams = 1 + draw.below(4);
  const world = await dispatchWorld({
    caps: { concurrentRebuilds: cap, ...(draw.chance(0.5) && { perAccount: cap }) },
  });
  const schedule = new Schedule(draw, world, cap, streams);
  for (let n = 0; n < streams; n += 1) {
    await schedule.begin(n);
    if (draw.chance(0.6)) await schedule.begin(n);
  }
  return schedule;
}

async function play(seed: number): Promise<void> {
  const schedule = await scheduleOf(seed);
  const { world } = schedule;
  for (let tick = 0; tick < TICKS; tick += 1) {
    await schedule.tick();
    await schedule.check();
  }
  await schedule.settleAll();
  for (const { node } of schedule.machines) expect((await nodeOf(world, node)).state).not.toBe('building');

  // What died left a stream that is free without a person: what is parked is taken up, and the next cascade rebuilds it.
  for (let n = 0; n < schedule.streams; n += 1) {
    const resumed = await schedule.resume(n);
    if (resumed) expect((await resumed.run()).settled?.state).toBe('verified');
    world.advance(3 * 60 * MINUTE_MS);
    await world.guards.change(streamOf(n), (history) =>
      afterReset(history, { by: 'test', atEpochMs: world.clock(), reason: 'counts are another matter' }),
    );
    const last = new NodeMachine(world, await plan(world, `ffffffffffff-g${n + 1}`, { stream: streamOf(n) }));
    await last.run('waiting');
    const run = world.runner.started.at(-1);
    expect(run?.rebuildId).toBe(last.node.rebuildId);
    world.runner.finish(pipelineOf(n), String(run?.executionId), { state: 'succeeded' });
    await last.run();
    expect(last.settled?.state).toBe('verified');
    expect(await world.locks.get(streamOf(n))).toBeUndefined();
  }
  await schedule.check();
  world.advance(24 * 60 * MINUTE_MS);
  expect(await slotsHeld(world, world.clock())).toEqual([]);
}

/** Plays that many schedules; each leaves one run at a time, no cap exceeded, and every stream free. */
export async function expectFreeStreams(schedules: number): Promise<void> {
  for (let seed = 1; seed <= schedules; seed += 1) {
    try {
      await play(seed);
    } catch (error) {
      throw new Error(`schedule ${seed} broke`, { cause: error });
    }
  }
}
