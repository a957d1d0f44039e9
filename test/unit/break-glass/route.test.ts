import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { breakGlassFunction, handler } from '../../../functions/break-glass/handler.ts';
import { metrics } from '../../../shared/lambda/metrics.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { ClusterForbiddenError } from '../../../shared/ports/cluster-errors.ts';
import type { BreakGlassCheck } from '../../../shared/ports/messages.ts';
import { FakeNamespaces } from '../../support/fakes/namespaces.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { HOUR_MS } from '../../support/samples.ts';

const PLACE = { account: '444455556666', region: 'eu-west-1', cluster: 'prod', namespace: 'shop' };
const context = {
  invokedFunctionArn: 'arn:aws:lambda:eu-west-1:111122223333:function:doors-break-glass',
} as Context;

const logged: unknown[][] = [];
beforeEach(() => {
  logged.length = 0;
  for (const level of ['info', 'warn', 'error'] as const)
    jest.spyOn(logger, level).mockImplementation((...entry) => void logged.push([level, ...entry]));
  jest.spyOn(metrics, 'publishStoredMetrics').mockReturnThis();
});
afterEach(() => jest.restoreAllMocks());

function setUp() {
  const world = fakeWorld();
  const namespaces = new FakeNamespaces();
  const { webhooks, scopes, deadLetters, clock } = world;
  const ports = { ledger: world.exceptions, namespaces, webhooks, scopes, deadLetters, clock };
  const expiresAtEpochMs = world.clock() + 2 * HOUR_MS;
  const asked = { author: 'Ada', reason: 'incident 7', expiresAtEpochMs };
  const annotation = (changes: object = {}) =>
    JSON.stringify({
      author: 'Ada',
      reason: 'incident 7',
      expires: new Date(expiresAtEpochMs).toISOString(),
      ...changes,
    });
  let uids = 0;
  const said = () => ({ place: PLACE, uid: `uid-${++uids}`, user: 'sso:ada', askedAtEpochMs: world.clock() });
  const begin = (changes: Partial<BreakGlassCheck> = {}) => ({
    kind: 'begin',
    ...said(),
    breakGlass: asked,
    ...changes,
  });
  const end = () => ({ kind: 'end', ...said() });
  const added = jest.spyOn(metrics, 'addMetric');
  /** Whether the message comes back, and what the alarms count. */
  const send = async (message: unknown, looks = 1) => {
    added.mockClear();
    const body = typeof message === 'string' ? message : JSON.stringify(message);
    const attributes = { ApproximateReceiveCount: String(looks) };
    const event = { Records: [{ messageId: 'm', body, attributes }] };
    const { batchItemFailures } = (await breakGlassFunction(() => ports)(event, context)) as {
      batchItemFailures: unknown[];
    };
    const counts = Object.fromEntries(added.mock.calls.map(([name, , count]) => [name, count]));
    const { BreakGlassBegun: begun, BreakGlassUnproven: unproven, WebhooksSilent: silent } = counts;
    return { again: batchItemFailures.length > 0, begun, unproven, ...(silent !== undefined && { silent }) };
  };
  const isOpen = async (place = PLACE) => (await world.exceptions.breakGlassOf(place)) !== undefined;
  return { world, namespaces, asked, annotation, begin, end, send, isOpen };
}

const FORBIDDEN = new ClusterForbiddenError(PLACE, 'list', 'namespaces');

describe('a review that asks to open a namespace', () => {
  test('opens it if the cluster itself has the annotation, with that proof', async () => {
    const { world, namespaces, annotation, asked, begin, send } = setUp();
    namespaces.set(PLACE, annotation());
    expect(await send(begin())).toEqual({ again: false, begun: 1, unproven: 0 });
    expect(await world.exceptions.breakGlassOf(PLACE)).toEqual(asked);
    const [open] = await Array.fromAsync(world.exceptions.open(world.clock()));
    expect(open).toMatchObject({ place: PLACE, by: 'sso:ada', proof: 'cluster' });
    expect(logged).toContainEqual(['warn', 'break-glass begun', { ...PLACE, by: 'sso:ada' }]);
  });

  test('opens nothing while the cluster has no annotation, looks again, and then names it', async () => {
    const { begin, send, isOpen } = setUp();
    for (let looks = 1; looks < 5; looks += 1) expect(await send(begin(), looks)).toMatchObject({ again: true });
    expect(await send(begin(), 5)).toEqual({ again: false, begun: 0, unproven: 1 });
    expect(await isOpen()).toBe(false);
    const [text] = logged.flatMap(([level, message]) => (level === 'error' ? [message] : []));
    expect(text).toMatch(/444455556666\/eu-west-1\/prod\/shop.*does not have the annotation.*patchwave doors open/);
  });

  test('opens it at a later look, as soon as the API server has stored the annotation', async () => {
    const { namespaces, annotation, begin, send, isOpen } = setUp();
    const message = begin();
    expect(await send(message)).toMatchObject({ again: true });
    namespaces.set(PLACE, annotation());
    expect(await send(message, 2)).toEqual({ again: false, begun: 1, unproven: 0 });
    expect(await isOpen()).toBe(true);
  });

  test.each<[string, object]>([
    ['another author', { author: 'Eve' }],
    ['another reason', { reason: 'none' }],
    ['an earlier end', { expires: '2026-11-24T03:30:00Z' }],
    ['a member more', { forever: true }],
  ])('opens nothing if the annotation in the cluster has %s', async (_, changes) => {
    const { namespaces, annotation, begin, send, isOpen } = setUp();
    namespaces.set(PLACE, annotation(changes));
    expect(await send(begin(), 5)).toEqual({ again: false, begun: 0, unproven: 1 });
    expect(await isOpen()).toBe(false);
  });

  test('opens nothing by the annotation of another namespace or cluster', async () => {
    const { namespaces, annotation, begin, send, isOpen } = setUp();
    namespaces.set({ ...PLACE, namespace: 'other' }, annotation());
    namespaces.set({ ...PLACE, cluster: 'dev' }, annotation());
    expect(await send(begin(), 5)).toMatchObject({ unproven: 1 });
    expect(await isOpen()).toBe(false);
  });

  test('opens nothing while the cluster cannot be read, tries for ten minutes, and then names cause and next step', async () => {
    const { namespaces, annotation, begin, send, isOpen } = setUp();
    namespaces.set(PLACE, annotation());
    namespaces.failure = FORBIDDEN;
    for (let looks = 1; looks < 8; looks += 1) expect(await send(begin(), looks)).toMatchObject({ again: true });
    expect(await send(begin(), 8)).toEqual({ again: false, begun: 0, unproven: 1 });
    expect(await isOpen()).toBe(false);
    expect(JSON.stringify(logged.at(-1))).toMatch(/Apply enforcement\/access\/read.yaml/);
  });

  test('that has expired meanwhile is over, and the cluster is not asked', async () => {
    const { world, namespaces, annotation, begin, send, isOpen } = setUp();
    namespaces.set(PLACE, annotation());
    const message = begin();
    world.advance(2 * HOUR_MS);
    expect(await send(message)).toEqual({ again: false, begun: 0, unproven: 0 });
    expect([namespaces.reads, await isOpen()]).toEqual([0, false]);
  });

  test('that is delivered twice, or sent again by a stranger after the end, opens nothing more', async () => {
    const { world, namespaces, annotation, begin, end, send, isOpen } = setUp();
    namespaces.set(PLACE, annotation());
    const message = begin();
    await send(message);
    await send(message);
    expect(await Array.fromAsync(world.exceptions.all())).toHaveLength(1);
    namespaces.set(PLACE, undefined);
    world.advance(1_000);
    await send(end());
    expect(await send({ ...message, uid: 'another' }, 5)).toMatchObject({ unproven: 1 });
    expect(await isOpen()).toBe(false);
  });
});

describe('a review that says that a break-glass ends', () => {
  async function opened() {
    const made = setUp();
    made.namespaces.set(PLACE, made.annotation());
    await made.send(made.begin());
    made.world.advance(1_000);
    return made;
  }

  test('ends it once the annotation is gone from the cluster', async () => {
    const { world, namespaces, end, send, isOpen } = await opened();
    const message = end();
    expect(await send(message)).toMatchObject({ again: true });
    expect(await isOpen()).toBe(true);
    namespaces.set(PLACE, undefined);
    expect(await send(message, 2)).toMatchObject({ again: false });
    expect(await isOpen()).toBe(false);
    expect(await Array.fromAsync(world.exceptions.all())).toMatchObject([{ endedBy: 'sso:ada' }]);
  });

  test('and that is forged ends nothing', async () => {
    const { end, send, isOpen } = await opened();
    for (let looks = 1; looks <= 5; looks += 1) expect(await send(end(), looks)).toMatchObject({ again: looks < 5 });
    expect(await isOpen()).toBe(true);
  });

  test('ends it if the cluster cannot be read for ten minutes: closing is the safe side', async () => {
    const { namespaces, end, send, isOpen } = await opened();
    namespaces.failure = FORBIDDEN;
    expect(await send(end(), 7)).toMatchObject({ again: true });
    expect(await isOpen()).toBe(true);
    expect(await send(end(), 8)).toMatchObject({ again: false });
    expect(await isOpen()).toBe(false);
  });

  test('does not end what a person opened', async () => {
    const { world, namespaces, asked, end, send, isOpen } = await opened();
    const change = { uid: '1', user: 'ana', atEpochMs: world.clock(), proof: 'person' as const };
    await world.exceptions.begin(PLACE, asked, change);
    namespaces.set(PLACE, undefined);
    await send(end());
    expect(await isOpen()).toBe(true);
  });
});

describe('the sweep', () => {
  const SWEEP = { kind: 'sweep' };

  test('ends what has lost its annotation without a review, and one of version 0.2.0 that was never there', async () => {
    const { world, namespaces, annotation, asked, begin, send, isOpen } = setUp();
    namespaces.set(PLACE, annotation());
    await send(begin());
    const forged = { ...PLACE, namespace: 'forged' };
    await world.exceptions.begin(forged, asked, { uid: '1', user: 'eve', atEpochMs: world.clock() });
    world.advance(1_000);
    await send(SWEEP);
    expect([await isOpen(), await isOpen(forged)]).toEqual([true, false]);
    namespaces.set(PLACE, annotation({ reason: 'changed while nobody asked' }));
    await send(SWEEP);
    expect(await isOpen()).toBe(false);
  });

  test('leaves what it cannot read, what a person opened, and what is in another Region', async () => {
    const { world, namespaces, annotation, asked, begin, send, isOpen } = setUp();
    namespaces.set(PLACE, annotation());
    await send(begin());
    const elsewhere = { ...PLACE, region: 'us-east-1' };
    const byPerson = { ...PLACE, namespace: 'person' };
    const change = { user: 'ana', atEpochMs: world.clock() };
    await world.exceptions.begin(elsewhere, asked, { ...change, uid: '1', proof: 'cluster' });
    await world.exceptions.begin(byPerson, asked, { ...change, uid: '2', proof: 'person' });
    namespaces.reads = 0;
    namespaces.failure = FORBIDDEN;
    expect(await send(SWEEP)).toMatchObject({ again: false });
    expect(namespaces.reads).toBe(1);
    namespaces.failure = undefined;
    await send(SWEEP);
    for (const place of [PLACE, elsewhere, byPerson]) expect(await isOpen(place)).toBe(true);
  });
});

test.each<[string, unknown]>([
  ['no JSON', '{'],
  ['another kind', { kind: 'open' }],
  [
    'a namespace that is none',
    { kind: 'end', place: { ...PLACE, namespace: 'a#b' }, uid: 'u', user: 'a', askedAtEpochMs: 1 },
  ],
  [
    'a cluster that is none',
    { kind: 'end', place: { ...PLACE, cluster: '../x' }, uid: 'u', user: 'a', askedAtEpochMs: 1 },
  ],
  [
    'a place without a namespace',
    { kind: 'end', place: { ...PLACE, namespace: undefined }, uid: 'u', user: 'a', askedAtEpochMs: 1 },
  ],
])('a message with %s goes to the dead letters, and nothing is read', async (_, message) => {
  const { world, namespaces, send } = setUp();
  expect(await send(message)).toMatchObject({ again: false });
  expect(world.deadLetters.letters).toHaveLength(1);
  expect(namespaces.reads).toBe(0);
});

test('the function names what its environment lacks', async () => {
  const event = { Records: [{ messageId: 'm', body: '{}', attributes: { ApproximateReceiveCount: '1' } }] };
  await expect(handler(event, context)).rejects.toThrow(/LEDGER_TABLE.*READ_ROLE_NAME/);
});

describe('a webhook that no API server asks', () => {
  const CLUSTER = { account: PLACE.account, region: PLACE.region, cluster: PLACE.cluster };
  const SCOPE = { account: PLACE.account, region: PLACE.region, eksCluster: PLACE.cluster };
  /** It asked 25 hours ago. @param podHours a pod was created so many hours after that */
  async function asked(podHours: number | undefined, cluster = CLUSTER) {
    const made = setUp();
    const { world } = made;
    const lastAskedAtEpochMs = world.clock() - (world.clock() % HOUR_MS);
    await world.webhooks.record(cluster, 'signed', lastAskedAtEpochMs);
    world.advance(25 * HOUR_MS);
    const created = podHours === undefined ? {} : { podCreatedAtEpochMs: lastAskedAtEpochMs + podHours * HOUR_MS };
    await world.scopes.record({ scope: SCOPE, ...created });
    return made;
  }

  test('is counted and named, although pods start', async () => {
    const { send } = await asked(3);
    expect(await send({ kind: 'sweep' })).toMatchObject({ again: false, silent: 1 });
    expect(logged).toContainEqual([
      'warn',
      'the API server of a cluster no longer asks the webhook',
      { ...CLUSTER, lastAsked: '2026-11-24T03:00:00.000Z', newestPod: '2026-11-24T06:00:00.000Z' },
    ]);
  });

  test.each<[string, number | undefined, typeof CLUSTER]>([
    ['no pod started', undefined, CLUSTER],
    ['a pod started, of which it asked', 1, CLUSTER],
    ['it is of another Region, whose stack counts it', 3, { ...CLUSTER, region: 'us-east-1' }],
    ['no review knows the cluster any more', 3, { ...CLUSTER, cluster: 'deleted' }],
  ])('is not counted if %s', async (_, podHours, cluster) => {
    const { send } = await asked(podHours, cluster);
    expect(await send({ kind: 'sweep' })).toMatchObject({ silent: 0 });
  });

  test('is looked up together with the others, so that many clusters are few reads', async () => {
    const { world, send } = await asked(3);
    const others = Array.from({ length: 30 }, (_, n) => ({ ...CLUSTER, cluster: `c${n}` }));
    for (const cluster of others) await world.webhooks.record(cluster, 'signed', world.clock());
    const get = world.scopes.get.bind(world.scopes);
    let atOnce = 0;
    let most = 0;
    world.scopes.get = async (scope) => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await Promise.resolve();
      atOnce -= 1;
      return get(scope);
    };
    expect(await send({ kind: 'sweep' })).toMatchObject({ silent: 1 });
    expect(most).toBe(31);
  });

  test('is no longer counted once it asks again', async () => {
    const { world, send } = await asked(3);
    await world.webhooks.record(CLUSTER, 'signed', world.clock());
    expect(await send({ kind: 'sweep' })).toMatchObject({ silent: 0 });
  });

  test('fails the sweep if the ledger cannot be read, so that it is tried again', async () => {
    const { world, send } = await asked(3);
    jest.spyOn(world.scopes, 'get').mockRejectedValue(new Error('throttled'));
    await expect(send({ kind: 'sweep' })).rejects.toThrow('throttled');
  });
});
