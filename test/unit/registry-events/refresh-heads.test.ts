import { jest } from '@jest/globals';
import { handleMessages } from '../../../functions/registry-events/registry-events.ts';
import { isScanOpen } from '../../../shared/domain/cause/fact-status.ts';
import type { ScanState } from '../../../shared/domain/scan/scan.ts';
import { stateAfterReading } from '../../../shared/domain/scan/scan-state.ts';
import { propertiesIn } from '../../../shared/domain/verdict/image-updates.ts';
import type { Verdict } from '../../../shared/domain/verdict/verdict.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import type { RefreshRequest } from '../../../shared/ports/messages.ts';
import { CrashError, crashAt, type Turns } from '../../support/fakes/interleave.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { alone, DAY_MS, digestOf } from '../../support/samples.ts';
import {
  answerRefreshes,
  dump,
  headOf,
  LINE,
  LOCATION,
  LTS,
  messages,
  type PushWorld,
  portsOf,
  pushed,
  pushWorld,
} from './support.ts';

beforeEach(() => {
  jest.spyOn(logger, 'warn').mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

const NOW = fakeWorld().clock();
const COMPLIANT: Verdict = { status: 'compliant', reasons: [], policyVersion: 'p1' };
const look = (stream = LINE, changes: Partial<RefreshRequest> = {}): RefreshRequest => ({
  kind: 'refresh',
  stream,
  ...changes,
});
const looked = (about: string) => JSON.stringify({ kind: 'refreshed', about });

async function ask(world: PushWorld, ...refreshes: readonly RefreshRequest[]) {
  await world.refreshes.send(refreshes);
  return answerRefreshes(world);
}

/** A registry with two release lines whose pushes had no events; scans go on until a test ends them. */
async function unreportedWorld(): Promise<PushWorld> {
  const world = await pushWorld();
  world.scanner.completesAtOnce = false;
  pushed(world, { name: 'one', tag: 'v1' });
  pushed(world, { name: 'old', tag: 'lts-1' });
  return world;
}

const historyOf = async ({ guards }: PushWorld, stream = LINE) => (await guards.get([stream])).get(stream);
const scanned = ({ scanner }: PushWorld) => scanner.started.map(({ digest }) => digest).sort();

test('heads are recorded with their request time, and the planner is woken', async () => {
  const world = await unreportedWorld();
  expect(await ask(world, look())).toMatchObject({ refreshes: 1, failed: [] });
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('one') } });
  expect(await historyOf(world)).toMatchObject({ headReadAtEpochMs: world.clock() });
  expect(world.wakings.take()).toEqual([looked(LINE)]);
});

test('an old image that a person gave the head tag is the head, also without an event', async () => {
  const world = await pushWorld();
  const old = pushed(world, { name: 'old', tag: 'v1' });
  world.advance(DAY_MS);
  const newer = pushed(world, { name: 'newer', tag: 'v1' });
  await handleMessages(portsOf(world), messages([old, newer]));
  world.advance(DAY_MS);
  pushed(world, { name: 'old', tag: 'v1' });
  await ask(world, look());
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('old') } });
  // An event that comes late, and a listing that follows, change nothing.
  await handleMessages(portsOf(world), messages([newer]));
  world.advance(DAY_MS);
  await ask(world, look());
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('old') } });
});

test('the recorded instant is the start of the read, because a push during the read may be missing', async () => {
  const world = await unreportedWorld();
  const before = world.clock();
  await world.refreshes.send([look()]);
  await answerRefreshes(world, { after: (step) => (step === 'registry.images' ? world.advance(5000) : undefined) });
  expect(await historyOf(world)).toMatchObject({ headReadAtEpochMs: before });
});

test('a requested image is recorded with any tags, without a wake-up and without a scan request', async () => {
  const world = await unreportedWorld();
  pushed(world, { name: 'bare' });
  await ask(world, look(LINE, { digest: digestOf('bare') }));
  expect(world.images.records.get(digestOf('bare'))).toMatchObject({ locations: [LOCATION] });
  expect([world.wakings.take(), scanned(world), await historyOf(world)]).toEqual([[], [], undefined]);
});

describe('a verdict requested where the image is not', () => {
  const OTHER = { ...LOCATION, repository: 'team/other' };
  const other = (name: string) =>
    look('111122223333/eu-west-1/team/other:^v[0-9.]+$', { digest: digestOf(name), judges: true });

  test.each(['bare', 'both'])('does not place it there, although another repository has it: %s', async (name) => {
    const world = await unreportedWorld();
    pushed(world, { name: 'bare' });
    pushed(world, { name: 'both', children: { 'linux/arm64': 'bare' } });
    pushed(world, { name: 'else', location: OTHER });
    await ask(world, look(LINE, { digest: digestOf(name) }));
    const { places } = dump(world);
    expect(await ask(world, other(name))).toMatchObject({ failed: [] });
    expect(dump(world).places).toEqual(places);
    expect(world.images.records.get(digestOf('bare'))).toMatchObject({ locations: [LOCATION] });
  });

  test('places it there once it was pushed', async () => {
    const world = await unreportedWorld();
    pushed(world, { name: 'bare' });
    await ask(world, look(LINE, { digest: digestOf('bare') }), other('bare'));
    pushed(world, { name: 'bare', location: OTHER });
    await ask(world, other('bare'));
    expect(world.images.records.get(digestOf('bare'))).toMatchObject({ locations: [OTHER, LOCATION] });
  });

  test('records nothing, so a later push elsewhere does not place it there', async () => {
    const world = await unreportedWorld();
    await ask(world, other('bare'));
    expect(world.images.records.size).toBe(0);
    pushed(world, { name: 'bare' });
    await ask(world, look(LINE, { digest: digestOf('bare') }));
    expect(world.images.records.get(digestOf('bare'))).toMatchObject({ locations: [LOCATION] });
  });
});

test('all refreshes of one repository in a batch list it once', async () => {
  const world = await unreportedWorld();
  const steps: string[] = [];
  await world.refreshes.send([look(), look(LTS), look(), look(LTS, { digest: digestOf('old') })]);
  await answerRefreshes(world, { before: (step) => void steps.push(step) });
  expect(steps.filter((step) => step === 'registry.images')).toHaveLength(1);
  expect(world.wakings.take()).toEqual([looked(LINE), looked(LTS)]);
});

test('a head without lineage gets it soon, without a `HeadMoved` event', async () => {
  const world = await unreportedWorld();
  await ask(world, look());
  const follow = JSON.stringify({ kind: 'follow', stream: LINE });
  expect(world.following.take()).toEqual([follow]);
  for (const image of world.images.records.values()) await world.images.recordLineage(image.digest, alone(image));
  await handleMessages(portsOf(world), [{ messageId: 'another', body: JSON.stringify(look()) }]);
  expect(world.following.take()).toEqual([]);
  expect(await historyOf(world)).not.toHaveProperty('searchAsked');
});

test('a head without a found parent is searched less and less often, and another head at once', async () => {
  const world = await unreportedWorld();
  const asked: number[] = [];
  for (let quarters = 0; quarters < 3 * 96; quarters += 1) {
    await ask(world, look());
    if (world.following.take().length > 0) asked.push(quarters);
    world.advance(DAY_MS / 96);
  }
  expect(asked).toEqual([0, 1, 2, 4, 8, 16, 32, 64, 128, 224]);
  pushed(world, { name: 'two', tag: 'v2' });
  await ask(world, look());
  expect(world.following.take()).toHaveLength(1);
});

test('a search whose request is lost in a crash is requested when the refresh is delivered again', async () => {
  const world = await unreportedWorld();
  const message = { messageId: 'one', body: JSON.stringify(look()) };
  const dies: Turns = {
    before: (step) => {
      if (step === 'following.send') throw new CrashError();
    },
  };
  await handleMessages(portsOf(world, dies), [message]).catch(() => undefined);
  expect(world.following.take()).toEqual([]);
  world.advance(60_000);
  await handleMessages(portsOf(world), [message]);
  expect(world.following.take()).toHaveLength(1);
});

test('unjudged heads are scanned once a day', async () => {
  const world = await unreportedWorld();
  await ask(world, look());
  await ask(world, look());
  expect(scanned(world)).toEqual([digestOf('one')]);
  world.advance(DAY_MS);
  await ask(world, look());
  expect(scanned(world)).toEqual([digestOf('one'), digestOf('one')]);
});

test('a judged head whose last scan never ended is scanned again, a day after the request', async () => {
  const world = await unreportedWorld();
  const digest = digestOf('one');
  await ask(world, look());
  const completedAtEpochMs = world.clock();
  await world.images.recordJudgement({
    ...{
      digest,
      scan: { state: 'complete', coverage: ['os'], completedAtEpochMs },
      judgedAtEpochMs: completedAtEpochMs,
    },
    verdict: { status: 'compliant', reasons: [], policyVersion: 'p1' },
  });
  world.advance(DAY_MS);
  await ask(world, look());
  expect(scanned(world)).toEqual([digest]);
  const atEpochMs = world.clock();
  await world.images.claimScan(digest, { runId: 'run-1', atEpochMs, notSinceEpochMs: completedAtEpochMs + 1 });
  world.advance(DAY_MS - 1);
  await ask(world, look());
  expect(scanned(world)).toEqual([digest]);
  world.advance(1);
  await ask(world, look());
  expect(scanned(world)).toEqual([digest, digest]);
});

test('a head whose last scan is a day old is scanned again if the planner cannot decide by it', async () => {
  const world = await unreportedWorld();
  const digest = digestOf('one');
  await ask(world, look());
  world.scanner.started.length = 0;
  await world.images.recordJudgement({
    ...{ digest, scan: { state: 'complete', coverage: ['os'], completedAtEpochMs: world.clock() } },
    ...{ judgedAtEpochMs: world.clock(), verdict: { status: 'compliant', reasons: [], policyVersion: 'p1' } },
  });
  world.advance(DAY_MS - 1);
  await ask(world, look(LINE, { scansAgain: true }));
  expect(scanned(world)).toEqual([]);
  world.advance(1);
  await ask(world, look(LTS, { scansAgain: true }), look());
  expect(scanned(world)).not.toContain(digest);
  await ask(world, look(LINE, { scansAgain: true }));
  expect(scanned(world)).toContain(digest);
});

test('a head that was judged before its lineage was read is scanned again, so that its age is judged', async () => {
  const world = await unreportedWorld();
  const digest = digestOf('one');
  await ask(world, look());
  const [completedAtEpochMs, bornAtEpochMs] = [world.clock(), world.clock() - DAY_MS];
  await world.images.recordJudgement({
    ...{
      digest,
      scan: { state: 'complete', coverage: ['os'], completedAtEpochMs },
      judgedAtEpochMs: completedAtEpochMs,
    },
    verdict: {
      ...{ status: 'unknown', policyVersion: 'p1' },
      reasons: [{ ruleId: 'age-known', effect: 'unknown', kind: 'age-unknown', isLineageUnread: true }],
    },
  });
  world.advance(DAY_MS);
  await ask(world, look());
  expect(scanned(world)).toEqual([digest]);
  await world.images.recordLineage(digest, { age: { known: true, bornAtEpochMs, decidedBy: digest } });
  await ask(world, look());
  expect(scanned(world)).toEqual([digest, digest]);
});

test('a refused scan is recorded in the ledger', async () => {
  const world = await unreportedWorld();
  world.scanner.enhance(LOCATION);
  await ask(world, look());
  expect(world.images.records.get(digestOf('one'))).toMatchObject({
    ...{ scan: { reason: 'not-in-coverage' }, verdict: { status: 'unknown' } },
  });
  expect(world.wakings.take()).toEqual([looked(LINE)]);
});

describe('a registry with enhanced scanning takes no request for a scan', () => {
  const digest = digestOf('one');
  const inspected: ScanState = {
    state: 'complete',
    completedAtEpochMs: NOW - 20 * DAY_MS,
    coverage: ['os', 'language'],
  };

  /** The head was judged by a result of Amazon Inspector, and another caller claimed a scan of it a day ago. */
  async function judgedWorld(scan: ScanState, verdict: Verdict = COMPLIANT): Promise<PushWorld> {
    const world = await unreportedWorld();
    world.scanner.enhance(LOCATION);
    await ask(world, look());
    world.advance(DAY_MS);
    await world.images.recordJudgement({ digest, scan, verdict, judgedAtEpochMs: world.clock() - 1 });
    return world;
  }

  test('a head that passes by a current Inspector result still passes', async () => {
    const world = await judgedWorld({ ...inspected, state: 'continuous', watchedAtEpochMs: NOW + DAY_MS });
    world.scanner.inspected(LOCATION, digest, NOW - 20 * DAY_MS);
    await ask(world, look());
    world.advance(2 * DAY_MS);
    await ask(world, look());
    expect(world.images.records.get(digest)).toMatchObject({ scan: { state: 'continuous' }, verdict: COMPLIANT });
    expect(world.images.records.get(digest)?.scan.watchedAtEpochMs).toBe(NOW + DAY_MS);
  });

  test('the findings of a head that Inspector monitors are read again if the planner cannot decide by the known ones', async () => {
    const world = await judgedWorld({ ...inspected, state: 'continuous', watchedAtEpochMs: NOW });
    world.scanner.inspected(LOCATION, digest, NOW - 20 * DAY_MS);
    await ask(world, look());
    expect(world.judging.take()).toEqual([]);
    await ask(world, look(LINE, { scansAgain: true }));
    expect(world.judging.take()).toEqual([JSON.stringify({ kind: 'judge', digest })]);
    // The message may be lost: it is sent again until the result was read.
    await handleMessages(portsOf(world), [{ messageId: 'another', body: JSON.stringify(look()) }]);
    expect(world.judging.take()).toEqual([JSON.stringify({ kind: 'judge', digest })]);
  });

  test('a head that Inspector watches, and scanned an hour ago, is read again too if the planner must know', async () => {
    const scan: ScanState = { ...inspected, state: 'continuous', completedAtEpochMs: NOW + DAY_MS - 3_600_000 };
    const world = await judgedWorld({ ...scan, watchedAtEpochMs: NOW + DAY_MS - 3_600_000 });
    world.scanner.inspected(LOCATION, digest, NOW + DAY_MS - 3_600_000);
    await ask(world, look());
    expect(world.judging.take()).toEqual([]);
    await ask(world, look(LINE, { scansAgain: true }));
    expect(world.judging.take()).toEqual([JSON.stringify({ kind: 'judge', digest })]);
  });

  test('a head that passes by an older Inspector result still passes, and the result is recorded as unread', async () => {
    const world = await judgedWorld(inspected);
    world.scanner.inspected(LOCATION, digest, NOW + DAY_MS / 2, { isWatched: false });
    await ask(world, look());
    expect(world.images.records.get(digest)).toMatchObject({ scan: { state: 'stale' }, verdict: COMPLIANT });
  });

  test('after the older result was read no scan is awaited until the next request', async () => {
    const world = await judgedWorld(inspected);
    const completedAtEpochMs = NOW + DAY_MS / 2;
    world.scanner.inspected(LOCATION, digest, completedAtEpochMs, { isWatched: false });
    await ask(world, look());
    const head = () => {
      const known = world.images.records.get(digest);
      if (!known) throw new Error('there is no head');
      return known;
    };
    expect(isScanOpen(head())).toBe(true);
    world.advance(1);
    const reading = { outcome: 'complete', completedAtEpochMs, findings: [] } as const;
    const scan = stateAfterReading(head().scan, reading, world.clock());
    await world.images.recordJudgement({ digest, scan, verdict: COMPLIANT, judgedAtEpochMs: world.clock() });
    expect(head().scan).toMatchObject({ state: 'complete', completedAtEpochMs, requestedAtEpochMs: NOW + DAY_MS });
    expect(isScanOpen(head())).toBe(false);
    world.advance(DAY_MS);
    await world.images.claimScan(digest, { runId: 'later', atEpochMs: world.clock(), notSinceEpochMs: world.clock() });
    expect(isScanOpen(head())).toBe(true);
  });

  test('a head that Inspector does not list any more passes no longer', async () => {
    const world = await judgedWorld({ ...inspected, completedAtEpochMs: NOW - DAY_MS / 2 });
    await ask(world, look());
    expect(world.images.records.get(digest)).toMatchObject({
      scan: { state: 'off', reason: 'not-in-coverage' },
      verdict: { status: 'unknown' },
    });
  });

  test('if the configuration cannot be read, the refused request leaves a result of Inspector valid', async () => {
    const world = await judgedWorld(inspected);
    world.scanner.covers(LOCATION, digest, { status: 'ACTIVE', reason: 'PENDING_INITIAL_SCAN' });
    world.scanner.scanning = async () => undefined;
    await ask(world, look());
    expect(world.images.records.get(digest)).toMatchObject({
      scan: { state: 'off', reason: 'enhanced', completedAtEpochMs: inspected.completedAtEpochMs },
      verdict: COMPLIANT,
    });
  });

  test('a verdict that is written between the request and its refusal stays', async () => {
    const violating: Verdict = { ...COMPLIANT, status: 'violating' };
    const world = await judgedWorld({ ...inspected, completedAtEpochMs: NOW - DAY_MS / 2 });
    const rejudged = { ...violating, policyVersion: 'p2' };
    const { scan } = world.images.records.get(digest) ?? {};
    await world.refreshes.send([look()]);
    await answerRefreshes(world, {
      after: async (step) => {
        if (step !== 'images.claimScan' || !scan) return;
        await world.images.recordJudgement({ digest, scan, verdict: rejudged, judgedAtEpochMs: world.clock() });
      },
    });
    expect(world.images.records.get(digest)).toMatchObject({ scan: { reason: 'not-in-coverage' }, verdict: rejudged });
  });
});

test('a refusal by the registry is recorded, its heads stay unknown, and the message is done', async () => {
  const world = await unreportedWorld();
  world.registry.deny(LOCATION);
  expect(await ask(world, look(), look(LTS, { digest: digestOf('old') }))).toMatchObject({ failed: [] });
  expect(await headOf(world)).toBeUndefined();
  expect(await historyOf(world)).toMatchObject({ refreshRefusedAtEpochMs: world.clock() });
  expect(await historyOf(world)).not.toHaveProperty('headReadAtEpochMs');
  expect(world.wakings.take()).toEqual([looked(LINE)]);
});

test('a throttled registry is read at the redelivery, and the others are read now', async () => {
  const world = await unreportedWorld();
  const busy = { ...LOCATION, repository: 'team/busy' };
  const line = LINE.replace('team/web', 'team/busy');
  pushed(world, { name: 'busy', tag: 'v1', location: busy });
  const images = world.registry.images.bind(world.registry);
  jest.spyOn(world.registry, 'images').mockImplementationOnce(() => {
    throw new Error('throttled');
  });
  const { failed } = await ask(world, look(line), look(line), look());
  expect(failed.map(({ messageId }) => messageId)).toEqual(['m0', 'm1']);
  expect(world.wakings.take()).toEqual([looked(LINE)]);
  jest.spyOn(world.registry, 'images').mockImplementation(images);
  expect(await answerRefreshes(world)).toMatchObject({ refreshes: 2, failed: [] });
  expect(world.wakings.take()).toEqual([looked(line)]);
});

test.each([
  ['a stream that is none', { stream: 'team/web' }, 'stream'],
  ['a digest that is none', { digest: 'sha256:short' }, 'digest'],
  ['a field too many', { tag: 'v1' }, 'tag'],
  ['another kind', { kind: 'glance' }, 'kind'],
])('%s is set aside, with the reason', async (_, change, field) => {
  const world = await unreportedWorld();
  const body = JSON.stringify({ ...look(), ...change });
  expect(await handleMessages(portsOf(world), messages([body]))).toMatchObject({
    setAside: 1,
    refreshes: 0,
    failed: [],
  });
  expect(world.deadLetters.letters).toEqual([{ body, reason: expect.stringContaining(field) }]);
});

test('killed at any call, the redelivered message leaves the same ledger and wakes the planner', async () => {
  const after = async (turns: Turns) => {
    const world = await unreportedWorld();
    await world.refreshes.send([look(), look(LTS)]);
    const bodies = world.refreshes.take();
    const first = await handleMessages(portsOf(world, turns), messages(bodies)).catch((error: unknown) => error);
    const isFailed = first instanceof CrashError || (first as { failed: unknown[] }).failed.length > 0;
    if (isFailed) await handleMessages(portsOf(world), messages(bodies));
    const woken = new Set(world.wakings.take());
    return { isFailed, left: { ...dump(world), woken, history: await historyOf(world), scanned: scanned(world) } };
  };
  const counting = crashAt(Number.POSITIVE_INFINITY);
  const { left: expected } = await after(counting);
  expect(counting.steps).toEqual(expect.arrayContaining(['guards.change', 'planner.send', 'scanner.start']));
  for (let at = 0; at < counting.steps.length; at += 1) {
    for (const side of ['before', 'after'] as const) {
      const { isFailed, left } = await after(crashAt(at, side));
      expect([at, side, isFailed]).toEqual([at, side, true]);
      expect({ ...left, scanned: [...new Set(left.scanned)] }).toEqual(expected);
    }
  }
});

describe('a head whose scan has ended', () => {
  const WITHOUT_POLICY: Verdict = {
    status: 'unknown',
    reasons: [{ ruleId: 'policy-readable', effect: 'unknown', kind: 'policy' }],
    policyVersion: 'built-in',
  };
  const digest = digestOf('one');
  const toJudge = JSON.stringify({ kind: 'judge', digest });
  const OVER_QUOTA = { outcome: 'refused', state: 'off', reason: 'quota-or-scanned', detail: 'no more today' } as const;

  /** Scanned as it was asked for, and judged a minute later. */
  async function judgedWorld(verdict: Verdict): Promise<PushWorld> {
    const world = await unreportedWorld();
    await ask(world, look());
    world.advance(60_000);
    const judgedAtEpochMs = world.clock();
    const scan: ScanState = { state: 'complete', coverage: ['os'], completedAtEpochMs: judgedAtEpochMs };
    await world.images.recordJudgement({ digest, scan, verdict, judgedAtEpochMs });
    return world;
  }

  const lookAgain = (world: PushWorld) =>
    handleMessages(portsOf(world), [{ messageId: 'another', body: JSON.stringify(look()) }]);

  test('that was judged without a readable policy is judged again, without another scan', async () => {
    const world = await judgedWorld(WITHOUT_POLICY);
    await lookAgain(world);
    expect([world.judging.take(), scanned(world)]).toEqual([[toJudge], [digest]]);
  });

  test('whose facts changed after its verdict is judged again, without another scan', async () => {
    const world = await judgedWorld(COMPLIANT);
    const known = world.images.records.get(digest);
    if (!known) throw new Error('a look records the head');
    await world.images.recordProperties({ ...propertiesIn(known), owner: 'somebody-else' });
    await lookAgain(world);
    expect([world.judging.take(), scanned(world)]).toEqual([[toJudge], [digest]]);
  });

  test.each([
    ['the age is known', { age: { known: true, bornAtEpochMs: NOW, decidedBy: digest } } as const],
    ['the age is unknown', { age: { known: false, unknown: [digest] } } as const],
  ])('and whose facts changed is judged again after a refused request: %s', async (_, lineage) => {
    const world = await judgedWorld(COMPLIANT);
    await world.images.recordLineage(digest, lineage);
    world.scanner.start = async () => OVER_QUOTA;
    world.advance(DAY_MS);
    await lookAgain(world);
    const { scan, verdict } = world.images.records.get(digest) ?? {};
    expect([scan?.reason, verdict?.status]).toEqual(['quota-or-scanned', 'unknown']);
    expect(world.judging.take()).toEqual([toJudge]);
  });

  test('and whose message to judge it was lost after a refused request is judged by the next look', async () => {
    const world = await judgedWorld(COMPLIANT);
    await world.images.recordLineage(digest, { age: { known: true, bornAtEpochMs: NOW, decidedBy: digest } });
    world.scanner.start = async () => OVER_QUOTA;
    world.advance(DAY_MS);
    await lookAgain(world);
    world.judging.take();
    await lookAgain(world);
    expect(world.judging.take()).toEqual([toJudge]);
  });

  test('that is judged is unchanged', async () => {
    const world = await judgedWorld(COMPLIANT);
    await lookAgain(world);
    expect([world.judging.take(), scanned(world)]).toEqual([[], [digest]]);
  });

  test('is not judged before its next scan has ended', async () => {
    const world = await judgedWorld(WITHOUT_POLICY);
    const atEpochMs = world.clock() + 1;
    await world.images.claimScan(digest, { runId: 'run-1', atEpochMs, notSinceEpochMs: atEpochMs });
    await lookAgain(world);
    expect(world.judging.take()).toEqual([]);
  });
});

test('without a readable policy the repository is read, and its heads are not reported as known', async () => {
  const world = await unreportedWorld();
  const { version, policy } = await world.policies.current();
  world.policies.lose(version);
  expect(await ask(world, look(), look(LINE, { digest: digestOf('one') }))).toMatchObject({ refreshes: 2, failed: [] });
  expect(await world.places.locations(digestOf('one'))).toMatchObject([{ location: LOCATION, tags: ['v1'] }]);
  expect([await headOf(world), await historyOf(world)]).toEqual([undefined, undefined]);
  expect([world.wakings.take(), scanned(world)]).toEqual([[], []]);
  await world.policies.publish(policy, { replaces: version });
  await ask(world, look());
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('one') } });
  expect(world.images.records.get(digestOf('one'))).toMatchObject({ tier: 'application', stream: LINE });
});

describe('a repository with many images', () => {
  /** So many images of a release line, the oldest first. */
  async function manyWorld(images: number): Promise<PushWorld> {
    const world = await pushWorld();
    for (let n = 0; n < images; n += 1) pushed(world, { name: `build ${n}`, tag: `v${n}`, atSeconds: n - images });
    return world;
  }
  const head = (name: string) => ({ images: { 'linux/arm64': digestOf(name) } });

  test('the newest images of each release line are read, and nothing is written about the others', async () => {
    const world = await manyWorld(300);
    for (let n = 0; n < 70; n += 1) pushed(world, { name: `lts ${n}`, tag: `lts-${n}`, atSeconds: n - 9000 });
    for (let n = 0; n < 70; n += 1) pushed(world, { name: `branch ${n}`, tag: `branch-${n}` });
    pushed(world, { name: 'untagged' });
    expect(await ask(world, look(), look(LTS))).toMatchObject({ failed: [] });
    expect([await headOf(world), await headOf(world, LTS)]).toEqual([head('build 299'), head('lts 69')]);
    const read = [...world.registry.asked.keys()].sort();
    const newest = Array.from({ length: 50 }, (_, n) => [`build ${299 - n}`, `lts ${69 - n}`]).flat();
    expect(read).toEqual(newest.map(digestOf).sort());
    expect(await world.places.locations(digestOf('build 249'))).toEqual([]);
  });

  test('a refresh downloads only the configs of the newest images', async () => {
    const world = await manyWorld(3000);
    const config = jest.spyOn(world.registry, 'config');
    const { failed } = await ask(world, look());
    expect(failed).toEqual([]);
    expect(config).toHaveBeenCalledTimes(50);
  });

  test('an earlier head stays the head of its platform after many pushes for others', async () => {
    const world = await pushWorld();
    await handleMessages(
      portsOf(world),
      messages([pushed(world, { name: 'old', tag: 'v0', atSeconds: -9000, platform: 'linux/amd64' })]),
    );
    for (let n = 0; n < 60; n += 1) pushed(world, { name: `build ${n}`, tag: `v1.${n}`, atSeconds: n - 60 });
    await ask(world, look());
    expect(await headOf(world)).toEqual({
      images: { 'linux/amd64': digestOf('old'), 'linux/arm64': digestOf('build 59') },
    });
    world.registry.delete(LOCATION, digestOf('old'));
    await ask(world, look());
    expect(await headOf(world)).toEqual(head('build 59'));
  });

  test('an old image with the head tag is the head, also without an event', async () => {
    const world = await manyWorld(300);
    await ask(world, look());
    expect(await headOf(world)).toEqual(head('build 299'));
    world.advance(DAY_MS);
    pushed(world, { name: 'build 3', tag: 'v299' });
    await ask(world, look());
    expect(await headOf(world)).toEqual(head('build 3'));
  });

  test('the images of a new index are known with their own push', async () => {
    const world = await manyWorld(60);
    pushed(world, { name: 'amd64', platform: 'linux/amd64', isUndated: true });
    pushed(world, { name: 'arm64', platform: 'linux/arm64', isUndated: true });
    const children = { 'linux/amd64': 'amd64', 'linux/arm64': 'arm64' } as const;
    pushed(world, { name: 'index', tag: 'v99', children });
    await ask(world, look());
    expect(await headOf(world)).toMatchObject({ index: digestOf('index') });
    expect(world.images.records.get(digestOf('amd64'))).toMatchObject({
      birth: { known: true, bornAtEpochMs: world.clock() },
    });
  });

  test('a refresh that runs out of time is redelivered and downloads nothing twice', async () => {
    const world = await manyWorld(60);
    let downloads = 0;
    const before = (step: string): void => {
      if (step !== 'registry.config') return;
      downloads += 1;
      world.advance(1);
    };
    const endsAtEpochMs = world.clock() + 20;
    await world.refreshes.send([look()]);
    const bodies = world.refreshes.take();
    const { failed } = await handleMessages({ ...portsOf(world, { before }), endsAtEpochMs }, messages(bodies));
    expect(failed).toMatchObject([{ messageId: 'm0', error: { name: 'RepositoryUnfinishedError' } }]);
    expect([world.wakings.take(), await headOf(world)]).toEqual([[], undefined]);
    expect(downloads).toBeLessThan(30);
    expect(await handleMessages(portsOf(world, { before }), messages(bodies))).toMatchObject({ failed: [] });
    expect(await headOf(world)).toEqual(head('build 59'));
    expect(downloads).toBe(50);
  });
});

describe('an image for whose verdict somebody waits', () => {
  const judges = (name: string) => look(LINE, { digest: digestOf(name), judges: true });

  test('is scanned, placed and judged, although it is no head', async () => {
    const world = await unreportedWorld();
    pushed(world, { name: 'bare' });
    await ask(world, judges('bare'));
    expect(scanned(world)).toEqual([digestOf('bare')]);
    expect(world.following.take()).toEqual([JSON.stringify({ kind: 'place', digest: digestOf('bare') })]);
    expect(world.judging.take()).toEqual([JSON.stringify({ kind: 'judge', digest: digestOf('bare') })]);
    expect([world.wakings.take(), await historyOf(world)]).toEqual([[], undefined]);
  });

  test('has one scan a day, however often it is requested, and is judged each time', async () => {
    const world = await unreportedWorld();
    pushed(world, { name: 'bare' });
    for (let minutes = 0; minutes < 30; minutes += 5) {
      await ask(world, judges('bare'));
      world.advance(5 * 60_000);
    }
    expect(scanned(world)).toHaveLength(1);
    expect(world.judging.take()).toHaveLength(6);
  });

  test('is scanned once the registry takes requests again, also on the same day', async () => {
    const world = await unreportedWorld();
    pushed(world, { name: 'bare' });
    world.scanner.limit(LOCATION, 0);
    await ask(world, judges('bare'));
    expect(world.images.records.get(digestOf('bare'))?.scan).toMatchObject({ reason: 'quota-or-scanned' });
    world.scanner.limit(LOCATION, 10);
    world.advance(5 * 60_000);
    // A message of its own: only the same one may repeat a request.
    await handleMessages(portsOf(world), [{ messageId: 'another', body: JSON.stringify(judges('bare')) }]);
    expect(scanned(world)).toEqual([digestOf('bare')]);
  });

  test('gets none in a repository that no rule names, and no record', async () => {
    const world = await unreportedWorld();
    pushed(world, { name: 'bare', location: { ...LOCATION, repository: 'others/web' } });
    const stream = '111122223333/eu-west-1/others/web:^v1$';
    expect(await ask(world, look(stream, { digest: digestOf('bare'), judges: true }))).toMatchObject({ failed: [] });
    expect([world.images.records.size, world.judging.isEmpty, scanned(world)]).toEqual([0, true, []]);
    expect(logger.warn).toHaveBeenCalledWith(expect.stringContaining('others/web'));
  });

  test('is each image of an index', async () => {
    const world = await unreportedWorld();
    pushed(world, { name: 'arm', platform: 'linux/arm64' });
    pushed(world, { name: 'amd', platform: 'linux/amd64' });
    pushed(world, { name: 'both', children: { 'linux/arm64': 'arm', 'linux/amd64': 'amd' } });
    await ask(world, judges('both'));
    expect(scanned(world)).toEqual([digestOf('arm'), digestOf('amd')].sort());
    expect(world.judging.take()).toHaveLength(2);
  });

  test('is not scanned again once it has its lineage and a verdict', async () => {
    const world = await unreportedWorld();
    pushed(world, { name: 'bare' });
    await ask(world, judges('bare'));
    world.following.take();
    const image = world.images.records.get(digestOf('bare'));
    if (!image) throw new Error('not recorded');
    await world.images.recordLineage(image.digest, alone(image));
    const scan: ScanState = { state: 'complete', completedAtEpochMs: world.clock(), coverage: ['os'] };
    const judged = { digest: image.digest, scan, verdict: COMPLIANT, judgedAtEpochMs: world.clock() };
    await world.images.changeJudgement(image.digest, () => judged);
    await ask(world, judges('bare'));
    expect([scanned(world).length, world.following.take()]).toEqual([1, []]);
  });

  test('gets no record and no place while its registry cannot be read', async () => {
    const world = await unreportedWorld();
    pushed(world, { name: 'bare' });
    world.registry.deny(LOCATION);
    const before = dump(world);
    expect(await ask(world, judges('bare'))).toMatchObject({ failed: [] });
    expect([dump(world), world.judging.isEmpty, scanned(world)]).toEqual([before, true, []]);
  });

  test('is judged again if its registry cannot be read since', async () => {
    const world = await unreportedWorld();
    pushed(world, { name: 'bare' });
    await ask(world, judges('bare'));
    world.judging.take();
    world.registry.deny(LOCATION);
    expect(await ask(world, judges('bare'))).toMatchObject({ failed: [] });
    expect(world.judging.take()).toEqual([JSON.stringify({ kind: 'judge', digest: digestOf('bare') })]);
  });

  test('gets no record where the registry neither shows nor denies it', async () => {
    const world = await unreportedWorld();
    jest.spyOn(world.registry, 'manifests').mockImplementation(async (_, digests) => ({
      found: [],
      missing: digests.map((digest) => ({ digest, code: 'UpstreamUnavailable', detail: 'try again' })),
    }));
    const ports = { ...portsOf(world), registry: world.registry };
    expect(await handleMessages(ports, messages([JSON.stringify(judges('bare'))]))).toMatchObject({ failed: [] });
    expect(world.images.records.has(digestOf('bare'))).toBe(false);
  });
});
