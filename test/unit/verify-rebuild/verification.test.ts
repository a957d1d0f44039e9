import { jest } from '@jest/globals';
import { check } from '../../../functions/verify-rebuild/check.ts';
import { findOutput } from '../../../functions/verify-rebuild/find-output.ts';
import { scanImages } from '../../../functions/verify-rebuild/scan-images.ts';
import { factKey } from '../../../shared/domain/cause/cause.ts';
import type { Rebuild, RebuildOutcome } from '../../../shared/domain/cause/rebuild.ts';
import { policySchema } from '../../../shared/domain/policy/policy.ts';
import { propertiesIn } from '../../../shared/domain/verdict/image-updates.ts';
import type { Verdict } from '../../../shared/domain/verdict/verdict.ts';
import { judgeImages } from '../../../shared/judging/judge-images.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { RegistryUnreachableError } from '../../../shared/ports/errors.ts';
import { readAnywhere } from '../../../shared/scanning/read.ts';
import { parse } from '../../../shared/schema.ts';
import { digestOf, imageProperties } from '../../support/samples.ts';
import { ageFact } from '../domain/rollout/acting.ts';
import { answerRefreshes } from '../registry-events/support.ts';
import {
  causeOf,
  FIXED,
  finding,
  LIMITS,
  LOCATION,
  MINUTE_MS,
  NEW,
  OLD,
  policyOf,
  portsOf,
  push,
  pushIndex,
  REBUILD,
  rebuildOf,
  STEP,
  STREAM,
  VerifyMachine,
  type VerifyWorld,
  verifyWorld,
} from './support.ts';

const FOUND = { build: { state: 'succeeded', outputDigest: NEW } } as const;

/** What was built is pushed, as the head, and its scan goes on. */
async function scanning(findings: Parameters<VerifyWorld['scanner']['finds']>[1] = []) {
  const world = await verifyWorld({ changes: FOUND });
  push(world, 'new', { tags: ['22'] });
  world.scanner.finds(NEW, findings);
  const machine = await new VerifyMachine(world).run('check');
  await machine.step();
  return { world, machine };
}

const zlib = finding('CVE-2026-9', { package: 'zlib', version: '1.0' });

test.each([
  ['nothing is left', [], { result: 'fixed' }],
  ['a finding is left that is no fact of the cause', [zlib], { result: 'fixed' }],
  ['what it was to fix is left', [finding('CVE-2026-1')], { result: 'ineffective', left: [FIXED] }],
  [
    'it is left in another version of the package',
    [finding('CVE-2026-1', { version: '3.0.2' })],
    { result: 'ineffective', left: [FIXED] },
  ],
  [
    'a package that it changed has a new flaw',
    [finding('CVE-2026-2', { version: '3.1.0' })],
    { result: 'worse', added: [expect.objectContaining({ vulnerability: 'CVE-2026-2', version: '3.1.0' })] },
  ],
] as const)('the outcome where %s', async (_, findings, outcome) => {
  const { world, machine } = await scanning(findings);
  await machine.step();
  expect(machine.state).toBe('check');
  world.scanner.finish();
  await machine.run();
  expect((await rebuildOf(world)).outcome).toEqual(outcome);
  expect(world.scanner.started.filter(({ digest }) => digest === NEW)).toHaveLength(1);
});

test('a vulnerability that was published during the rebuild is a new cause, and no verdict on it', async () => {
  const { world, machine } = await scanning([finding('CVE-2026-7')]);
  world.scanner.finish();
  await machine.run();
  expect((await rebuildOf(world)).outcome).toEqual({
    result: 'fixed',
    alsoFound: [expect.objectContaining({ vulnerability: 'CVE-2026-7', package: 'openssl', version: '3.0.1' })],
  });
  expect(await causeOf(world)).toMatchObject({
    state: 'open',
    facts: [{ vulnerability: 'CVE-2026-1' }, { vulnerability: 'CVE-2026-7' }, { vulnerability: 'CVE-2026-9' }],
  });
});

test.each<[string, Partial<Rebuild>, RebuildOutcome]>([
  [
    'is left if streams built on it need it fixed',
    { factsOfOthers: [factKey(FIXED)] },
    { result: 'ineffective', left: [FIXED] },
  ],
  ['is fixed for the stream itself', {}, { result: 'fixed' }],
])('a finding that a waiver covers in the output %s', async (_, changes, outcome) => {
  const world = await verifyWorld({ changes: { ...FOUND, ...changes } });
  const waiver = {
    ...{ id: 'accepted', finding: 'CVE-2026-1', reason: 'not reachable', author: 'security@example.com' },
    ...{ created: '2026-11-01', expires: '2026-12-01', scope: { repositories: ['team/base'] } },
  };
  await world.policies.publish(parse(policySchema, { ...policyOf(false), waivers: [waiver] }), {
    replaces: world.policyVersion,
  });
  push(world, 'new', { tags: ['22'] });
  world.scanner.finds(NEW, [finding('CVE-2026-1')]);
  const machine = await new VerifyMachine(world).run('check');
  await machine.step();
  world.scanner.finish();
  await machine.run();
  expect((await rebuildOf(world)).outcome).toEqual(outcome);
});

test('a scan that never completes leaves the rebuild unverified, at the deadline', async () => {
  const { world, machine } = await scanning();
  const since = (await rebuildOf(world)).verifyingSinceEpochMs ?? 0;
  await machine.run();
  // A machine waits for whole seconds.
  const lateMs = world.clock() - (since + 120 * MINUTE_MS);
  expect(lateMs).toBeGreaterThanOrEqual(0);
  expect(lateMs).toBeLessThan(1000);
  const reason = expect.stringMatching(/^no complete scan and verdict for sha256:.* by 2026-11-24T05:10:00/);
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'unverified', reason, isUnscanned: true });
});

describe('a finding in a language package', () => {
  const LANGUAGE = { ...FIXED, packageKind: 'language' as const };
  async function scanned() {
    const world = await verifyWorld({ changes: { ...FOUND, facts: [LANGUAGE] } });
    push(world, 'new', { tags: ['22'] });
    world.scanner.completesAtOnce = true;
    const machine = await new VerifyMachine(world).run('check');
    await machine.step();
    await machine.step();
    expect([machine.state, (await rebuildOf(world)).outcome]).toEqual(['check', undefined]);
    return { world, machine };
  }

  test('is never fixed by basic scanning, which cannot see it', async () => {
    const { world, machine } = await scanned();
    await machine.run();
    const reason = expect.stringMatching(/^the scan of .* covers only packages of the operating system, .* Inspector/);
    const uncovered = [expect.stringMatching(/^sha256:/)];
    expect((await rebuildOf(world)).outcome).toEqual({ result: 'unverified', reason, isUnscanned: true, uncovered });
  });

  test.each([
    ['fixed', 'does not find it', [], { result: 'fixed' }],
    [
      'left',
      'finds it',
      [finding('CVE-2026-1', { isLanguagePackage: true })],
      { result: 'ineffective', left: [LANGUAGE] },
    ],
  ] as const)(
    'is %s if Amazon Inspector scans a copy of the output meanwhile and %s',
    async (_, __, findings, outcome) => {
      const { world, machine } = await scanned();
      const copies = { ...LOCATION, region: 'us-east-1' };
      world.scanner.enhance(copies).inspected(copies, NEW, world.clock(), { findings });
      const image = world.images.records.get(NEW);
      if (!image) throw new Error('the output is not recorded');
      await world.images.recordProperties({ ...propertiesIn(image), locations: [LOCATION, copies] });
      await machine.run();
      expect((await rebuildOf(world)).outcome).toEqual(outcome);
    },
  );

  test('is known if the registry switched to basic scanning after Amazon Inspector scanned the output', async () => {
    const world = await verifyWorld({ changes: { ...FOUND, facts: [LANGUAGE] } });
    push(world, 'new', { tags: ['22'] });
    world.scanner.enhance(LOCATION);
    const machine = await new VerifyMachine(world).run('check');
    world.scanner.inspected(LOCATION, NEW, world.clock());
    const image = world.images.records.get(NEW);
    if (!image) throw new Error('the output is not recorded');
    await scanImages(portsOf(world), { asker: 'review', sinceEpochMs: world.clock() }, [image]);
    world.scanner.configure(LOCATION, { type: 'basic', rules: [] });
    world.scanner.completesAtOnce = true;
    await machine.run();
    expect((await rebuildOf(world)).outcome).toEqual({ result: 'fixed' });
  });
});

test('an age that no review could read leaves it unverified at once, and names the registry', async () => {
  const registry = '555566667777/eu-west-1';
  const world = await verifyWorld({ changes: { ...FOUND, facts: [ageFact], unreadRegistries: [registry] } });
  push(world, 'new', { tags: ['22'] });
  world.scanner.finds(NEW, []);
  const machine = await new VerifyMachine(world).run('check');
  await machine.step();
  world.scanner.finish();
  const since = world.clock();
  await machine.run();
  expect(world.clock() - since).toBeLessThan(10 * MINUTE_MS);
  const reason = expect.stringMatching(`^the lineage of the new image is not complete: .*${registry}`);
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'unverified', reason, isLineageUnread: true });
});

test('a scan that runs for a day has stopped, and is requested again', async () => {
  const { world } = await scanning();
  const sinceEpochMs = world.clock();
  const starts = () => world.scanner.started.filter(({ digest }) => digest === NEW).length;
  const ask = async () => {
    const image = world.images.records.get(NEW);
    return image ? scanImages(portsOf(world), { asker: 'later', sinceEpochMs }, [image]) : [];
  };
  const before = starts();
  world.advance(23 * 60 * MINUTE_MS);
  expect([await ask(), starts()]).toEqual([[NEW], before]);
  world.advance(2 * 60 * MINUTE_MS);
  expect([await ask(), starts()]).toEqual([[NEW], before + 1]);
  expect([await ask(), starts()]).toEqual([[NEW], before + 1]);
});

describe('without any possible scan it ends at once', () => {
  const endedWithin = async (world: VerifyWorld, machine: VerifyMachine, ms: number) => {
    const since = world.clock();
    await machine.run();
    expect(world.clock() - since).toBeLessThan(ms);
    return (await rebuildOf(world)).outcome;
  };
  const deleted = `111122223333/eu-west-1/team/base no longer has ${NEW}`;

  test('the output was deleted while it was scanned', async () => {
    const { world, machine } = await scanning();
    world.registry.delete(LOCATION, NEW);
    expect(await endedWithin(world, machine, MINUTE_MS)).toEqual({ result: 'unverified', reason: deleted });
  });

  test('the output was deleted before it was recorded', async () => {
    const world = await verifyWorld({ changes: FOUND });
    push(world, 'new', { tags: ['22'] });
    const machine = new VerifyMachine(world);
    await findOutput(portsOf(world), LIMITS, STEP);
    world.registry.delete(LOCATION, NEW);
    expect(await endedWithin(world, machine, MINUTE_MS)).toEqual({ result: 'unverified', reason: deleted });
  });

  test('one image of an index was deleted', async () => {
    const world = await verifyWorld({ changes: { build: { state: 'succeeded', outputDigest: digestOf('index') } } });
    push(world, 'new');
    push(world, 'amd', { platform: 'linux/amd64' });
    pushIndex(world, 'index', { new: 'linux/arm64', amd: 'linux/amd64' }, ['22']);
    const machine = await new VerifyMachine(world).run('check');
    await machine.step();
    world.registry.delete(LOCATION, NEW);
    expect(await endedWithin(world, machine, MINUTE_MS)).toMatchObject({ result: 'unverified', reason: deleted });
  });

  test('no scanner can read it', async () => {
    const { world, machine } = await scanning();
    const detail = 'UNSUPPORTED_IMAGE: no package database';
    world.scanner.refuses(NEW, { state: 'unsupported', reason: 'unsupported-image', detail });
    world.scanner.finish();
    expect(await endedWithin(world, machine, MINUTE_MS)).toEqual({
      result: 'unverified',
      reason: `no scanner can read ${NEW}: ${detail}`,
    });
  });

  test('not if the registry cannot be read now: its answer is awaited', async () => {
    const { world, machine } = await scanning();
    world.registry.delete(LOCATION, NEW);
    await machine.step({
      before: (step) => {
        if (step === 'registry.manifests') throw new RegistryUnreachableError(LOCATION, new Error('AccessDenied'));
      },
    });
    expect(machine.state).toBe('check');
    expect(await endedWithin(world, machine, MINUTE_MS)).toMatchObject({ reason: deleted });
  });

  test('not if the scanner does not find an image that the registry has', async () => {
    const { world, machine } = await scanning();
    world.scanner.refuses(NEW, { state: 'failed', reason: 'image-not-found', detail: 'ImageNotFoundException' });
    world.scanner.finish();
    await machine.step();
    await machine.step();
    expect(machine.state).toBe('check');
  });
});

/** A scan has just been asked for, and runs. */
async function justAsked({ isPlaced = true } = {}): Promise<VerifyWorld> {
  const world = await verifyWorld({ changes: FOUND });
  push(world, 'new', { tags: ['22'] });
  world.scanner.finds(NEW, []);
  await new VerifyMachine(world).run('check');
  const age = { known: true, bornAtEpochMs: world.clock(), decidedBy: NEW } as const;
  if (isPlaced) await world.images.recordLineage(NEW, { age });
  return world;
}

test('a short scan causes no wait of the state machine', async () => {
  const world = await justAsked();
  const sleep = async (ms: number) => {
    world.advance(ms);
    world.scanner.scanned(LOCATION, NEW, world.clock());
  };
  expect(await check({ ...portsOf(world), sleep }, LIMITS, STEP)).toMatchObject({ decision: 'ended' });
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'fixed' });
});

test('a check reads the policy in force once, however often it looks for the scan', async () => {
  const world = await justAsked();
  const steps: string[] = [];
  await check(portsOf(world, { before: (step) => void steps.push(step) }), LIMITS, STEP);
  expect(steps.filter((step) => step === 'scanner.read').length).toBeGreaterThan(1);
  expect(steps.filter((step) => step === 'policies.current')).toHaveLength(1);
});

test('an image without lineage is checked again only after the state machine has it placed', async () => {
  const world = await justAsked({ isPlaced: false });
  const before = world.clock();
  expect(await check(portsOf(world), LIMITS, STEP)).toMatchObject({ decision: 'wait' });
  expect(world.clock()).toBe(before);
});

test('a scan that takes longer is waited for by the machine, two seconds after its verification began at the latest', async () => {
  const world = await justAsked();
  const since = (await rebuildOf(world)).verifyingSinceEpochMs ?? 0;
  expect(await check(portsOf(world), LIMITS, STEP)).toEqual({ decision: 'wait', waitSeconds: LIMITS.pollSeconds });
  expect(world.clock()).toBeGreaterThan(since);
  expect(world.clock()).toBeLessThanOrEqual(since + 2000);
  world.advance(2000);
  const before = world.clock();
  expect(await check(portsOf(world), LIMITS, STEP)).toMatchObject({ decision: 'wait' });
  expect(world.clock()).toBe(before);
});

test('an image that no scanner can read leaves it unverified', async () => {
  const world = await verifyWorld({ changes: FOUND });
  push(world, 'new', { tags: ['22'] });
  world.scanner.enhance(LOCATION);
  await new VerifyMachine(world).run();
  expect((await rebuildOf(world)).outcome).toMatchObject({ result: 'unverified' });
});

test('an output that Amazon Inspector monitors is judged by its findings, at any age of its scan', async () => {
  const world = await verifyWorld({ changes: FOUND });
  push(world, 'new', { tags: ['22'] });
  world.scanner.enhance(LOCATION).inspected(LOCATION, NEW, world.clock() - 3 * 24 * 3_600_000);
  await new VerifyMachine(world).run();
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'fixed' });
  expect(world.images.records.get(NEW)?.scan).toMatchObject({ state: 'continuous' });
});

test('a scan on push that ended before the image was known needs no event and no request', async () => {
  const world = await verifyWorld({ changes: FOUND });
  push(world, 'new', { tags: ['22'] });
  world.scanner.finds(NEW, []).scanned(LOCATION, NEW, world.clock());
  const before = world.scanner.started.length;
  await new VerifyMachine(world).run();
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'fixed' });
  expect(world.scanner.started).toHaveLength(before);
  expect(world.images.records.get(NEW)?.scan).not.toHaveProperty('requestedAtEpochMs');
});

test('a scan just requested by a review is not repeated; a refused one is', async () => {
  const world = await verifyWorld({ changes: FOUND });
  push(world, 'new', { tags: ['22'] });
  const machine = new VerifyMachine(world);
  await findOutput(portsOf(world), LIMITS, STEP);
  machine.state = 'check';
  await answerRefreshes(world);
  const atEpochMs = world.clock();
  await world.images.claimScan(NEW, { runId: 'review', atEpochMs, notSinceEpochMs: atEpochMs });
  world.scanner.completesAtOnce = true;
  const before = world.scanner.started.length;
  await machine.run('check');
  await machine.step();
  expect(world.scanner.started).toHaveLength(before);
  const scan = { state: 'off', reason: 'quota-or-scanned', requestedAtEpochMs: atEpochMs, coverage: [] } as const;
  await world.images.recordJudgement({ digest: NEW, scan, verdict: unscanned(world), judgedAtEpochMs: world.clock() });
  await machine.run();
  expect(world.scanner.started).toHaveLength(before + 1);
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'fixed' });
});

const unscanned = ({ policyVersion }: VerifyWorld): Verdict => ({
  status: 'unknown',
  reasons: [{ ruleId: 'scan-required', effect: 'unknown', kind: 'scan', state: 'off' }],
  policyVersion,
});

test('if the quota of the registry is used up today, a result of yesterday counts', async () => {
  const world = await verifyWorld({ changes: { build: { state: 'succeeded', outputDigest: OLD } } });
  world.advance(26 * 60 * MINUTE_MS);
  await world.images.recordProperties({
    ...imageProperties('old', { stream: STREAM, locations: [LOCATION] }),
    owner: 'another',
  });
  world.scanner.limit(LOCATION, 0);
  const since = world.clock();
  await new VerifyMachine(world).run();
  expect((await rebuildOf(world)).outcome).toMatchObject({ result: 'ineffective' });
  expect(world.clock() - since).toBeLessThan(MINUTE_MS);
});

test('a registry that could not be read at the scan request is read again at the check', async () => {
  const world = await verifyWorld({ changes: FOUND });
  push(world, 'new', { tags: ['22'] });
  world.scanner.completesAtOnce = true;
  const machine = new VerifyMachine(world);
  await findOutput(portsOf(world), LIMITS, STEP);
  machine.state = 'check';
  const warned = jest.spyOn(logger, 'warn').mockImplementation(() => undefined);
  await answerRefreshes(world, {
    before: (step) => {
      if (step === 'registry.images') throw new RegistryUnreachableError(LOCATION, new Error('AccessDenied'));
    },
  });
  expect(warned).toHaveBeenCalledTimes(1);
  jest.restoreAllMocks();
  machine.state = 'check';
  await machine.step();
  expect(world.scanner.started.map(({ digest }) => digest)).not.toContain(NEW);
  await machine.run();
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'fixed' });
});

test('two concurrent checks: the first outcome stays, and both return it', async () => {
  const { world, machine } = await scanning();
  world.advance(120 * MINUTE_MS);
  const outcome = { result: 'fixed' } as const;
  await machine.step({
    before: async (step) => {
      if (step === 'rebuilds.record') await world.rebuilds.record(STREAM, REBUILD, (one) => one && { ...one, outcome });
    },
  });
  expect((await rebuildOf(world)).outcome).toEqual(outcome);
  expect(machine.state).toBe('done');
});

test('an image judged by an event is not read again', async () => {
  const { world, machine } = await scanning();
  world.scanner.finish();
  const image = world.images.records.get(NEW);
  if (!image) throw new Error('the output is not recorded');
  const learn = () => readAnywhere(world.scanner, image.locations, { digest: NEW });
  await judgeImages(portsOf(world), await world.policies.current(), [{ image, learn }]);
  const reads = world.scanner.reads.length;
  await machine.run();
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'fixed' });
  expect(world.scanner.reads).toHaveLength(reads);
});

test('a registry whose quota is used up today is asked again until it takes the scan', async () => {
  const world = await verifyWorld({ changes: FOUND });
  push(world, 'new', { tags: ['22'] });
  world.scanner.limit(LOCATION, 0);
  const machine = await new VerifyMachine(world).run('check');
  await machine.step();
  expect(world.images.records.get(NEW)).toMatchObject({ verdict: { status: 'unknown' } });
  world.scanner.limit(LOCATION, 1000).completesAtOnce = true;
  await machine.run();
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'fixed' });
});

test('every image of an index is judged: one that is not scanned keeps it open, one that is not fixed decides', async () => {
  const world = await verifyWorld({ changes: { build: { state: 'succeeded', outputDigest: digestOf('index') } } });
  push(world, 'new');
  push(world, 'amd', { platform: 'linux/amd64' });
  pushIndex(world, 'index', { new: 'linux/arm64', amd: 'linux/amd64' }, ['22']);
  world.scanner.finds(digestOf('amd'), [finding('CVE-2026-1')]).scanned(LOCATION, NEW, world.clock());
  const machine = await new VerifyMachine(world).run('check');
  await machine.step();
  expect(machine.state).toBe('check');
  expect(world.images.records.get(NEW)).toMatchObject({ scan: { state: 'complete' }, findingsCount: 0 });
  world.scanner.finish();
  await machine.run();
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'ineffective', left: [FIXED] });
});

test("a person's push during the rebuild is the head; what is verified is our own output", async () => {
  const { world, machine } = await scanning();
  push(world, 'theirs', { tags: ['22'] });
  world.scanner.finds(digestOf('theirs'), [finding('CVE-2026-1')]);
  world.scanner.finish();
  await machine.run();
  expect(await rebuildOf(world)).toMatchObject({ output: NEW, outcome: { result: 'fixed' } });
});

test('a build that makes the same image again is judged by the findings of that image', async () => {
  const world = await verifyWorld({ changes: { build: { state: 'succeeded', outputDigest: OLD } } });
  await new VerifyMachine(world).run();
  expect((await rebuildOf(world)).outcome).toMatchObject({ result: 'ineffective', left: [FIXED] });
});

test('heads and facts are recorded with the scan request, without a push event', async () => {
  const { world } = await scanning();
  const head = (await world.streams.streams([STREAM])).get(STREAM)?.head;
  expect(head).toEqual({ images: { 'linux/arm64': NEW } });
  expect(world.images.records.get(NEW)).toMatchObject({ stream: STREAM, isHead: true });
  expect(world.images.records.get(OLD)).toMatchObject({ isHead: false });
});

test('an outcome is final: a repeated step changes nothing', async () => {
  const { world, machine } = await scanning();
  world.scanner.finish();
  await machine.run();
  const before = await rebuildOf(world);
  world.advance(24 * 60 * MINUTE_MS);
  await new VerifyMachine(world).run();
  expect(await rebuildOf(world)).toEqual(before);
});

test('a check before the output is found is refused', async () => {
  const world = await verifyWorld({ changes: { output: NEW } });
  const machine = new VerifyMachine(world);
  machine.state = 'check';
  await expect(machine.step()).rejects.toThrow(`the output of rebuild ${REBUILD} is not found yet`);
});
