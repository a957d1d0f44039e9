import { DAY_MS } from '../../support/samples.ts';
import { HEAD_TAG } from './fleet.ts';
import type { Trouble } from './trouble.ts';

const MINUTE_MS = 60_000;

/** Scans end one by one, minutes apart, and teams push while the review of the fleet waits for them. */
export const headsOneByOne: Trouble = {
  feature: 'heads-one-by-one',
  begin: (life, milliseconds) => {
    const { diceFor, clockwork, factory, lines } = life;
    const dice = diceFor('heads one by one');
    life.scanPauseMs = () => dice.int(3, 25) * MINUTE_MS;
    for (let day = 0; day * DAY_MS < milliseconds; day += 1) {
      const own = diceFor(`pushes in review ${day}`);
      const [line, seconds, isPushed] = [own.pick(lines), own.int(1, 7200), own.chance(0.7)];
      if (!isPushed) continue;
      clockwork.in(day * DAY_MS + seconds * 1000, () => {
        const made = factory.build(line, [HEAD_TAG], { readAtEpochMs: clockwork.now, fromCache: false });
        if (made) life.tell(`${line.name}: its team pushes ${made.name} during the review`);
      });
    }
  },
  end: (life) => {
    life.scanPauseMs = undefined;
  },
};
