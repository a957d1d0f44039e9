import { HOUR_MS } from '../../support/samples.ts';
import { AWAY, NEAR } from './fleet.ts';
import { referenceOf } from './images.ts';
import type { Life } from './life.ts';
import type { Trouble } from './trouble.ts';

/**
 * Rules and schedules start tasks of some applications, each by the digest of an image that was the head when its team named it. The
 * read role may not list them for some hours or days.
 */
export const scheduledTasks: Trouble = {
  feature: 'scheduled-tasks',
  begin: (life, milliseconds) => {
    const { diceFor, clockwork, lines, schedules, world } = life;
    for (const line of lines.filter(({ tier, runsIn }) => tier === 'application' && runsIn !== AWAY)) {
      const dice = diceFor(`schedule of ${line.name}`);
      const [isDrawn, by, changes] = [dice.chance(0.7), dice.pick(['rules', 'schedules'] as const), dice.int(0, 2)];
      if (!isDrawn) continue;
      const name = `nightly-${line.name}`;
      const head = life.factory.headOf(line);
      if (!head) continue;
      schedules.add(line, { name, by, reference: referenceOf(line, head.digest) });
      life.features.note('scheduled-tasks');
      for (let n = 0; n < changes; n += 1)
        clockwork.in(Math.floor(dice.between(0, (milliseconds - HOUR_MS) / 1000)) * 1000, () => nameHead(life, name));
    }
    const dice = diceFor('schedules unread');
    for (let n = dice.int(0, 2); n > 0; n -= 1) {
      const source = world[dice.pick(['rules', 'schedules'] as const)];
      const fromMs = dice.chance(0.4) ? 0 : Math.floor(dice.between(0, milliseconds - 2 * HOUR_MS));
      clockwork.in(fromMs, async () => {
        source.deny(NEAR);
        life.tell(`account ${NEAR.account} does not list ${source.list}`);
        await clockwork.sleep(Math.min(dice.pick([2, 12, 48]) * HOUR_MS, milliseconds - fromMs - HOUR_MS));
        source.allow(NEAR);
        life.tell(`account ${NEAR.account} lists ${source.list} again`);
      });
    }
  },
  end: ({ world }) => {
    for (const source of [world.rules, world.schedules]) source.allow(NEAR);
  },
};

/** Its team names the head in its task definition, unless it does already. */
export function nameHead({ schedules, factory, tell }: Life, name: string): void {
  const schedule = schedules.all.find((one) => one.name === name);
  const head = schedule && factory.headOf(schedule.line);
  if (!head) return;
  const reference = referenceOf(schedule.line, head.digest);
  if (schedule.reference === reference) return;
  schedules.change(name, reference);
  tell(`${name}: its team names ${head.name}`);
}
