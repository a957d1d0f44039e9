import type { Feature } from './features.ts';
import type { Life } from './life.ts';

/** What befalls the world over the days of trouble. Each draws from dice of its own, so that none changes another one. */
export interface Trouble {
  readonly feature: Feature;
  /** Begins now and goes on for so many milliseconds. */
  begin(life: Life, milliseconds: number): void;
  /** Puts in order what does not end by itself, before the days of quiet. */
  end?(life: Life): void | Promise<void>;
}
