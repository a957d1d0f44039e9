import { DAY_MS, HOUR_MS } from '../../support/samples.ts';
import type { Dice } from './dice.ts';
import { HEAD_TAG, isImported, type Line } from './fleet.ts';
import type { Life } from './life.ts';
import type { Trouble } from './trouble.ts';

/** What an import does. The vendor builds when it likes, and moves its tags as it likes. */
const KINDS = ['newest', 'newest', 'older', 'older', 'again', 'back', 'unsigned', 'deleted'] as const;

/**
 * Bases are built on an image that a pipeline imports. The upstream moves, also to an image with older packages or back to one
 * of before; an import that is not verified moves no tag; and a person deletes what was imported.
 */
export const imports: Trouble = {
  feature: 'imports',
  begin: (life, milliseconds) => {
    const { diceFor, clockwork, lines } = life;
    for (const line of lines.filter(isImported))
      for (let n = diceFor(`imports of ${line.name}`).int(2, 8); n > 0; n -= 1) {
        const own = diceFor(`import ${n} of ${line.name}`);
        const seconds = Math.floor(own.between(0, (milliseconds - HOUR_MS) / 1000));
        clockwork.in(seconds * 1000, () => act(life, line, own));
      }
  },
  /** Without a head nothing could be built on it. */
  end: ({ lines, factory, clockwork }) => {
    for (const line of lines)
      if (isImported(line) && !factory.headOf(line))
        factory.build(line, [HEAD_TAG], { readAtEpochMs: clockwork.now, fromCache: false });
  },
};

function act(life: Life, line: Line, dice: Dice): void {
  const { factory, clockwork, features } = life;
  const [kind, days] = [dice.pick(KINDS), dice.int(1, 30)];
  const head = factory.headOf(line);
  const told = (text: string): void => {
    features.note('imports');
    life.tell(`${line.name}: ${text}`);
  };
  const build = (tag: string, readAtEpochMs: number) => factory.build(line, [tag], { readAtEpochMs, fromCache: false });
  switch (kind) {
    case 'newest':
      told(`the import brings ${build(HEAD_TAG, clockwork.now)?.name}`);
      return;
    case 'older':
      told(
        `the import brings ${build(HEAD_TAG, clockwork.now - days * DAY_MS)?.name} with packages of ${days} days before`,
      );
      return;
    case 'unsigned':
      told(`the import brings ${build(`not-verified-${days}`, clockwork.now)?.name}, and moves no tag`);
      return;
    case 'again':
      if (!head || !factory.isKept(head)) return;
      told(`the import pushes ${head.name} again`);
      factory.push(line, head, [HEAD_TAG]);
      return;
    case 'back': {
      const earlier = factory
        .madeBy(line.name)
        .filter((one) => head && one !== head && one.pushedAtEpochMs < head.pushedAtEpochMs && factory.isKept(one));
      if (earlier.length === 0) return;
      const chosen = dice.pick(earlier);
      told(`the upstream moves from ${head?.name} back to ${chosen.name}`);
      factory.moveHead(line, chosen);
      return;
    }
    case 'deleted':
      if (!head) return;
      told(`a person deletes ${head.name}`);
      factory.remove(head);
  }
}
