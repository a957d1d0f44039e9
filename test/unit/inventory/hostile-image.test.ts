import { randomBytes } from 'node:crypto';
import { judgeBatch } from '../../../functions/policy-evaluation/judge-batch.ts';
import { reasonInFull } from '../../../shared/domain/verdict/reason-text.ts';
import { LedgerItemsRefusedError } from '../../../shared/ports/errors.ts';
import type { ImageConfig } from '../../../shared/ports/registry.ts';
import { START_EPOCH_MS } from '../../support/fakes/world.ts';
import { digestOf as digestNamed } from '../../support/samples.ts';
import { config, imageOf, inventoryWorld, main, PUSHED, payments, referenceTo, task } from './support.ts';

const apps = { ...payments, repository: 'apps/web' };

const hostile: ImageConfig = {
  ...config(),
  history: [{ createdBy: 'x', created: randomBytes(1_000_000).toString('base64') }],
};

test('one image that says more than an item holds is set aside by name; 499 others of its registry are judged', async () => {
  const { world, ports, run, review, parts } = await inventoryWorld();
  const images = Array.from({ length: 499 }, (_, n) => ({ ...imageOf('a'), digest: digestNamed(`image ${n}`) }));
  const evil = imageOf('e');
  for (const artifact of images)
    world.registry.push(apps, { artifact, tags: [], pushedAtEpochMs: PUSHED, config: config() });
  world.registry.push(apps, { artifact: evil, tags: [], pushedAtEpochMs: PUSHED, config: hostile });
  for (const { digest } of [...images, evil])
    world.workloads.run(
      main,
      task({ image: referenceTo(apps, `@${digest}`), digest }, { workload: digest.slice(7, 27) }),
    );
  let downloads = 0;
  const read = world.registry.config.bind(world.registry);
  world.registry.config = async (location, digest) => {
    downloads += 1;
    return read(location, digest);
  };

  for (const day of [1, 2]) {
    await review();
    const registry = (await parts()).find((part) => part.kind === 'registry' && part.key.startsWith(payments.account));
    expect([day, registry]).toEqual([day, expect.objectContaining({ status: 'complete', images: 500, missing: 0 })]);
  }
  // It is not read again.
  expect(downloads).toBe(500);
  expect(world.images.records.get(evil.digest)?.unresolved).toEqual({
    code: 'too-large-to-keep',
    bound: 400 * 1024,
    detail: expect.stringContaining('400 KB'),
  });
  // Its layers are kept: they say what it is built on.
  expect((await world.contents.get([evil.digest])).get(evil.digest)).toEqual({
    digest: evil.digest,
    layers: evil.layers,
  });

  const digests = [...images, evil].map(({ digest }) => digest);
  const { outcomes, failures } = await judgeBatch(ports, {
    ...run,
    startedAtEpochMs: START_EPOCH_MS,
    batch: '0001',
    digests,
  });
  expect([outcomes.failed, failures]).toEqual([0, []]);
  const verdict = world.images.records.get(evil.digest)?.verdict;
  expect(verdict?.status).toBe('unknown');
  expect(verdict?.reasons.map(reasonInFull).join()).toContain('400 KB');
});

test('an image that was set aside is read again once an item may hold more', async () => {
  const { world, review } = await inventoryWorld();
  const evil = imageOf('e');
  world.registry.push(apps, { artifact: evil, tags: [], pushedAtEpochMs: PUSHED, config: config() });
  world.workloads.run(main, task({ image: referenceTo(apps, `@${evil.digest}`), digest: evil.digest }));
  await review();
  const { mediaType, ...record } = world.images.records.get(evil.digest) ?? fail();
  const unresolved = { code: 'too-large-to-keep', detail: 'as an earlier version said', bound: 100 * 1024 };
  world.images.records.set(evil.digest, { ...record, unresolved });

  await review();

  expect(world.images.records.get(evil.digest)?.unresolved).toBeUndefined();
  expect(world.images.records.get(evil.digest)?.mediaType).toBe(mediaType);
});

test('one image whose record the ledger refuses is named, and the others of its repository are recorded', async () => {
  const { world, review, parts } = await inventoryWorld();
  const [refused, other] = [imageOf('a'), imageOf('b')];
  for (const artifact of [refused, other]) {
    world.registry.push(apps, { artifact, tags: [], pushedAtEpochMs: PUSHED, config: config() });
    world.workloads.run(main, task({ image: referenceTo(apps, `@${artifact.digest}`), digest: artifact.digest }));
  }
  const record = world.images.recordProperties.bind(world.images);
  world.images.recordProperties = async (properties, over) => {
    if (properties.digest === refused.digest && properties.mediaType !== undefined)
      throw new LedgerItemsRefusedError(
        [properties.digest],
        new Error('Item size has exceeded the maximum allowed size'),
      );
    await record(properties, over);
  };

  await review();

  const registry = (await parts()).find((part) => part.kind === 'registry' && part.key.startsWith(payments.account));
  expect(registry).toMatchObject({ status: 'complete', missing: 1 });
  expect(world.images.records.get(other.digest)?.unresolved).toBeUndefined();
  expect(world.images.records.get(refused.digest)?.unresolved?.code).toBe('registry-not-read');
});

function fail(): never {
  throw new Error('The image is not recorded');
}
