import { weathered } from '../../support/fakes/weather.ts';
import { type FakeWorld, fakeWorld } from '../../support/fakes/world.ts';

/** A world in which processes die, before a call or after it, as long as it shakes. */
export interface Shaking {
  readonly world: FakeWorld;
  /** The same for a caller that never dies. */
  readonly calm: FakeWorld;
  isShaking: boolean;
}

/** @param share of the calls of ports at which the caller dies */
export function shakyWorld(seed: number, share: number): Shaking {
  const calm = fakeWorld();
  const { world, weather } = weathered(calm, seed);
  return {
    calm,
    world,
    get isShaking() {
      return weather.deaths > 0;
    },
    set isShaking(shakes: boolean) {
      weather.deaths = shakes ? share : 0;
    },
  };
}
