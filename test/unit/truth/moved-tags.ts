import { HOUR_MS } from '../../support/samples.ts';
import type { Trouble } from './trouble.ts';

/** A person moves the tag of a line back to an image that was pushed earlier, also one of a branch. */
export const tagsMovedBack: Trouble = {
  feature: 'tags-moved-back',
  begin: (life, milliseconds) => {
    const { diceFor, clockwork, factory, features, lines } = life;
    const dice = diceFor('tags moved back');
    for (let left = dice.int(1, 5); left > 0; left -= 1) {
      const own = diceFor(`tag moved back ${left}`);
      const seconds = Math.floor(own.between(0, (milliseconds - HOUR_MS) / 1000));
      clockwork.in(seconds * 1000, () => {
        const line = own.pick(lines);
        const head = factory.headOf(line);
        const earlier = factory
          .madeBy(line.name)
          .filter((one) => head && one !== head && one.pushedAtEpochMs < head.pushedAtEpochMs && factory.isKept(one));
        if (earlier.length === 0) return;
        const chosen = own.pick(earlier);
        features.note('tags-moved-back');
        life.tell(`${line.name}: a person moves its tag from ${head?.name} back to ${chosen.name}`);
        factory.moveHead(line, chosen);
      });
    }
  },
};
