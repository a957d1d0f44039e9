import { RememberedReadings } from '../../../functions/admission-webhook/remembered-readings.ts';
import { reviewAdmission } from '../../../functions/admission-webhook/review-admission.ts';
import type { ReviewPorts } from '../../../functions/admission-webhook/reviewed.ts';
import type { Verdict } from '../../../shared/domain/verdict/verdict.ts';
import { podOf, reviewOf } from '../../support/admission-reviews.ts';
import { doorImage, doorPolicy, doorWorld } from '../../support/door-world.ts';
import { digestOf, judgement, verdict } from '../../support/samples.ts';

const CLUSTER = { account: '111122223333', region: 'eu-west-1', cluster: 'main' };
const SHOP = { ...CLUSTER, namespace: 'shop' };
const REMEMBERED_MS = 5_000;
const [GOOD, BAD] = [doorImage('compliant'), doorImage('violating')];

/** One execution environment, or another one over the same ledger. */
function environmentOf(world: Awaited<ReturnType<typeof doorWorld>>, mostAgeMs = REMEMBERED_MS) {
  const remembered = new RememberedReadings(mostAgeMs, world.clock);
  const reads = { count: 0, begun: () => {} };
  const get: ReviewPorts['images']['get'] = async (digests) => {
    reads.count += 1;
    const records = await world.images.get(digests);
    reads.begun();
    return records;
  };
  const lastPolicy = () => doorPolicy({ mode: 'deny' });
  const ports: ReviewPorts = { ...world, images: { get }, remembered, lastPolicy };
  const ask = async (images: readonly string[], { namespace = 'shop', cluster = 'main', ports: own = ports } = {}) => {
    const review = reviewOf({ namespace, object: podOf(...images) });
    const { decision, isRemembered = false } = await reviewAdmission(own, { ...CLUSTER, cluster }, review);
    return isRemembered ? `${decision}, remembered` : decision;
  };
  return { ask, reads, ports };
}

async function judge({ images, clock }: Awaited<ReturnType<typeof doorWorld>>, name: string, given: Verdict) {
  const scan = { state: 'complete', completedAtEpochMs: clock(), coverage: ['os'] } as const;
  await images.recordJudgement(judgement(name, clock(), { scan, verdict: given }));
}

const breakGlass = (expiresAtEpochMs: number) => ({ author: 'Ada', reason: 'incident 7', expiresAtEpochMs });
let changes = 0;
const change = () => ({ uid: `change-${++changes}`, user: 'ada', atEpochMs: 1 });

test('the equal pods of a rollout share one read for some seconds', async () => {
  const world = await doorWorld();
  const { ask, reads } = environmentOf(world);
  expect(await ask([GOOD])).toBe('allow');
  for (let pod = 0; pod < 100; pod += 1) expect(await ask([GOOD])).toBe('allow, remembered');
  expect(reads.count).toBe(1);
  world.advance(REMEMBERED_MS - 1);
  expect(await ask([GOOD])).toBe('allow, remembered');
  world.advance(1);
  expect(await ask([GOOD])).toBe('allow');
  expect(reads.count).toBe(2);
});

test('a tag is read for each pod, because it may have moved', async () => {
  const world = await doorWorld('deny', { requireDigest: false });
  const { ask } = environmentOf(world);
  const tag = GOOD.replace(/@.*/, ':stable');
  expect(await ask([tag])).toBe('warn');
  const location = { account: CLUSTER.account, region: CLUSTER.region, repository: 'team/compliant' };
  await world.places.recordLocation({
    ...{ digest: digestOf('violating'), location, tags: ['stable'] },
    lastPushSeenAtEpochMs: world.clock(),
  });
  expect(await ask([tag])).toBe('deny');
});

test('the time counts from the beginning of the read', async () => {
  const world = await doorWorld();
  const { ask, reads } = environmentOf(world);
  reads.begun = () => world.advance(3_000);
  expect(await ask([GOOD])).toBe('allow');
  world.advance(1_999);
  expect(await ask([GOOD])).toBe('allow, remembered');
  world.advance(1);
  expect(await ask([GOOD])).toBe('allow');
});

test('a pod is equal if it asks for the same digests at the same place', async () => {
  const world = await doorWorld();
  await world.running.begin([{ digest: digestOf('violating'), place: SHOP }]);
  const { ask } = environmentOf(world);
  expect(await ask([GOOD, BAD])).toBe('warn');
  expect(await ask([BAD, GOOD, BAD])).toBe('warn, remembered');
  expect(await ask([GOOD])).toBe('allow');
  expect(await ask([BAD, GOOD], { namespace: 'shop-2' })).toBe('deny');
  expect(await ask([BAD, GOOD], { cluster: 'other' })).toBe('deny');
});

test('each reference of the same digests is judged by itself', async () => {
  const world = await doorWorld();
  const { ask } = environmentOf(world);
  expect(await ask([GOOD])).toBe('allow');
  expect(await ask([GOOD, 'nginx'])).toBe('deny');
  expect(await ask([GOOD])).toBe('allow');
});

test('a refusal ends what let the same digests start', async () => {
  const world = await doorWorld();
  const { ask } = environmentOf(world);
  expect(await ask([GOOD])).toBe('allow');
  await judge(world, 'compliant', verdict('violating'));
  expect(await ask([GOOD, 'nginx'])).toBe('deny');
  expect(await ask([GOOD])).toBe('deny');
});

test('nobody is refused by what was read for another pod: who removed the cause gets the new answer', async () => {
  const world = await doorWorld();
  const { ask } = environmentOf(world);
  expect(await ask([BAD])).toBe('deny');
  await judge(world, 'violating', verdict('compliant'));
  expect(await ask([BAD])).toBe('allow');
  expect(await ask([BAD])).toBe('allow, remembered');
});

test('a verdict and a policy that are new count after these seconds, and not later', async () => {
  const world = await doorWorld('off');
  const { ask } = environmentOf(world);
  expect(await ask([BAD])).toBe('allow');
  const replaces = (await world.policies.current()).version;
  await world.policies.publish(doorPolicy({ mode: 'deny' }), { replaces });
  expect(await ask([BAD])).toBe('allow, remembered');
  world.advance(REMEMBERED_MS);
  expect(await ask([BAD])).toBe('deny');
  expect(await ask([GOOD])).toBe('allow');
  await judge(world, 'compliant', verdict('violating'));
  expect(await ask([GOOD])).toBe('allow, remembered');
  world.advance(REMEMBERED_MS);
  expect(await ask([GOOD])).toBe('deny');
});

test('a policy that opens the doors counts at once', async () => {
  const world = await doorWorld();
  const { ask } = environmentOf(world);
  expect(await ask([BAD])).toBe('deny');
  await world.policies.publish(doorPolicy({ mode: 'off' }), { replaces: (await world.policies.current()).version });
  expect(await ask([BAD])).toBe('allow');
});

test('a deadline that passes in between is exact: facts are kept, and no decision', async () => {
  const world = await doorWorld();
  const reasons = verdict('violating').reasons.map((reason) => ({
    ...reason,
    effect: 'due' as const,
    deadlineEpochMs: world.clock() + 2_000,
  }));
  await judge(world, 'compliant', { ...verdict('compliant'), reasons });
  const { ask } = environmentOf(world);
  expect(await ask([GOOD])).toBe('allow');
  world.advance(1_999);
  expect(await ask([GOOD])).toBe('allow, remembered');
  world.advance(1);
  expect(await ask([GOOD])).toBe('deny');
});

describe('break-glass', () => {
  test('counts at once, also where another environment refused before', async () => {
    const world = await doorWorld();
    const [first, second] = [environmentOf(world), environmentOf(world)];
    expect([await first.ask([BAD]), await second.ask([BAD])]).toEqual(['deny', 'deny']);
    await world.exceptions.begin(SHOP, breakGlass(world.clock() + 60_000), change());
    expect([await first.ask([BAD]), await second.ask([BAD])]).toEqual(['warn', 'warn']);
  });

  test('that was ended opens nothing, also where it opened a moment ago', async () => {
    const world = await doorWorld();
    const { ask } = environmentOf(world);
    await world.exceptions.begin(SHOP, breakGlass(world.clock() + 60_000), change());
    expect(await ask([BAD])).toBe('warn');
    await world.exceptions.end(SHOP, change());
    expect(await ask([BAD])).toBe('deny');
  });
});

test('a read that fails is not remembered, and equal pods still start by the one before', async () => {
  const world = await doorWorld();
  const { ask, ports } = environmentOf(world);
  const throttled = { ...ports, images: { get: () => Promise.reject(new Error('throttled')) } };
  expect(await ask([GOOD], { ports: throttled })).toBe('deny');
  expect(await ask([GOOD])).toBe('allow');
  expect(await ask([GOOD], { ports: throttled })).toBe('allow, remembered');
  world.advance(REMEMBERED_MS);
  expect(await ask([GOOD], { ports: throttled })).toBe('deny');
});

test('with 0 seconds each pod is read', async () => {
  const { ask, reads } = environmentOf(await doorWorld(), 0);
  expect([await ask([GOOD]), await ask([GOOD]), reads.count]).toEqual(['allow', 'allow', 2]);
});

test('a clock that is set back ends what was remembered', async () => {
  const world = await doorWorld();
  const { ask } = environmentOf(world);
  expect(await ask([GOOD])).toBe('allow');
  world.advance(-1);
  expect(await ask([GOOD])).toBe('allow');
});

test('the memory is bounded: the oldest reading gives way, and a reading of thousands of reasons is not kept', async () => {
  const world = await doorWorld();
  const { ask } = environmentOf(world);
  for (let shop = 0; shop <= 100; shop += 1) await ask([GOOD], { namespace: `shop-${shop}` });
  expect(await ask([GOOD], { namespace: 'shop-1' })).toBe('allow, remembered');
  expect(await ask([GOOD], { namespace: 'shop-0' })).toBe('allow');
  world.advance(REMEMBERED_MS);
  for (const shop of ['shop-2', 'shop-101']) await ask([GOOD], { namespace: shop });
  expect(await ask([GOOD], { namespace: 'shop-2' })).toBe('allow, remembered');
  const [reason] = verdict('violating').reasons;
  if (!reason) throw new Error('the sample has no reason');
  const due = { ...reason, effect: 'due' as const, deadlineEpochMs: world.clock() + 60_000 };
  await judge(world, 'compliant', { ...verdict('compliant'), reasons: Array.from({ length: 2_000 }, () => due) });
  world.advance(REMEMBERED_MS);
  expect([await ask([GOOD]), await ask([GOOD])]).toEqual(['allow', 'allow']);
});
