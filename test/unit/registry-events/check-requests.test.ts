import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { handleCheckRequests } from '../../../functions/registry-events/check-requests.ts';
import { registryEvents } from '../../../functions/registry-events/handler.ts';
import { handleMessages } from '../../../functions/registry-events/registry-events.ts';
import type { ScanState } from '../../../shared/domain/scan/scan.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { digestOf } from '../../support/samples.ts';
import {
  dump,
  eventOf,
  headOf,
  LINE,
  LOCATION,
  messages,
  type PushWorld,
  portsOf,
  pushed,
  pushWorld,
} from './support.ts';

let warned: jest.SpiedFunction<typeof logger.warn>;
beforeEach(() => {
  warned = jest.spyOn(logger, 'warn').mockImplementation(() => undefined);
  jest.spyOn(logger, 'error').mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

const request = (name: string, changes: object = {}): string =>
  JSON.stringify({ kind: 'refresh', stream: LINE, digest: digestOf(name), judges: true, ...changes });

/** A repository with a head, and a candidate that no event reported. */
async function candidateWorld(): Promise<PushWorld> {
  const world = await pushWorld();
  await handleMessages(portsOf(world), messages([pushed(world, { name: 'one', tag: 'v1', atSeconds: 0 })]));
  world.following.take();
  pushed(world, { name: 'new', atSeconds: 10 });
  return world;
}

const context = {
  functionName: 'registry-events',
  awsRequestId: 'r',
  getRemainingTimeInMillis: () => 300_000,
} as Context;

/** Bodies that a team may send, each of which would have an effect in the queue of pushes. */
const FORGED: readonly (readonly [string, string])[] = [
  ['a push', eventOf({ digest: digestOf('new'), tag: 'v2', atEpochMs: 1_795_489_300_000 })],
  [
    'a push with the fields of a request',
    JSON.stringify({ ...JSON.parse(eventOf({ digest: digestOf('new'), tag: 'v2' })), ...JSON.parse(request('new')) }),
  ],
  ['a request to read heads', JSON.stringify({ kind: 'refresh', stream: LINE })],
  ['a request to scan heads again', request('new', { scansAgain: true })],
  ['a digest that a build proves', JSON.stringify({ kind: 'refresh', stream: LINE, digest: digestOf('new') })],
  ['another message', request('new', { kind: 'judge' })],
  ['a repository that no registry has', request('new', { stream: '111122223333/eu-west-1/team/web\nteam/x:^v1$' })],
  ['no digest', request('new', { digest: 'v1' })],
  ['no JSON', 'v1'],
];

test.each(FORGED)('%s changes nothing, and is set aside with the reason', async (_, body) => {
  const world = await candidateWorld();
  const [before, head] = [dump(world), await headOf(world)];
  const batch = { Records: messages([body], 'check-requests') };
  expect(await registryEvents(() => portsOf(world))(batch, context)).toEqual({ batchItemFailures: [] });
  expect([dump(world), await headOf(world)]).toEqual([before, head]);
  expect([world.scanner.started, world.judging.isEmpty, world.following.isEmpty, world.wakings.isEmpty]).toEqual([
    ...[[], true, true, true],
  ]);
  expect(world.requestDeadLetters.letters).toMatchObject([
    { body, reason: expect.stringMatching(/^This queue takes only requests of patchwave check\. ./) },
  ]);
  expect(world.deadLetters.letters).toEqual([]);
});

test('the function believes no pushes from a queue that it does not know', async () => {
  const world = await candidateWorld();
  const [[, push] = ['', '']] = FORGED;
  await registryEvents(() => portsOf(world))({ Records: messages([push], 'another') }, context);
  expect(world.requestDeadLetters.letters).toHaveLength(1);
});

test('a request gets the image read, scanned, placed and judged, and moves no head', async () => {
  const world = await candidateWorld();
  const head = await headOf(world);
  await registryEvents(() => portsOf(world))({ Records: messages([request('new')], 'check-requests') }, context);
  expect(world.scanner.started.map(({ digest }) => digest)).toEqual([digestOf('new')]);
  expect(world.following.take()).toEqual([JSON.stringify({ kind: 'place', digest: digestOf('new') })]);
  expect(world.judging.take()).toEqual([JSON.stringify({ kind: 'judge', digest: digestOf('new') })]);
  expect(await headOf(world)).toEqual(head);
});

test('requests of one image are answered together', async () => {
  const world = await candidateWorld();
  await handleCheckRequests(portsOf(world), messages(Array.from({ length: 10 }, () => request('new'))));
  expect([world.scanner.started.length, world.judging.take().length, world.following.take().length]).toEqual([1, 1, 1]);
});

test('a verdict that counts is requested in vain, without a read of the registry', async () => {
  const world = await candidateWorld();
  await handleCheckRequests(portsOf(world), messages([request('new')]));
  world.judging.take();
  const { version } = await world.policies.current();
  const scan: ScanState = { state: 'complete', completedAtEpochMs: world.clock(), coverage: ['os'] };
  await world.images.changeJudgement(digestOf('new'), () => ({
    ...{ digest: digestOf('new'), scan, judgedAtEpochMs: world.clock() },
    verdict: { status: 'compliant', reasons: [], policyVersion: version },
  }));
  const listed = jest.spyOn(world.registry, 'images');
  expect(await handleCheckRequests(portsOf(world), messages([request('new')]))).toEqual([]);
  expect([listed.mock.calls.length, world.judging.isEmpty]).toEqual([0, true]);
  world.advance(3 * 86_400_000);
  await handleCheckRequests(portsOf(world), messages([request('new')]));
  expect(world.judging.take()).toHaveLength(1);
});

test.each(['others/web', 'team/web'])(
  'without a policy that names %s a request reads and records nothing',
  async (repository) => {
    const world = await candidateWorld();
    const location = { ...LOCATION, repository };
    pushed(world, { name: 'there', location });
    if (repository === 'team/web') world.policies.damagePointer();
    const before = dump(world);
    const stream = `111122223333/eu-west-1/${repository}:^v1$`;
    expect(await handleCheckRequests(portsOf(world), messages([request('there', { stream })]))).toEqual([]);
    expect([dump(world), world.judging.isEmpty]).toEqual([before, true]);
    expect(warned).toHaveBeenCalledWith(
      expect.stringContaining(`no verdict on an image in 111122223333/eu-west-1/${repository}`),
    );
  },
);

test('a request that fails is delivered again, and stops no other one', async () => {
  const world = await candidateWorld();
  jest.spyOn(world.registry, 'images').mockImplementation(() => {
    throw new Error('internal');
  });
  const ports = { ...portsOf(world), registry: world.registry };
  const batch = { Records: messages(['no JSON', request('new')], 'check-requests') };
  expect(await registryEvents(() => ports)(batch, context)).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] });
});

test('a record that cannot be read fails its own request only', async () => {
  const world = await candidateWorld();
  pushed(world, { name: 'broken', atSeconds: 20 });
  const read = world.places.indexes.bind(world.places);
  jest.spyOn(world.places, 'indexes').mockImplementation(async (digests) => {
    if (digests.includes(digestOf('broken'))) throw new Error('unreadable');
    return await read(digests);
  });
  const batch = messages([request('broken'), request('new')]);
  expect(await handleCheckRequests({ ...portsOf(world), places: world.places }, batch)).toEqual([
    { messageId: 'm0', error: new Error('unreadable') },
  ]);
  expect(world.judging.take()).toEqual([JSON.stringify({ kind: 'judge', digest: digestOf('new') })]);
});

test('without any answer of the policy store, a message that was set aside is not delivered again', async () => {
  const world = await candidateWorld();
  jest.spyOn(world.policies, 'current').mockRejectedValue(new Error('internal'));
  const batch = { Records: messages(['no JSON', request('new')], 'check-requests') };
  const ports = { ...portsOf(world), policies: world.policies };
  expect(await registryEvents(() => ports)(batch, context)).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] });
  expect(world.requestDeadLetters.letters).toHaveLength(1);
});
