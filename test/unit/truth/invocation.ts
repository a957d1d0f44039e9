import { interleave } from '../../support/fakes/interleave.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';
import type { Clockwork } from './clockwork.ts';
import type { Dice } from './dice.ts';

/** Ports that only tell, or that a process has in itself. */
const OWN = new Set(['clock', 'advance', 'ids']);

export interface Slowness {
  /** Share from 0 to 1 of the calls of ports that take seconds, so that others act meanwhile. */
  share: number;
  /** How many did. */
  calls: number;
}

/** The world of one invocation, some of whose calls take their time. */
export function slowed(
  world: FakeWorld,
  { clockwork, dice, slowness }: { readonly clockwork: Clockwork; readonly dice: Dice; readonly slowness: Slowness },
): FakeWorld {
  if (slowness.share === 0) return world;
  const before = async (): Promise<void> => {
    if (!dice.chance(slowness.share)) return;
    slowness.calls += 1;
    await clockwork.sleep(dice.int(50, 4000));
  };
  const ports = Object.entries(world).map(([name, port]) => [
    name,
    OWN.has(name) || typeof port !== 'object' || port === null ? port : interleave(name, port, { before }),
  ]);
  return Object.fromEntries(ports) as FakeWorld;
}
