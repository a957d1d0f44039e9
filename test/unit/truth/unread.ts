import type { Registry } from '../../../shared/domain/image/image.ts';
import { ClusterFailingError } from '../../../shared/ports/cluster-errors.ts';
import { HOUR_MS } from '../../support/samples.ts';
import { AWAY, HUB, homesOf, NEAR } from './fleet.ts';
import type { Life } from './life.ts';
import type { Trouble } from './trouble.ts';

/** A registry of an account refuses Patchwave for some hours or days; teams push and ECS pulls as before. */
export const registriesUnread: Trouble = {
  feature: 'registries-unread',
  begin: (life, milliseconds) => {
    const { diceFor, clockwork, world, features } = life;
    const dice = diceFor('registries unread');
    for (let n = dice.int(1, 3); n > 0; n -= 1) {
      const registry = dice.pick([HUB, NEAR]);
      const [fromMs, forMs] = drawSpell(dice, milliseconds);
      clockwork.in(fromMs, async () => {
        const before = world.registry.refusals;
        world.registry.deny(registry);
        life.tell(`registry ${registry.account} refuses Patchwave`);
        await clockwork.sleep(forMs);
        world.registry.permit(registry);
        life.tell(`registry ${registry.account} lets Patchwave in again`);
        if (world.registry.refusals > before) features.note('registries-unread');
      });
    }
  },
  end: ({ world }) => {
    for (const registry of [HUB, NEAR]) world.registry.permit(registry);
  },
};

/** A registry lists the images of a repository and does not give what they are made of, for some hours or days. */
export const lineageUnread: Trouble = {
  feature: 'lineage-unread',
  begin: (life, milliseconds) => {
    const { diceFor, clockwork, world, features, lines } = life;
    const dice = diceFor('lineage unread');
    for (let n = dice.int(1, 4); n > 0; n -= 1) {
      const { name, location } = dice.pick(lines);
      const what = dice.pick(['manifests', 'configs'] as const);
      const [fromMs, forMs] = drawSpell(dice, milliseconds);
      clockwork.in(fromMs, async () => {
        const before = world.registry.refusals;
        world.registry.withhold(location, what);
        life.tell(`${name}: its registry withholds ${what}`);
        await clockwork.sleep(forMs);
        world.registry.giveAgain(location);
        life.tell(`${name}: its registry gives ${what} again`);
        if (world.registry.refusals > before) features.note('lineage-unread');
      });
    }
  },
  end: ({ world, lines }) => {
    for (const { location } of lines) world.registry.giveAgain(location);
  },
};

/**
 * An account refuses to say what runs there, or its EKS cluster cannot be reached, for some hours or days. Teams deploy as
 * before.
 */
export const workloadsUnread: Trouble = {
  feature: 'workloads-unread',
  begin: (life, milliseconds) => {
    const { diceFor, clockwork, world, lines, features } = life;
    const dice = diceFor('workloads unread');
    const homes = homesOf(lines).filter((home) => home !== HUB);
    for (let n = dice.int(1, 4); n > 0; n -= 1) {
      const [home, isCluster] = [dice.pick(homes), dice.chance(0.5)];
      const [fromMs, forMs] = drawSpell(dice, milliseconds);
      const cluster = { ...home, cluster: 'pods' };
      const what = isCluster ? `cluster ${cluster.cluster} of account ${home.account}` : `account ${home.account}`;
      clockwork.in(fromMs, async () => {
        const reviews = life.reviews;
        if (isCluster) world.eksWorkloads.failCluster(cluster, new ClusterFailingError(cluster, 'it is down'));
        else for (const source of [world.workloads, world.eksWorkloads]) source.deny(home);
        life.tell(`${what} does not say what runs`);
        await clockwork.sleep(forMs);
        allowAgain(life, home);
        life.tell(`${what} says again what runs`);
        if (life.reviews > reviews) features.note('workloads-unread');
      });
    }
  },
  end: (life) => {
    for (const home of [NEAR, AWAY]) allowAgain(life, home);
  },
};

function allowAgain({ world }: Life, home: Registry): void {
  world.eksWorkloads.failCluster({ ...home, cluster: 'pods' }, undefined);
  for (const source of [world.workloads, world.eksWorkloads]) source.allow(home);
}

/** When it begins, often with the first review, and how long it lasts; it ends before the days of quiet. */
function drawSpell(dice: ReturnType<Life['diceFor']>, milliseconds: number): readonly [number, number] {
  const fromMs = dice.chance(0.3) ? 0 : Math.floor(dice.between(0, milliseconds - 2 * HOUR_MS));
  const forMs = Math.floor(dice.pick([2, 12, 48]) * HOUR_MS * dice.between(0.3, 1));
  return [fromMs, Math.min(forMs, milliseconds - fromMs - HOUR_MS)];
}
