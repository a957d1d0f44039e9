import { locationKey } from '../../../shared/domain/image/image.ts';
import { HOUR_MS } from '../../support/samples.ts';
import type { Dice } from './dice.ts';
import { COPY_REGISTRIES, copiesOf } from './fleet.ts';
import type { Life } from './life.ts';
import type { Trouble } from './trouble.ts';

/**
 * A team copies images of others to repositories of its own, young and old ones, also in other accounts
 * and Regions, as a mirror for disaster recovery does. The policy
 * may name these repositories, as streams of the same tier without a pipeline.
 */
export const copies: Trouble = {
  feature: 'copies',
  begin: (life, milliseconds) => {
    const { diceFor, clockwork } = life;
    const dice = diceFor('copies');
    if (dice.chance(0.7)) clockwork.in(dice.int(0, 40) * HOUR_MS, () => name(life));
    for (let n = dice.int(1, 6); n > 0; n -= 1) {
      const own = diceFor(`copy ${n}`);
      clockwork.in(Math.floor(dice.between(HOUR_MS, milliseconds - HOUR_MS)), () => copy(life, own));
    }
  },
};

async function name(life: Life): Promise<void> {
  life.tell('the policy names the repositories of copies');
  await life.publishPolicy({ ...life.policy, hasCopies: true });
}

function copy(life: Life, dice: Dice): void {
  const { lines, factory } = life;
  const line = dice.pick(lines);
  const made = factory.madeBy(line.name);
  const artifact = dice.chance(0.5) ? factory.headOf(line) : made.length > 0 ? dice.pick(made) : undefined;
  const to = copiesOf(line, dice.pick(COPY_REGISTRIES));
  if (!artifact || !factory.copy(line, artifact, to)) return;
  life.features.note('copies');
  life.tell(`${artifact.name} is copied to ${locationKey(to)}`);
}
