import { Random } from '../../../local/fleet/random.ts';
import { CrashError, interleave } from '../../support/fakes/interleave.ts';
import { type FakeWorld, fakeWorld } from '../../support/fakes/world.ts';

/** A world in which processes die, before a call or after it, as long as it shakes. */
export interface Shaking {
  readonly world: FakeWorld;
  /** The same as it is for whoever never dies. */
  readonly calm: FakeWorld;
  isShaking: boolean;
}

/** @param share of the calls of ports at which whoever calls dies */
export function shakyWorld(seed: number, share: number): Shaking {
  const random = new Random(seed);
  const shaking = { isShaking: false };
  const die = (step: string): void => {
    if (shaking.isShaking && random.chance(share)) throw new CrashError(`died at ${step}`);
  };
  const calm = fakeWorld();
  const ports = Object.entries(calm).map(([name, port]) => [
    name,
    typeof port === 'object' ? interleave(name, port, { before: die, after: die }) : port,
  ]);
  return Object.assign(shaking, { calm, world: Object.fromEntries(ports) as FakeWorld });
}
