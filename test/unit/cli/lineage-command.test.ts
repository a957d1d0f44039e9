import { lineageCommand } from '../../../cli/commands/lineage.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { layeredImageOf } from '../../../shared/domain/lineage/image-content.ts';
import { policySchema } from '../../../shared/domain/policy/policy.ts';
import { NEVER_SCANNED } from '../../../shared/domain/scan/scan.ts';
import type { KnownLineage } from '../../../shared/ports/ledger.ts';
import { parse } from '../../../shared/schema.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { digestOf, imageProperties } from '../../support/samples.ts';
import { readOnlyContext, run } from './support.ts';

const at = (repository: string) => ({ account: '111122223333', region: 'eu-west-1', repository });
const host = '111122223333.dkr.ecr.eu-west-1.amazonaws.com';
const place = '111122223333/eu-west-1';

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
      const properties = imageProperties(name, {
        tier,
        platform: 'linux/amd64',
        locations: tier === 'external' ? [] : [at(name)],
      });
      await world.images.recordProperties({
        ...properties,
        ...(tier === 'external' && { references: ['docker.io/x'] }),
      });
      const layers: readonly Digest[] = letters === '' ? [] : letters.split(' ').map(digestOf);
      const places = tier === 'external' ? [] : [{ digest: properties.digest, location: at(name), tags: ['1'] }];
      const record = world.images.records.get(properties.digest);
      if (!record) throw new Error('it was recorded');
      const layered = layeredImageOf(record, { digest: properties.digest, layers }, places);
      return { ...record, layered, presentNames: layered.names ?? [] };
    }),
  );
  return { ...readOnlyContext(world), lineage: async () => ({ images, indexes: new Map() }) };
}

/** The last column, from the position of its title on. */
function namesIn(text: string): string[] {
  const [titles = '', ...lines] = text.split('\n').slice(0, -2);
  return lines.map((line) => line.slice(titles.indexOf('image')));
}

test('attestations are not listed as images', async () => {
  const context = await known();
  const { images, indexes } = await context.lineage();
  const [first] = images;
  if (!first) throw new Error('no image');
  const attestation = { ...first, digest: digestOf('attestation') };
  const unresolved = { code: 'not-an-image', detail: 'it contains application/vnd.in-toto+json' };
  for (const others of [
    { unresolved },
    { unresolved: { code: 'empty-index', detail: 'it has attestations only' } },
    { platform: 'unknown/unknown' as const },
  ]) {
    const lineage = async () => ({ images: [...images, { ...attestation, ...others }], indexes });
    expect(await run(lineageCommand, { ...context, lineage })).toEqual(await run(lineageCommand, context));
  }
});

test('shows each image under its parent', async () => {
  const { code, text } = await run(lineageCommand, await known());
  expect(code).toBe(0);
  expect(namesIn(text.trimEnd())).toEqual([
    `${place}/debian:1`,
    `├─ ${place}/node:1`,
    `│  └─ ${place}/web:1`,
    `└─ ${place}/python:1`,
    'docker.io/x',
  ]);
  expect(text).toContain('5 images, 3 of them built on another image of the list');
});

test('for one image shows ancestors and descendants without siblings', async () => {
  const { text } = await run(lineageCommand, await known(), [digestOf('node')]);
  expect(namesIn(text.trimEnd())).toEqual([`${place}/debian:1`, `└─ ${place}/node:1`, `   └─ ${place}/web:1`]);
});

test('--json gives parent and evidence of each image', async () => {
  const { text } = await run(lineageCommand, await known(), [digestOf('web')], { json: true });
  const output = JSON.parse(text) as Record<string, unknown>[];
  expect(output.map(({ digest, parent, evidence }) => [digest, parent, evidence])).toEqual([
    [digestOf('debian'), null, null],
    [digestOf('node'), digestOf('debian'), 'layers'],
    [digestOf('web'), digestOf('node'), 'layers'],
  ]);
  expect(output[2]).toMatchObject({ names: [`${host}/web:1`], tier: 'application', inUse: false, isHead: false });
});

test('an unknown image is named in the error', async () => {
  await expect(run(lineageCommand, await known(), [digestOf('nobody')])).rejects.toMatchObject({
    name: 'NotFoundError',
  });
});

test('a declared parent is shown as such if there is no other evidence', async () => {
  const world = fakeWorld();
  const rule = (id: string, tier: 'base' | 'application', parents?: [string]) => ({
    ...{ id, tier, account: '111122223333', regions: ['eu-west-1'], repositories: [id], headTags: ['^1$'], owner: 'x' },
    ...(parents && { parents }),
  });
  const streams = [rule('debian', 'base'), rule('web', 'application', ['debian'])];
  const policy = { version: 1, ages: { default: { limitDays: 30 } }, streams, severities: [] } as const;
  await world.policies.publish(parse(policySchema, policy), {});
  const images = streams.map(({ id, tier }): KnownLineage['images'][number] => {
    const stream = `111122223333/eu-west-1/${id}:^1$`;
    const record = {
      ...imageProperties(id, { tier, stream, platform: 'linux/amd64', locations: [at(id)] }),
      ...JUDGED,
    };
    const layered = layeredImageOf(record, { digest: record.digest, layers: [digestOf(id)] }, []);
    return { ...record, layered, presentNames: [] };
  });
  const context = { ...readOnlyContext(world), lineage: async () => ({ images, indexes: new Map() }) };
  const { text } = await run(lineageCommand, context, [], { json: true });
  expect(JSON.parse(text)).toMatchObject([
    { digest: digestOf('debian'), parent: null },
    { digest: digestOf('web'), parent: digestOf('debian'), evidence: 'declared' },
  ]);
});

const JUDGED = { inUse: false, isHead: true, scan: NEVER_SCANNED } as const;
