import { HOUR_MS } from '../../support/samples.ts';
import { HEAD_TAG } from './fleet.ts';
import type { TrueArtifact } from './images.ts';
import type { Life } from './life.ts';
import type { Trouble } from './trouble.ts';

const MINUTE_MS = 60_000;

/**
 * Images that no task runs are deleted: old ones, as by a lifecycle rule, any of them by a person, and outputs minutes after their
 * push, while they are scanned and verified.
 */
export const imagesDeleted: Trouble = {
  feature: 'images-deleted',
  begin: (life, milliseconds) => {
    const { diceFor, clockwork, factory, lines, startedAtEpochMs } = life;
    const dice = diceFor('deletions');
    for (let n = dice.int(2, 8); n > 0; n -= 1) {
      const own = diceFor(`deletion ${n}`);
      const seconds = Math.floor(own.between(0, (milliseconds - HOUR_MS) / 1000));
      clockwork.in(seconds * 1000, () => {
        const line = own.pick(lines);
        const isOldOnly = own.chance(0.7);
        const head = factory.headOf(line);
        const made = factory
          .madeBy(line.name)
          .filter((one) => factory.isKept(one) && !isRun(life, one) && !(isOldOnly && one === head));
        if (made.length > 0) remove(life, own.pick(made), isOldOnly ? 'as too old' : 'by a person');
      });
    }
    life.onOutput = (output) => {
      const own = diceFor(`deletion of ${output.name}`);
      const [isDeleted, minutes] = [own.chance(0.15), own.int(0, 12)];
      if (!isDeleted || clockwork.now > startedAtEpochMs + milliseconds - HOUR_MS) return;
      clockwork.in(minutes * MINUTE_MS, () => {
        if (factory.isKept(output) && !isRun(life, output)) remove(life, output, 'soon after its push');
      });
    };
  },
  /** A line without a head is pushed anew by its team. */
  end: (life) => {
    life.onOutput = () => {};
    const { lines, factory, clockwork } = life;
    for (const line of lines) {
      if (factory.headOf(line)) continue;
      const made = factory.build(line, [HEAD_TAG], { readAtEpochMs: clockwork.now, fromCache: false });
      life.tell(`${line.name}: its team pushes ${made?.name ?? 'nothing'}, since its head is gone`);
    }
  },
};

const isRun = ({ ecs }: Life, { images }: TrueArtifact): boolean =>
  ecs.running().some(({ image }) => images.includes(image));

function remove(life: Life, artifact: TrueArtifact, how: string): void {
  life.features.note('images-deleted');
  life.tell(`${artifact.line}: ${artifact.name} is deleted ${how}`);
  life.factory.remove(artifact);
}
