import { jest } from '@jest/globals';
import { logger } from '../../../shared/lambda/powertools.ts';
import { digestOf } from '../../support/samples.ts';
import { follow } from './following.ts';
import { imageLineageOf, type LineageWorld, lineageWorld, push } from './support.ts';

beforeEach(() => void jest.spyOn(logger, 'error').mockImplementation(() => undefined));
afterEach(() => jest.restoreAllMocks());

const place = (world: LineageWorld, name: string) =>
  follow(world, [{ messageId: 'm0', body: JSON.stringify({ kind: 'place', digest: digestOf(name) }) }]);

/** A base, and an image on it that is no head and that nothing runs. */
async function candidateOnBase(): Promise<LineageWorld> {
  const world = await lineageWorld();
  await push(world, 'base', { tier: 'base', layers: ['os'], daysAgo: 9, isHead: true });
  await push(world, 'candidate', { layers: ['os', 'code'], daysAgo: 0, isBranch: true });
  return world;
}

const UNKNOWN = { status: 'unknown', reasons: [], policyVersion: 'p1' } as const;

test('an image that is no head gets its parent and its age on request', async () => {
  const world = await candidateOnBase();
  expect(await place(world, 'candidate')).toEqual({ batchItemFailures: [] });
  expect(await imageLineageOf(world, 'candidate')).toMatchObject({
    parent: { digest: digestOf('base'), evidence: 'layers' },
    age: { known: true, decidedBy: digestOf('base') },
  });
  expect(world.judging.take()).toEqual([]);
});

test('it is judged again if it has a verdict, which does not cover the age', async () => {
  const world = await candidateOnBase();
  const digest = digestOf('candidate');
  const scan = { state: 'requested', coverage: [] } as const;
  await world.images.changeJudgement(digest, () => ({ digest, scan, verdict: UNKNOWN, judgedAtEpochMs: 1 }));
  await place(world, 'candidate');
  expect(world.judging.take()).toEqual([JSON.stringify({ kind: 'judge', digest })]);
  await place(world, 'candidate');
  expect(world.judging.take()).toEqual([]);
});

test('each image of an index gets its lineage', async () => {
  const world = await candidateOnBase();
  await world.places.recordIndex(
    digestOf('index'),
    [{ digest: digestOf('candidate'), platform: 'linux/amd64' }],
    world.clock(),
  );
  await place(world, 'index');
  expect(await imageLineageOf(world, 'candidate')).toBeDefined();
});

test('a message that fails is delivered again, and stops no other', async () => {
  const world = await candidateOnBase();
  const get = world.contents.get.bind(world.contents);
  jest.spyOn(world.contents, 'get').mockImplementation(async (digests) => {
    if (digests.includes(digestOf('broken'))) throw new Error('throttled');
    return get(digests);
  });
  await push(world, 'broken', { layers: ['os', 'other'], daysAgo: 0, isBranch: true });
  const bodies = ['broken', 'candidate'].map((name) => JSON.stringify({ kind: 'place', digest: digestOf(name) }));
  const records = bodies.map((body, n) => ({ messageId: `m${n}`, body }));
  expect(await follow(world, records)).toEqual({ batchItemFailures: [{ itemIdentifier: 'm0' }] });
  expect(await imageLineageOf(world, 'candidate')).toBeDefined();
});
