import { collect } from '../../../shared/concurrency.ts';
import type { ImageProperties } from '../../../shared/domain/image/image-properties.ts';
import type { ReviewRecord } from '../../../shared/domain/review/run.ts';
import { fakeWorld, START_EPOCH_MS } from '../../support/fakes/world.ts';
import { previewOf } from '../../support/preview.ts';

const digest = `sha256:${'a'.repeat(64)}` as const;
const child = { digest: `sha256:${'b'.repeat(64)}`, platform: 'linux/arm64' } as const;
const location = { account: '111122223333', region: 'us-east-1', repository: 'apps/web' };
const properties: ImageProperties = {
  digest,
  tier: 'application',
  birth: { known: false, rejected: [] },
  locations: [location],
};
const usage = {
  ...{ account: '111122223333', region: 'us-east-1', cluster: 'main', workload: 'web', container: 'app', count: 1 },
  workloadKind: 'ecs-service',
  digest,
  digestSource: 'runtime',
} as const;
const lineage = { age: { known: true, bornAtEpochMs: 7, decidedBy: child.digest } } as const;
const verdict = { status: 'violating', reasons: [], policyVersion: 'v1' } as const;
const judgement = { digest, verdict, scan: { state: 'complete', coverage: ['os'] }, judgedAtEpochMs: 5 } as const;
const review: ReviewRecord = {
  ...{ runId: 'run-1', mode: 'preview', scopeKey: 'fleet', policyVersion: 'v1', state: 'running' },
  ...{ startedAtEpochMs: 1, leaseUntilEpochMs: 2 },
};

function previewed() {
  const world = fakeWorld();
  return { world, preview: previewOf(world, world.runFiles, 'run-1') };
}

/** Everything of the world that is not a run file. */
const ledgerOf = ({ images, places, usages, streams, streamImages }: ReturnType<typeof fakeWorld>) => ({
  images: [...images.records],
  places: places.dump(),
  usages: usages.dump(),
  streams: streams.dump(),
  streamImages: streamImages.dump(),
});

test('writes nothing to the ledger, for every call', async () => {
  const { world, preview } = previewed();
  await world.images.recordProperties(properties);
  await world.usages.record([usage], START_EPOCH_MS);
  await world.scopes.record({ scope: location });
  const before = structuredClone({ ...ledgerOf(world), scopes: await collect(world.scopes.all()) });

  await preview.images.recordProperties({ ...properties, tier: 'base' });
  await preview.images.recordPresence(digest, { inUse: true });
  await preview.images.recordLineage(digest, lineage);
  await preview.images.recordJudgement(judgement);
  await preview.places.recordLocation({ digest, location, tags: ['1'] });
  await preview.places.recordIndex(digest, [child], START_EPOCH_MS);
  await preview.usages.end([usage], START_EPOCH_MS);
  await preview.usages.record([{ ...usage, count: 7 }], START_EPOCH_MS);
  await preview.streams.recordFirstSeen('stream', new Map([['CVE-1#openssl', 1]]));
  const stream = { stream: 's', tier: 'base', owner: 'o', location, headTag: '^1$' } as const;
  expect(await preview.streams.recordStream(stream, undefined)).toBe(true);
  await preview.streamImages.record('s', { digest });
  await preview.scopes.record({ scope: location, completeAtEpochMs: 1 });
  await preview.runs.begin(review);
  await preview.runs.recordPart('run-1', { kind: 'registry', key: 'r', status: 'complete', images: 1, missing: 0 });
  await preview.runs.finish({ ...review, state: 'succeeded' });

  expect({ ...ledgerOf(world), scopes: await collect(world.scopes.all()) }).toEqual(before);
  expect(await world.runs.latest()).toEqual({});
  expect(await world.runs.get('run-1')).toBeUndefined();
});

test('reads back what it would have written, over what the ledger knows', async () => {
  const { world, preview } = previewed();
  await world.images.recordProperties(properties);
  await world.images.recordPresence(digest, { inUse: true });

  await preview.images.recordProperties({ ...properties, tier: 'base' });
  expect((await preview.images.get([digest])).get(digest)).toMatchObject({ tier: 'base', inUse: true });
  await preview.images.recordJudgement(judgement);
  expect((await preview.images.get([digest])).get(digest)).toMatchObject({ tier: 'base', inUse: true, verdict });
  await preview.images.recordProperties({ ...properties, tier: 'platform' });
  expect((await preview.images.get([digest])).get(digest)).toMatchObject({ tier: 'platform', verdict });

  const judged = async () => (await preview.images.get([digest])).get(digest)?.judgedAtEpochMs;
  expect(await judged()).toBeUndefined();
  await preview.images.recordJudgement(judgement);
  await preview.images.recordProperties({ ...properties, tier: 'platform' });
  expect(await judged()).toBe(judgement.judgedAtEpochMs);

  await preview.images.recordLineage(digest, lineage);
  expect((await preview.images.get([digest])).get(digest)).toMatchObject({ lineage, verdict });
  expect(await judged()).toBeUndefined();

  await preview.places.recordIndex(digest, [child], START_EPOCH_MS);
  expect(await preview.places.indexes([digest, child.digest])).toEqual(new Map([[digest, [child]]]));
});

test('widens what is known of a location, as the ledger does', async () => {
  const { world, preview } = previewed();
  const push = (at: number) => ({ firstPushSeenAtEpochMs: at, lastPushSeenAtEpochMs: at });
  await world.places.recordLocation({ digest, location, tags: ['1'], ...push(5) });

  await preview.places.recordLocation({ digest, location, tags: ['2'], ...push(3) });
  await preview.places.recordLocation({ digest, location: { ...location, repository: 'a' }, tags: [] });

  expect(await preview.places.locations(digest)).toEqual([
    { digest, location: { ...location, repository: 'a' }, tags: [] },
    { digest, location, tags: ['1', '2'], firstPushSeenAtEpochMs: 3, lastPushSeenAtEpochMs: 5 },
  ]);
});

test('requests no scan and takes no lease', async () => {
  const { world, preview } = previewed();
  await preview.images.recordProperties(properties);
  await world.runs.begin({ ...review, runId: 'run-0', leaseUntilEpochMs: 9 });

  expect(await preview.images.claimScan(digest, { runId: 'run-1', atEpochMs: 1, notSinceEpochMs: 0 })).toBe(false);
  expect(await preview.runs.begin(review)).toEqual({ begun: true });
});

test('an image without facts is as unknown as in the ledger', async () => {
  const { preview } = previewed();
  await expect(preview.images.recordPresence(digest, { inUse: true })).rejects.toMatchObject({
    name: 'ImageNotRecordedError',
  });
});

test('keeps the parts of its run, each once', async () => {
  const { preview } = previewed();
  const part = { kind: 'registry', key: '111122223333/us-east-1', status: 'complete', images: 1, missing: 0 } as const;
  await preview.runs.recordPart('run-1', part);
  await preview.runs.recordPart('run-1', { ...part, images: 2 });
  await preview.runs.recordPart('run-1', { ...part, key: '111122223333/*' });

  expect((await collect(preview.runs.parts('run-1'))).map((each) => [each.key, each])).toEqual([
    ['111122223333/*', { ...part, key: '111122223333/*' }],
    ['111122223333/us-east-1', { ...part, images: 2 }],
  ]);
});
