import { DAY_MS, HOUR_MS } from '../../support/samples.ts';
import type { Trouble } from './trouble.ts';
import { Uses } from './uses.ts';

/** An account that no policy lists runs images of ours, and its owner updates none of them for days. */
export const hiddenUses: Trouble = {
  feature: 'hidden-uses',
  begin: (life, milliseconds) => {
    const { diceFor, clockwork } = life;
    const dice = diceFor('hidden uses');
    const uses = new Uses(life, dice.pick([0, 2, 20]) * HOUR_MS);
    life.uses = uses;
    for (let n = dice.int(1, 5); n > 0; n -= 1) {
      const [own, fromMs] = [diceFor(`hidden use ${n}`), Math.floor(dice.between(0, milliseconds - 2 * HOUR_MS))];
      clockwork.in(fromMs, async () => {
        const line = own.pick(life.lines);
        const image = life.factory.headOf(line)?.images[0];
        if (!image) return;
        const use = uses.hide(image);
        life.tell(`an account that no policy lists runs ${image.name}`);
        await clockwork.sleep(own.pick([1, 3, 8]) * DAY_MS);
        uses.follow();
        use.endedAtEpochMs ??= clockwork.now;
      });
    }
    if (!dice.chance(0.3)) return;
    const [fromMs, forMs] = [Math.floor(dice.between(0, milliseconds - 2 * HOUR_MS)), dice.pick([6, 48]) * HOUR_MS];
    clockwork.in(fromMs, async () => {
      uses.isSilent = true;
      life.tell('Amazon Inspector says nothing of what is in use');
      await clockwork.sleep(Math.min(forMs, milliseconds - fromMs - HOUR_MS));
      uses.isSilent = false;
    });
  },
  end: ({ uses }) => uses?.endAll(),
};
