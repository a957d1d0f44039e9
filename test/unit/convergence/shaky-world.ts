import { type Weather, weathered } from '../../support/fakes/weather.ts';
import { type FakeWorld, fakeWorld } from '../../support/fakes/world.ts';

/** A world in which processes die and services fail, lose answers and lag behind, as long as it shakes. */
export interface Shaking {
  readonly world: FakeWorld;
  /** The same world without any of that. */
  readonly calm: FakeWorld;
  isShaking: boolean;
}

/** @param share of the calls of ports at which the caller dies or gets an error */
export function shakyWorld(seed: number, share: number): Shaking {
  const calm = fakeWorld();
  const { world, weather } = weathered(calm, seed);
  const shaking = { deaths: share / 2, failures: share / 4, lostAnswers: share / 4, repeats: share, staleEntries: 0.3 };
  return {
    calm,
    world,
    get isShaking() {
      return weather.deaths > 0;
    },
    set isShaking(shakes: boolean) {
      for (const what of Object.keys(shaking) as (keyof Weather)[]) weather[what] = shakes ? shaking[what] : 0;
    },
  };
}
