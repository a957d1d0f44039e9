import type { ReaperServices } from '../../functions/cascade-reaper/route.ts';
import type { RunLedger } from '../../shared/ports/ledger.ts';
import { interleave, type Turns } from './fakes/interleave.ts';
import type { FakeWorld } from './fakes/world.ts';

/** The ports of one invocation of the reaper; a test may come between any two of its calls. */
export function reaperPortsOf(
  world: FakeWorld,
  previewRuns: RunLedger = world.runs,
  turns: Turns = {},
): ReaperServices['ports'] {
  const { cascades, causes, guards, locks, rebuilds, rollouts, slots, policies, runner, executions, runs } = world;
  const ports = {
    ...{ cascades, causes, guards, locks, rebuilds, rollouts, slots, policies, runner, executions },
    planner: world.wakings,
    files: world.runFiles,
  };
  const interleaved = Object.entries(ports).map(([name, port]) => [name, interleave(name, port, turns)]);
  return {
    ...ports,
    ...Object.fromEntries(interleaved),
    unreadable: world.unreadable,
    runsOf: ({ mode }) => (mode === 'review' ? interleave('runs', runs, turns) : previewRuns),
    deadLetters: world.deadLetters,
    clock: world.clock,
  };
}
