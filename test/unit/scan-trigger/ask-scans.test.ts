import { checkScans } from '../../../functions/fleet-review/check-scans.ts';
import { firstProgress } from '../../../functions/fleet-review/plan-scans.ts';
import { findingSource } from '../../../functions/policy-evaluation/finding-source.ts';
import { type AskLimits, askScans } from '../../../functions/scan-trigger/ask-scans.ts';
import type { ScanTriggerInput } from '../../../functions/scan-trigger/input.ts';
import type { CauseFact } from '../../../shared/domain/cause/cause.ts';
import { factStatus, type JudgedImage } from '../../../shared/domain/cause/fact-status.ts';
import type { Digest, ImageLocation } from '../../../shared/domain/image/image.ts';
import type { ImageProperties } from '../../../shared/domain/image/image-properties.ts';
import { policySchema } from '../../../shared/domain/policy/policy.ts';
import type { ScanReason, ScanStateName } from '../../../shared/domain/scan/scan.ts';
import { effectiveScanState } from '../../../shared/domain/scan/scan-state.ts';
import type { Judgement } from '../../../shared/domain/verdict/image-record.ts';
import type { Reason, Verdict } from '../../../shared/domain/verdict/verdict.ts';
import { decideAtDoor } from '../../../shared/judging/decide-at-door.ts';
import type { Scanner } from '../../../shared/ports/scanner.ts';
import { runFileKeys } from '../../../shared/review/documents.ts';
import { parse } from '../../../shared/schema.ts';
import { fakeWorld, START_EPOCH_MS } from '../../support/fakes/world.ts';
import { fc } from '../../support/seeded.ts';
import { policyDocument } from '../policy-evaluation/support.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const first: ImageLocation = { account: '111122223333', region: 'us-east-1', repository: 'apps/web' };
const second: ImageLocation = { account: '444455556666', region: 'eu-west-1', repository: 'apps/web' };
const limits: AskLimits = { catchUpMinutes: 45, dailyQuota: 100_000 };
const pace = async () => {};
const retry = { attempts: 3, wait: async () => {} };

const digestOf = (number: number): Digest => `sha256:${number.toString(16).padStart(8, '0').padEnd(64, 'a')}`;
const image = digestOf(1);

const input = (overrides: Partial<ScanTriggerInput> = {}): ScanTriggerInput => ({
  runId: 'run-1',
  mode: 'review',
  policyVersion: 'v1',
  startedAtEpochMs: START_EPOCH_MS,
  batch: '0001',
  digests: [image],
  ...overrides,
});

const propertiesOf = (digest: Digest, locations: readonly ImageLocation[]): ImageProperties => ({
  digest,
  tier: 'application',
  birth: { known: false, rejected: [] },
  locations,
});

/** A world in which these locations keep the image and the ledger knows of them. */
async function worldWith(locations: readonly ImageLocation[], digests: readonly Digest[] = [image]) {
  const world = fakeWorld();
  for (const digest of digests) {
    for (const location of locations) keep(world, location, digest);
    await world.images.recordProperties(propertiesOf(digest, locations));
  }
  return { ...world, pace, retry };
}
type World = Awaited<ReturnType<typeof worldWith>>;

function keep({ registry }: Pick<World, 'registry'>, location: ImageLocation, digest: Digest): void {
  const artifact = { mediaType: 'application/vnd.oci.image.manifest.v1+json', configDigest: digest };
  registry.push(location, {
    artifact: { kind: 'image', digest, layers: [], annotations: {}, ...artifact },
    pushedAtEpochMs: START_EPOCH_MS,
  });
}

const known = (world: World, digest: Digest = image) => world.images.records.get(digest);
const counts = { requested: 0, fresh: 0, later: 0, refused: {} };

const judge = (
  world: World,
  state: ScanStateName,
  completedAgoMs: number,
  verdict: 'compliant' | 'violating' | Verdict = 'compliant',
) =>
  world.images.recordJudgement({
    digest: image,
    scan: { state, completedAtEpochMs: START_EPOCH_MS - completedAgoMs, coverage: ['os'] },
    verdict: typeof verdict === 'string' ? { status: verdict, reasons: [], policyVersion: 'v1' } : verdict,
    judgedAtEpochMs: START_EPOCH_MS - completedAgoMs,
  });

test('requests the scan of an image without one at its first location and records the time', async () => {
  const world = await worldWith([first, second]);

  const { scans } = await askScans(world, limits, input());

  expect(scans).toEqual({ ...counts, requested: 1 });
  expect(world.scanner.started).toEqual([{ location: first, digest: image }]);
  expect(known(world)?.scan.requestedAtEpochMs).toBe(START_EPOCH_MS);
});

test.each([
  ['was scanned before anybody knew it', undefined],
  ['has a newer result than we know', 25 * HOUR_MS],
])('an image that %s is not waited for, and its result is read', async (_, knownAgoMs) => {
  const world = await worldWith([first]);
  if (knownAgoMs !== undefined) await judge(world, 'complete', knownAgoMs);
  world.scanner.scanned(first, image, START_EPOCH_MS - HOUR_MS);

  await askScans(world, limits, input());

  const keys = runFileKeys('run-1');
  await world.runFiles.put(keys.batches, [{ batch: '0001', digests: [image] }]);
  const check = { action: 'check-scans', runId: 'run-1', mode: 'review', policyVersion: 'v1' } as const;
  const progress = firstProgress(keys.batches);
  const wait = { catchUpMinutes: 0, scanWaitMinutes: 30, pollSeconds: 20 };
  const ports = { ...world, files: world.runFiles };
  const checked = checkScans(ports, wait, { ...check, startedAtEpochMs: START_EPOCH_MS, progress });
  expect(await checked).toMatchObject({ pending: 0, decision: 'evaluate' });
  const record = known(world);
  const run = { startedAtEpochMs: START_EPOCH_MS, policyVersion: 'v1' };
  expect(record && findingSource(record, run, world.clock(), parse(policySchema, policyDocument))).toBe('read');
});

test.each([
  ['scanned 23 h 14 min ago', 23 * HOUR_MS + 14 * MINUTE_MS, { fresh: 1 }, undefined, 0],
  ['its 24 hours end with the catch-up window', 23 * HOUR_MS + 15 * MINUTE_MS, { later: 1 }, 45 * MINUTE_MS, 0],
  ['its 24 hours end in a minute', 24 * HOUR_MS - MINUTE_MS, { later: 1 }, MINUTE_MS, 0],
  ['scanned 24 hours ago', 24 * HOUR_MS, { requested: 1 }, undefined, 1],
])('%s', async (_, agoMs, expected, laterMs, started) => {
  const world = await worldWith([first]);
  await judge(world, 'complete', agoMs);

  const part = await askScans(world, limits, input());

  expect(part.scans).toEqual({ ...counts, ...expected });
  expect(part.laterUntilEpochMs).toBe(laterMs === undefined ? undefined : START_EPOCH_MS + laterMs);
  expect(world.scanner.started).toHaveLength(started);
});

test('a second call after the window opened requests the images that were too early, and no others', async () => {
  const [early, asked] = [image, digestOf(2)];
  const world = await worldWith([first], [early, asked]);
  await judge(world, 'complete', 24 * HOUR_MS - MINUTE_MS);
  const digests = [early, asked];

  const before = await askScans(world, limits, input({ digests }));
  world.advance(2 * MINUTE_MS);
  await world.images.recordJudgement({
    digest: asked,
    scan: { state: 'complete', completedAtEpochMs: START_EPOCH_MS + MINUTE_MS, coverage: ['os'] },
    verdict: { status: 'compliant', reasons: [], policyVersion: 'v1' },
    judgedAtEpochMs: START_EPOCH_MS + MINUTE_MS,
  });
  const after = await askScans(world, limits, input({ digests }));

  expect(before.scans).toEqual({ ...counts, requested: 1, later: 1 });
  expect(after.scans).toEqual({ ...counts, requested: 2 });
  expect(world.scanner.started.map(({ digest }) => digest)).toEqual([asked, early]);
});

test.each<[string, ScanStateName, ScanReason, (world: World) => void]>([
  ['lost the image', 'failed', 'image-not-found', ({ registry }) => registry.delete(first, image)],
  ['archived it', 'off', 'archived', ({ registry }) => registry.archive(first, image)],
  ['cannot be reached', 'unreachable', 'access-denied', ({ registry }) => registry.deny(first)],
])(
  'a registry that %s: the next location is asked; without one it is the scan state',
  async (_, state, reason, spoil) => {
    const both = await worldWith([first, second]);
    spoil(both);
    expect((await askScans(both, limits, input())).scans).toEqual({ ...counts, requested: 1 });
    expect(both.scanner.started).toEqual([{ location: second, digest: image }]);

    const alone = await worldWith([first]);
    spoil(alone);
    expect((await askScans(alone, limits, input())).scans).toEqual({ ...counts, refused: { [reason]: 1 } });
    expect(known(alone)).toMatchObject({
      scan: { state, reason, detail: expect.stringMatching(/./) },
      verdict: {
        status: 'unknown',
        reasons: [{ ruleId: 'age-known' }, { ruleId: 'scan-required', scanReason: reason }],
      },
    });
  },
);

test('a registry that refuses every scan stops nothing that runs, and lets nothing new start', async () => {
  const world = await worldWith([first]);
  const policy = parse(policySchema, { ...policyDocument, doors: { mode: 'deny' } });
  await world.policies.publish(policy, {});
  const place = { account: first.account, region: first.region, cluster: 'prod', namespace: 'shop' };
  await world.images.recordJudgement({
    digest: image,
    scan: { state: 'complete', completedAtEpochMs: START_EPOCH_MS, coverage: ['os'] },
    verdict: { status: 'compliant', reasons: [], policyVersion: 'v1' },
    judgedAtEpochMs: START_EPOCH_MS + MINUTE_MS,
  });
  world.advance(24 * HOUR_MS);
  world.registry.deny(first);
  await askScans(world, limits, input());
  const said = async () =>
    (
      await decideAtDoor(world, place, [
        `${first.account}.dkr.ecr.${first.region}.amazonaws.com/${first.repository}@${image}`,
      ])
    )[0];
  expect(await said()).toMatchObject({ decision: 'deny' });
  await world.running.begin([{ digest: image, place }]);
  expect(await said()).toMatchObject({ decision: 'warn' });
});

test.each<ScanReason>([
  ...(['scan-failed', 'unknown-status', 'expired', 'on-push-only', 'scanning-ends', 'scanner-denied'] as const),
  ...(['key-denied', 'not-in-coverage', 'not-covered', 'access-denied', 'archived', 'image-not-found'] as const),
])('a location that refuses with %s: the next one is asked', async (reason) => {
  const world = await worldWith([first, second]);
  const scanner: Scanner = {
    scanning: async () => 'basic',
    readsNext: async () => {},
    scannedByEcr: () => {},
    read: () => Promise.reject(new Error('not expected')),
    start: async (location) =>
      location.account === second.account
        ? { outcome: 'requested' }
        : { outcome: 'refused', state: 'failed', reason, detail: '' },
  };
  expect((await askScans({ ...world, scanner }, limits, input())).scans).toEqual({ ...counts, requested: 1 });
});

test('an unsupported image is requested at one location only', async () => {
  const world = await worldWith([first, second]);
  world.scanner.refuses(image, { state: 'unsupported', reason: 'unsupported-image', detail: 'scratch' });
  let starts = 0;
  const scanner: Scanner = {
    scanning: async () => 'basic',
    readsNext: async () => {},
    scannedByEcr: () => {},
    read: () => Promise.reject(new Error('not expected')),
    start: async () => {
      starts += 1;
      return { outcome: 'refused', state: 'unsupported', reason: 'unsupported-image', detail: 'scratch' } as const;
    },
  };

  const { scans } = await askScans({ ...world, scanner }, limits, input());

  expect(scans).toEqual({ ...counts, refused: { 'unsupported-image': 1 } });
  expect(starts).toBe(1);
  expect(known(world)?.scan).toMatchObject({ state: 'unsupported', reason: 'unsupported-image' });
});

test('an image outside ECR is refused as such, once', async () => {
  const world = await worldWith([]);
  await askScans(world, limits, input());
  const writes = world.images.writes;
  const { scans } = await askScans(world, limits, input());

  expect(scans).toEqual({ ...counts, refused: { 'not-in-ecr': 1 } });
  expect(known(world)?.scan).toMatchObject({ state: 'off', reason: 'not-in-ecr' });
  expect(world.images.writes).toBe(writes);
});

test('an unknown digest is counted and not requested', async () => {
  const world = await worldWith([first], []);
  expect((await askScans(world, limits, input())).scans).toEqual({ ...counts, refused: { 'never-scanned': 1 } });
  expect(world.scanner.started).toEqual([]);
});

describe('already scanned or over the quota: the result decides', () => {
  test('a result of the last 24 hours, as after a scan on push: fresh', async () => {
    const world = await worldWith([first]);
    world.scanner.scanned(first, image, START_EPOCH_MS - HOUR_MS);
    expect((await askScans(world, limits, input())).scans).toEqual({ ...counts, fresh: 1 });
  });

  test('no result: the quota is used up, and the image unknown', async () => {
    const world = await worldWith([first]);
    world.scanner.limit(first, 0);
    expect((await askScans(world, limits, input())).scans).toEqual({ ...counts, refused: { 'quota-or-scanned': 1 } });
    expect(known(world)).toMatchObject({
      scan: { state: 'off', reason: 'quota-or-scanned' },
      verdict: { status: 'unknown' },
    });
  });

  test('an older result: the quota is used up, and the result stays until it is stale', async () => {
    const world = await worldWith([first]);
    world.scanner.scanned(first, image, START_EPOCH_MS - 30 * HOUR_MS);
    world.scanner.limit(first, 0);
    await judge(world, 'complete', 30 * HOUR_MS);
    expect((await askScans(world, limits, input())).scans).toEqual({ ...counts, refused: { 'quota-or-scanned': 1 } });
    expect(known(world)?.verdict).toMatchObject({ status: 'compliant' });
    const scan = known(world)?.scan;
    expect(scan && effectiveScanState(scan, world.clock(), 48).state).toBe('complete');
    expect(scan && effectiveScanState(scan, world.clock() + 19 * HOUR_MS, 48).state).toBe('stale');
  });
});

describe('a registry with enhanced scanning has a result of Amazon Inspector', () => {
  test('one that Inspector keeps current is fresh at any age and is read next', async () => {
    const world = await worldWith([first]);
    world.scanner.enhance(first).inspected(first, image, START_EPOCH_MS - 30 * 24 * HOUR_MS);
    expect((await askScans(world, limits, input())).scans).toEqual({ ...counts, fresh: 1 });
    expect(known(world)).not.toHaveProperty('verdict');
  });

  test('no scan is requested there, whatever Inspector says of the image; the review reads it next', async () => {
    const world = await worldWith([first]);
    world.scanner.enhance(first);
    await judge(world, 'expired', 30 * HOUR_MS);
    expect((await askScans(world, limits, input())).scans).toEqual({ ...counts, fresh: 1 });
    expect(world.scanner.started).toEqual([]);
    expect(world.scanner.reads).toEqual([]);
    expect(known(world)?.scan).not.toHaveProperty('requestedAtEpochMs');
  });

  test('a repository that no rule fits is not covered, which is recorded once', async () => {
    const world = await worldWith([first]);
    world.scanner.enhance(first, [{ frequency: 'continuous', filters: ['other/*'] }]);
    const refused = { ...counts, refused: { 'not-covered': 1 } };
    expect((await askScans(world, limits, input())).scans).toEqual(refused);
    expect(known(world)).toMatchObject({
      scan: { state: 'off', reason: 'not-covered' },
      verdict: {
        status: 'unknown',
        reasons: [{ ruleId: 'age-known' }, { ruleId: 'scan-required', scanReason: 'not-covered' }],
      },
    });
    const writes = world.images.writes;
    expect((await askScans(world, limits, input())).scans).toEqual(refused);
    expect(world.images.writes).toBe(writes);
  });

  test('an image that is in a registry with basic scanning too is requested there', async () => {
    const world = await worldWith([first, second]);
    world.scanner.enhance(first);
    expect((await askScans(world, limits, input())).scans).toEqual({ ...counts, requested: 1 });
    expect(world.scanner.started).toEqual([{ location: second, digest: image }]);
  });

  test('a registry that does not say how it scans fails the one image, not the batch', async () => {
    const world = await worldWith([first]);
    const scanner: Scanner = {
      scanning: () => Promise.reject(new Error('ThrottlingException')),
      readsNext: async () => {},
      scannedByEcr: () => {},
      start: world.scanner.start.bind(world.scanner),
      read: world.scanner.read.bind(world.scanner),
    };
    expect((await askScans({ ...world, scanner }, limits, input())).scans).toEqual({
      ...counts,
      refused: { 'scan-failed': 1 },
    });
  });

  test('if the configuration cannot be read, the refused request leads to the result that Inspector has', async () => {
    const world = await worldWith([first]);
    world.scanner.enhance(first).inspected(first, image, START_EPOCH_MS - HOUR_MS);
    world.scanner.scanning = async () => undefined;
    expect((await askScans(world, limits, input())).scans).toMatchObject({ refused: {} });
    expect(world.scanner.reads).toEqual([{ location: first, digest: image }]);
  });

  const watchedYesterday: Judgement = {
    digest: image,
    scan: {
      ...{ state: 'continuous', coverage: ['os'], completedAtEpochMs: START_EPOCH_MS - 30 * 24 * HOUR_MS },
      watchedAtEpochMs: START_EPOCH_MS - 24 * HOUR_MS,
    },
    verdict: { status: 'compliant', reasons: [], policyVersion: 'v1' },
    judgedAtEpochMs: START_EPOCH_MS - 24 * HOUR_MS,
  };

  test('an image that Inspector watches in one registry is not requested again in another', async () => {
    const world = await worldWith([first, second]);
    world.scanner.enhance(second);
    await world.images.recordJudgement(watchedYesterday);
    expect((await askScans(world, limits, input())).scans).toEqual({ ...counts, fresh: 1 });
    expect(known(world)?.scan).not.toHaveProperty('requestedAtEpochMs');
  });

  test('an image that Inspector watched is requested once its registry is back at basic scanning', async () => {
    const world = await worldWith([first]);
    world.scanner.scanned(first, image, START_EPOCH_MS - 90 * 24 * HOUR_MS);
    await world.images.recordJudgement(watchedYesterday);
    expect((await askScans(world, limits, input())).scans).toEqual({ ...counts, requested: 1 });
    expect(world.scanner.started).toEqual([{ location: first, digest: image }]);
  });

  test('an image that is not judged yet is read where Inspector watches it, not requested in another registry', async () => {
    const world = await worldWith([first, second]);
    world.scanner.enhance(second).inspected(second, image, START_EPOCH_MS - 20 * 24 * HOUR_MS);
    expect((await askScans(world, limits, input())).scans).toEqual({ ...counts, fresh: 1 });
    expect(world.scanner.started).toEqual([]);
  });
});

test('a result that is not renewed because the quota is used up still counts', async () => {
  const world = await worldWith([first]);
  await judge(world, 'complete', 30 * HOUR_MS);
  world.scanner.limit(first, 0);
  expect((await askScans(world, limits, input())).scans).toEqual({ ...counts, refused: { 'quota-or-scanned': 1 } });
  expect(known(world)).toMatchObject({
    scan: { state: 'off', reason: 'quota-or-scanned', completedAtEpochMs: START_EPOCH_MS - 30 * HOUR_MS },
    verdict: { status: 'compliant' },
  });
});

test('if all locations refuse, the first refusal is the scan state', async () => {
  const world = await worldWith([first, second]);
  world.registry.archive(first, image).delete(second, image);
  expect((await askScans(world, limits, input())).scans).toEqual({ ...counts, refused: { archived: 1 } });
});

test('a scan that ended while its run crashed counts as requested, also an hour later', async () => {
  const world = await worldWith([first]);
  await askScans(
    { ...world, runs: { recordPart: async () => Promise.reject(new Error('crash')) } },
    limits,
    input(),
  ).catch(() => undefined);
  world.advance(HOUR_MS);
  expect((await askScans(world, limits, input())).scans).toEqual({ ...counts, requested: 1 });
  expect(world.scanner.started).toHaveLength(1);
});

test('a compliant image is not compliant after a refusal; a violating one still violates', async () => {
  for (const [status, expected] of [
    ['compliant', 'unknown'],
    ['violating', 'violating'],
  ] as const) {
    const world = await worldWith([first]);
    await judge(world, 'complete', 25 * HOUR_MS, status);
    world.registry.delete(first, image);
    await askScans(world, limits, input());
    expect(known(world)).toMatchObject({ scan: { state: 'failed' }, verdict: { status: expected } });
  }
});

const AGE: Reason = {
  ...{ ruleId: 'age-limit', effect: 'due', deadlineEpochMs: START_EPOCH_MS + 48 * HOUR_MS },
  ...{ kind: 'age', bornAtEpochMs: START_EPOCH_MS - 28 * 24 * HOUR_MS, limitDays: 30 },
};
const AGE_FACT = { kind: 'age', ruleId: 'age-limit', sinceEpochMs: 0 } as const;

test('a refusal tells nothing of the age of an image: it stays known, and asks for a rebuild as before', async () => {
  const world = await worldWith([first]);
  const before = { status: 'compliant', reasons: [AGE], policyVersion: 'v1', nextBreachAtEpochMs: 1 } as const;
  await judge(world, 'complete', 25 * HOUR_MS, before);
  world.registry.delete(first, image);
  await askScans(world, limits, input());
  const refused = { ruleId: 'scan-required', effect: 'unknown', kind: 'scan', state: 'failed' };
  const { verdict } = known(world) ?? {};
  expect(verdict).toEqual({
    ...{ ...before, status: 'unknown', covers: ['os'] },
    reasons: [{ ...refused, scanReason: 'image-not-found' }, AGE],
  });
  // A second refusal replaces the first.
  world.advance(25 * HOUR_MS);
  await askScans(world, limits, input({ runId: 'run-2', startedAtEpochMs: world.clock() }));
  expect(known(world)?.verdict).toEqual(verdict);
  expect(factStatus(AGE_FACT, known(world) as JudgedImage)).toBe('present');
});

test('the age of an image that was not judged as it is now is unknown after a refusal, not gone', async () => {
  const world = await worldWith([first]);
  await judge(world, 'complete', 25 * HOUR_MS, { status: 'compliant', reasons: [AGE], policyVersion: 'v1' });
  // Its properties change, so the verdict counts no more.
  await world.images.recordProperties({ ...propertiesOf(image, [first]), owner: 'team-web' });
  world.registry.delete(first, image);
  await askScans(world, limits, input());
  expect(known(world)?.verdict?.reasons.map(({ kind }) => kind)).toEqual(['age-unknown', 'scan']);
  expect(factStatus(AGE_FACT, known(world) as JudgedImage)).toBe('unknown');
});

describe('an image that was not judged since its properties changed', () => {
  const VIOLATION: Reason = {
    ...{ ruleId: 'critical-findings', effect: 'violates', deadlineEpochMs: 1, kind: 'finding', severity: 'critical' },
    ...{ vulnerability: 'CVE-2026-1', package: 'openssl', version: '3.0.1', fix: 'yes', firstSeenAtEpochMs: 1 },
  };
  const OTHER: CauseFact = {
    ...{ kind: 'finding', ruleId: 'high-findings', vulnerability: 'CVE-2026-2', package: 'zlib', version: '1' },
    ...{ fix: 'yes', packageKind: 'os', sinceEpochMs: 0 },
  };

  async function refusedWorld(before: Verdict): Promise<JudgedImage> {
    const world = await worldWith([first]);
    await judge(world, 'complete', 25 * HOUR_MS, before);
    await world.images.recordProperties({ ...propertiesOf(image, [first]), tier: 'platform' });
    world.scanner.limit(first, 0);
    await askScans(world, limits, input());
    return known(world) as JudgedImage;
  }

  test('is not compliant by its old verdict after a refusal that keeps its result', async () => {
    const refused = await refusedWorld({ status: 'compliant', reasons: [AGE], policyVersion: 'v1' });
    expect(refused.verdict?.status).toBe('unknown');
    expect(factStatus(AGE_FACT, refused)).toBe('unknown');
    expect(factStatus(OTHER, refused)).toBe('unknown');
  });

  test('still violates, and its old verdict shows the absence of nothing', async () => {
    const refused = await refusedWorld({ status: 'violating', reasons: [VIOLATION], policyVersion: 'v1' });
    expect(refused.verdict?.status).toBe('violating');
    expect(refused.verdict?.reasons).toContainEqual(VIOLATION);
    expect(factStatus(AGE_FACT, refused)).toBe('unknown');
    expect(factStatus(OTHER, refused)).toBe('unknown');
  });

  test('still violates by its age', async () => {
    const tooOld: Reason = { ...AGE, effect: 'violates' };
    const refused = await refusedWorld({ status: 'violating', reasons: [tooOld], policyVersion: 'v1' });
    expect(refused.verdict?.status).toBe('violating');
    expect(factStatus(AGE_FACT, refused)).toBe('present');
  });
});

test('a refused request does not count: the next review of the day repeats it, the same one does not', async () => {
  const world = await worldWith([first]);
  world.registry.delete(first, image);
  await askScans(world, limits, input());
  keep(world, first, image);
  world.advance(HOUR_MS);

  const again = await askScans(world, limits, input());
  expect(again.scans).toEqual({ ...counts, refused: { 'image-not-found': 1 } });
  expect(world.scanner.started).toEqual([]);

  const next = await askScans(world, limits, input({ runId: 'run-2', startedAtEpochMs: START_EPOCH_MS + HOUR_MS }));
  expect(next.scans).toEqual({ ...counts, requested: 1 });
});

test('a registry that fails for one image does not prevent the other requests', async () => {
  const digests = [digestOf(1), digestOf(2), digestOf(3)];
  const world = await worldWith([first], digests);
  let tries = 0;
  const scanner: Scanner = {
    scanning: async () => 'basic',
    readsNext: async () => {},
    scannedByEcr: () => {},
    read: world.scanner.read.bind(world.scanner),
    start: async (location: ImageLocation, digest: Digest) => {
      if (digest === digestOf(2)) tries += 1;
      if (digest === digestOf(2)) throw Object.assign(new Error('try later'), { name: 'ServerException' });
      return world.scanner.start(location, digest);
    },
  };

  const { scans } = await askScans({ ...world, scanner }, limits, input({ digests }));

  expect(scans).toEqual({ ...counts, requested: 2, refused: { 'scan-failed': 1 } });
  expect(known(world, digestOf(2))?.scan).toMatchObject({ state: 'failed', detail: 'ServerException: try later' });
  expect(tries).toBe(3);
});

test.each([true, false])('a request whose reply was lost counts as made (completes at once: %s)', async (atOnce) => {
  const world = await worldWith([first]);
  world.scanner.completesAtOnce = atOnce;
  let tries = 0;
  const scanner: Scanner = {
    scanning: async () => 'basic',
    readsNext: async () => {},
    scannedByEcr: () => {},
    read: world.scanner.read.bind(world.scanner),
    start: async (location: ImageLocation, digest: Digest) => {
      const answer = await world.scanner.start(location, digest);
      tries += 1;
      if (tries === 1) throw new Error('connection reset');
      return answer;
    },
  };
  expect((await askScans({ ...world, scanner }, limits, input())).scans).toEqual({ ...counts, requested: 1 });
  expect(world.scanner.started).toHaveLength(1);
});

test('after a crash between claim and request, the same run repeats the request', async () => {
  const world = await worldWith([first]);
  const claim = { runId: 'run-1', atEpochMs: START_EPOCH_MS, notSinceEpochMs: START_EPOCH_MS };
  await world.images.claimScan(image, claim);
  expect((await askScans(world, limits, input())).scans).toEqual({ ...counts, requested: 1 });
  expect(world.scanner.started).toHaveLength(1);
});

test('a request of another run within 24 hours is not repeated', async () => {
  const world = await worldWith([first]);
  await askScans(world, limits, input({ runId: 'run-0' }));
  world.advance(HOUR_MS);
  const next = await askScans(world, limits, input({ startedAtEpochMs: START_EPOCH_MS + HOUR_MS }));
  expect(next.scans).toEqual({ ...counts, fresh: 1 });
  expect(world.scanner.started).toHaveLength(1);
});

test('a preview counts possible requests and sends none', async () => {
  const world = await worldWith([first]);
  const part = await askScans(world, limits, input({ mode: 'preview' }));
  expect(part.scans).toEqual({ ...counts, requested: 1 });
  expect(world.scanner.started).toEqual([]);
  expect(known(world)?.scan.requestedAtEpochMs).toBeUndefined();
});

test('a fleet above the quota is scanned in turns; waiting images keep their result or are unknown', async () => {
  const digests = Array.from({ length: 10 }, (_, number) => digestOf(number));
  const world = await worldWith([first], digests);
  const quota = { ...limits, dailyQuota: 5 };
  const { scans } = await askScans(world, quota, input({ digests, found: 10 }));
  expect(scans).toEqual({ ...counts, requested: 5, refused: { 'quota-or-scanned': 5 } });

  world.advance(24 * HOUR_MS);
  const tomorrow = { startedAtEpochMs: START_EPOCH_MS + 24 * HOUR_MS, runId: 'run-2' };
  await askScans(world, quota, input({ digests, found: 10, ...tomorrow }));
  expect(new Set(world.scanner.started.map(({ digest }) => digest)).size).toBe(10);
});

test('records one part of the run', async () => {
  const world = await worldWith([first]);
  const part = await askScans(world, limits, input());
  await askScans(world, limits, input());
  const parts = [];
  for await (const one of world.runs.parts('run-1')) parts.push(one);
  expect(parts).toEqual([part]);
});

test('for any fleet every digest is in exactly one count, and none is requested twice', async () => {
  const places = fc.subarray([first, second]);
  const agoMs = fc.option(fc.integer({ min: 0, max: 72 * HOUR_MS }));
  const fate = fc.constantFrom('kept', 'deleted', 'archived', 'never');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(places, agoMs, fate), { minLength: 1, maxLength: 20 }), async (fleet) => {
      const world = { ...fakeWorld(), pace, retry };
      const digests = fleet.map((_, number) => digestOf(number));
      for (const [number, [locations, ago, what]] of fleet.entries()) {
        const digest = digestOf(number);
        if (what === 'never') continue;
        await world.images.recordProperties(propertiesOf(digest, locations));
        for (const location of locations) {
          keep(world, location, digest);
          if (what === 'archived') world.registry.archive(location, digest);
          if (what === 'deleted') world.registry.delete(location, digest);
          if (ago !== null) world.scanner.scanned(location, digest, START_EPOCH_MS - ago);
        }
      }
      for (let attempt = 0; attempt < 2; attempt += 1) {
        const { scans } = await askScans(world, limits, input({ digests }));
        const refused = Object.values(scans.refused).reduce((sum, count) => sum + count, 0);
        expect(scans.requested + scans.fresh + scans.later + refused).toBe(digests.length);
      }
      const asked = world.scanner.started.map(({ digest }) => digest);
      expect(new Set(asked).size).toBe(asked.length);
    }),
    { numRuns: 200 },
  );
});
