import { lineageCommand } from '../../../cli/commands/lineage.ts';
import type { Digest } from '../../../shared/domain/image.ts';
import { lineageFactsOf } from '../../../shared/domain/image-content.ts';
import type { KnownLineage } from '../../../shared/ports/ledger.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { digestOf, facts } from '../../support/samples.ts';
import { readOnlyContext, run } from './support.ts';

const at = (repository: string) => ({ account: '111122223333', region: 'eu-west-1', repository });
const host = '111122223333.dkr.ecr.eu-west-1.amazonaws.com';

const MADE: readonly (readonly [
  name: string,
  tier: 'base' | 'platform' | 'application' | 'external',
  layers: string,
])[] = [
  ['debian', 'base', 'a'],
  ['node', 'platform', 'a b'],
  ['python', 'platform', 'a p'],
  ['web', 'application', 'a b c'],
  ['stranger', 'external', ''],
];

async function known() {
  const world = fakeWorld();
  const images: KnownLineage['images'] = await Promise.all(
    MADE.map(async ([name, tier, letters]) => {
      const told = facts(name, { tier, platform: 'linux/amd64', locations: tier === 'external' ? [] : [at(name)] });
      await world.images.recordFacts({ ...told, ...(tier === 'external' && { references: ['docker.io/x'] }) });
      const layers: readonly Digest[] = letters === '' ? [] : letters.split(' ').map(digestOf);
      const places = tier === 'external' ? [] : [{ digest: told.digest, location: at(name), tags: ['1'] }];
      const record = world.images.records.get(told.digest);
      if (!record) throw new Error('it was recorded');
      return { ...record, lineage: lineageFactsOf(record, { digest: told.digest, layers }, places) };
    }),
  );
  return { ...readOnlyContext(world), lineage: async () => ({ images, indexes: new Map() }) };
}

/** The first column: a name has no spaces, and a branch before it has. */
const namesIn = (text: string) =>
  text
    .split('\n')
    .slice(1, -2)
    .map((line) => /^[ │├└─]*\S+/.exec(line)?.[0]);

test('shows each image of the ledger under the one that it stands on', async () => {
  const { code, text } = await run(lineageCommand, await known());
  expect(code).toBe(0);
  expect(namesIn(text.trimEnd())).toEqual([
    `${host}/debian:1`,
    `├─ ${host}/node:1`,
    `│  └─ ${host}/web:1`,
    `└─ ${host}/python:1`,
    'docker.io/x',
  ]);
  expect(text).toContain('5 images, 3 of them on another one of the list');
});

test('of one image shows what it stands on and what stands on it, and no sibling', async () => {
  const { text } = await run(lineageCommand, await known(), [digestOf('node')]);
  expect(namesIn(text.trimEnd())).toEqual([`${host}/debian:1`, `└─ ${host}/node:1`, `   └─ ${host}/web:1`]);
});

test('tells a program parent and evidence of each', async () => {
  const { text } = await run(lineageCommand, await known(), [digestOf('web')], { json: true });
  const told = JSON.parse(text) as Record<string, unknown>[];
  expect(told.map(({ digest, parent, evidence }) => [digest, parent, evidence])).toEqual([
    [digestOf('debian'), null, null],
    [digestOf('node'), digestOf('debian'), 'layers'],
    [digestOf('web'), digestOf('node'), 'layers'],
  ]);
  expect(told[2]).toMatchObject({ names: [`${host}/web:1`], tier: 'application', inUse: false, isHead: false });
});

test('an image that nobody knows is named', async () => {
  await expect(run(lineageCommand, await known(), [digestOf('nobody')])).rejects.toMatchObject({
    name: 'NotFoundError',
  });
});
