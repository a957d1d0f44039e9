import { Random } from '../../../local/fleet/random.ts';
import { DAY_MS } from '../../support/samples.ts';
import { again } from './cascade-run.ts';
import { shakyWorld } from './shaky-world.ts';
import { Storm } from './storm.ts';
import { ConvergingFleet, type Lines, nameOf } from './tiered-fleet.ts';

const BOTH = ['amd64', 'arm64'] as const;
const FLEET: Lines = {
  base: { tier: 'base', arch: BOTH },
  'platform-a': { tier: 'platform', on: 'base' },
  'platform-b': { tier: 'platform', on: 'base', arch: ['arm64'] },
  'app-a': { tier: 'application', on: 'platform-a' },
  'app-of-both': { tier: 'application', on: { amd64: 'platform-a', arm64: 'platform-b' }, arch: BOTH },
};
const NAMES = Object.keys(FLEET);

export interface EndedInterleaving {
  /** Who is built on whom, whose cause is open, what heads are judged and what runs: without digests and instants. */
  readonly ledger: readonly string[];
  readonly open: readonly string[];
  readonly staleParent: readonly string[];
  readonly builtTwice: readonly string[];
}

/**
 * Some days of a fleet, drawn from a seed: teams push, with findings or without, and Patchwave acts. With trouble, events of
 * pushes are lost, doubled and in any order, and functions die at any of their calls. Then it is calm for two days.
 */
export async function someDays(seed: number, hasTrouble: boolean): Promise<EndedInterleaving> {
  const [acts, trouble] = [new Random(seed), new Random(seed + 1_000_000)];
  const shaking = shakyWorld(seed, 0.01);
  const fleet = await ConvergingFleet.of(FLEET, acts.chance(0.5) ? ['base'] : [], { world: shaking.world });
  const storm = new Storm(fleet, shaking.calm);
  for (const name of NAMES) storm.tell(name);
  await storm.hear();
  await storm.review();
  for (let turn = 0; turn < 5; turn += 1) {
    const name = acts.pick(NAMES);
    const [isVulnerable, isActing] = [acts.chance(0.2), acts.chance(0.6)];
    storm.push(name, { isVulnerable });
    shaking.isShaking = hasTrouble;
    if (hasTrouble && trouble.chance(0.2)) storm.lose();
    await storm.hear(hasTrouble ? { lastFirst: trouble.chance(0.5), twice: trouble.chance(0.3) } : {});
    if (isActing) await storm.act();
    shaking.isShaking = false;
    fleet.world.advance(60 * 60_000);
  }
  for (let day = 0; day < 3; day += 1) {
    await storm.review();
    await storm.comeToRest();
    for (const name of NAMES) fleet.deploy(name);
    fleet.world.advance(DAY_MS);
  }
  await storm.review();
  return {
    ledger: await ledgerOf(storm),
    open: await storm.open(),
    staleParent: await storm.staleParent(),
    builtTwice: await storm.builtTwice(),
  };
}

async function ledgerOf({ fleet: { world } }: Storm): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const { stream, tier, head } of world.streams.all()) {
    const cause = (await again(world, () => world.causes.get([stream]))).get(stream);
    lines.push(`${nameOf(stream)} cause ${cause === undefined || cause.state === 'closed' ? 'none' : cause.state}`);
    for (const [platform, digest] of Object.entries(head?.images ?? {})) {
      const image = (await world.images.get([digest])).get(digest);
      const parent = image?.lineage?.parent?.digest;
      const below = parent && (await world.images.get([parent])).get(parent);
      lines.push(
        `${nameOf(stream)} ${platform} on ${below ? `${nameOf(below.stream ?? '')} ${below.isHead}` : 'nothing'}`,
        // An application whose last push had no event runs a newer image than its head.
        ...(tier === 'application' ? [] : [`${nameOf(stream)} ${platform} ${image?.verdict?.status}`]),
      );
    }
  }
  const running = [...world.images.records.values()].filter(({ inUse }) => inUse);
  const open = running.filter(({ verdict }) => verdict?.status !== 'compliant');
  return [...lines, ...open.map(({ stream = '' }) => `${nameOf(stream)} runs what is not compliant`)].sort();
}

const DONE = { open: [], staleParent: [], builtTwice: [] };

/** From each of so many seeds: days with trouble end as the same days without any. */
export async function expectSameEnds(seeds: number): Promise<void> {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const [calm, troubled] = [await someDays(seed, false), await someDays(seed, true)];
    expect({ seed, ...troubled }).toEqual({ seed, ...DONE, ledger: calm.ledger });
    expect({ seed, ...calm }).toMatchObject({ seed, ...DONE });
  }
}
