import { jest } from '@jest/globals';
import { judgeBatch } from '../../../functions/policy-evaluation/judge-batch.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Artifact } from '../../../shared/domain/image/image.ts';
import type { ImageProperties } from '../../../shared/domain/image/image-properties.ts';
import type { Finding } from '../../../shared/domain/scan/finding.ts';
import type { ScanReason, ScanStateName } from '../../../shared/domain/scan/scan.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import { propertiesIn } from '../../../shared/domain/verdict/image-updates.ts';
import type { Verdict } from '../../../shared/domain/verdict/verdict.ts';
import { metrics } from '../../../shared/lambda/metrics.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { LedgerContendedError } from '../../../shared/ports/errors.ts';
import { START_EPOCH_MS } from '../../support/fakes/world.ts';
import { alone } from '../../support/samples.ts';
import {
  ask,
  batchOf,
  DAY_MS,
  digestOf,
  factsOf,
  finding,
  first,
  HOUR_MS,
  policyDocument,
  replaced,
  runs,
  STREAM,
  second,
  type World,
  worldWith,
} from './support.ts';

const image = digestOf(1);
const counts = { compliant: 0, violating: 0, unknown: 0, failed: 0 };
const known = (world: World, digest = image) => world.images.records.get(digest);

/** One image that was asked for and scanned; nothing was read yet. */
async function scanned(findings = [finding('CVE-1')]) {
  const world = await worldWith();
  await runs(world, image);
  world.scanner.finds(image, findings);
  await ask(world, image);
  world.advance(60_000);
  return world;
}

test('reads results without an event, and judges by them', async () => {
  const world = await scanned();

  const part = await judgeBatch(world.ports, batchOf(world, [image]));

  expect(part).toEqual({ kind: 'verdict', key: '0001', outcomes: { ...counts, violating: 1 }, failures: [] });
  expect(known(world)).toMatchObject({
    scan: {
      state: 'complete',
      completedAtEpochMs: START_EPOCH_MS,
      requestedAtEpochMs: START_EPOCH_MS,
      coverage: ['os'],
    },
    verdict: {
      status: 'violating',
      policyVersion: world.policyVersion,
      reasons: [{ ruleId: 'no-critical', effect: 'violates', vulnerability: 'CVE-1' }],
    },
    findingsCount: 1,
    judgedAtEpochMs: START_EPOCH_MS + 60_000,
  });
  expect((await world.evidence.findings(image))?.findings).toEqual([finding('CVE-1')]);
  expect(await world.streams.firstSeen(STREAM)).toEqual(new Map([['CVE-1#openssl', START_EPOCH_MS]]));
  expect((await world.causes.get([STREAM])).get(STREAM)).toMatchObject({
    version: 1,
    facts: [{ kind: 'finding', ruleId: 'no-critical', vulnerability: 'CVE-1', package: 'openssl' }],
  });
  expect(await collect(world.runs.parts('run-1'))).toEqual([part]);
});

test('an image without findings and of young content is compliant; the empty list is evidence too', async () => {
  const world = await scanned([]);
  const { outcomes, compliantCovers } = await judgeBatch(world.ports, batchOf(world, [image]));
  expect(outcomes).toEqual({ ...counts, compliant: 1 });
  expect([compliantCovers, known(world)?.verdict?.covers]).toEqual([{ os: 1, language: 0 }, ['os']]);
  expect((await world.evidence.findings(image))?.findings).toEqual([]);
  expect((await world.causes.get([STREAM])).size).toBe(0);
});

test('an image judged in this run by this policy is neither read nor written again', async () => {
  const world = await scanned();
  const once = await judgeBatch(world.ports, batchOf(world, [image]));
  const { writes } = world.images;
  const reads = world.scanner.reads.length;

  const twice = await judgeBatch(world.ports, batchOf(world, [image]));

  expect(twice).toEqual(once);
  expect(world.scanner.reads).toHaveLength(reads);
  expect(world.images.writes).toBe(writes);
});

test('an image that an event judged before the inventory changed its facts is judged again', async () => {
  const world = await scanned();
  const young = factsOf(image, { birth: { known: true, bornAtEpochMs: START_EPOCH_MS, evidence: [] } });
  world.scanner.finds(image, []);
  await world.images.recordProperties(young);
  await world.scanner.start(first, image);
  await judgeBatch(world.ports, batchOf(world, [image]));
  const before = known(world)?.verdict;

  const old: ImageProperties = {
    ...young,
    birth: { known: true, bornAtEpochMs: START_EPOCH_MS - 40 * DAY_MS, evidence: [] },
  };
  await world.images.recordProperties(old);
  await world.images.recordLineage(image, alone(old));
  await judgeBatch(world.ports, batchOf(world, [image]));
  expect(known(world)?.verdict).not.toEqual(before);
  expect(known(world)?.verdict?.reasons).toContainEqual(expect.objectContaining({ kind: 'age', effect: 'violates' }));
});

/** The inventory tells that an image is old while the scanner is being read. */
function aging(world: World, times = 1) {
  let left = times;
  return replaced(world.scanner, {
    read: async (location, digest) => {
      const bornAtEpochMs = START_EPOCH_MS - 40 * DAY_MS - left;
      if (left-- > 0) {
        const properties = factsOf(digest, { birth: { known: true, bornAtEpochMs, evidence: [] } });
        await world.images.recordProperties(properties);
        await world.images.recordLineage(digest, alone(properties));
      }
      return world.scanner.read(location, digest);
    },
  });
}

test('an image that the inventory changes during its judgement is judged by the new facts', async () => {
  const world = await scanned([]);

  const part = await judgeBatch({ ...world.ports, scanner: aging(world) }, batchOf(world, [image]));

  expect(part).toMatchObject({ outcomes: { ...counts, violating: 1 }, failures: [] });
  expect(known(world)).toMatchObject({
    verdict: { status: 'violating', reasons: [{ kind: 'age' }] },
    judgedAtEpochMs: world.clock(),
  });
});

test('an image that changes at each attempt is a named failure and does not count as judged', async () => {
  const world = await scanned([]);

  const part = await judgeBatch({ ...world.ports, scanner: aging(world, 9) }, batchOf(world, [image]));

  expect(part).toMatchObject({
    outcomes: { ...counts, failed: 1 },
    failures: [{ digest: image, error: 'ImageChangedError' }],
  });
  expect(known(world)?.judgedAtEpochMs).toBeUndefined();
});

test('a verdict whose cause was lost in a crash gets the cause', async () => {
  const world = await scanned();
  const silent = replaced(world.causes, { change: async () => undefined });
  await judgeBatch({ ...world.ports, causes: silent }, batchOf(world, [image]));
  expect((await world.causes.get([STREAM])).size).toBe(0);

  await judgeBatch(world.ports, batchOf(world, [image]));
  expect((await world.causes.get([STREAM])).get(STREAM)?.version).toBe(1);
});

test('a known and recent result is judged again from evidence, without a scanner call', async () => {
  const world = await scanned();
  await judgeBatch(world.ports, batchOf(world, [image]));
  world.advance(6 * HOUR_MS);
  const reads = world.scanner.reads.length;

  const next = batchOf(world, [image], { runId: 'run-2', startedAtEpochMs: world.clock() });
  expect((await judgeBatch(world.ports, next)).outcomes).toEqual({ ...counts, violating: 1 });

  expect(world.scanner.reads).toHaveLength(reads);
  expect(known(world)).toMatchObject({ judgedAtEpochMs: world.clock(), findingsCount: 1 });
  expect(world.evidence.versions.get(image)).toBe(1);
});

test('another policy judges the image again in the same run', async () => {
  const world = await scanned([finding('CVE-1', 'high')]);
  expect((await judgeBatch(world.ports, batchOf(world, [image]))).outcomes).toEqual({ ...counts, compliant: 1 });

  const strict = { ...policyDocument, severities: [{ id: 'no-high', severities: ['high' as const], graceDays: 0 }] };
  const other = await worldWith(strict);
  const ports = { ...world.ports, policies: other.policies };
  const part = await judgeBatch(ports, batchOf(world, [image], { policyVersion: other.policyVersion }));
  expect(part.outcomes).toEqual({ ...counts, violating: 1 });
});

test('evidence that is lost, or of another result, is read from the scanner again', async () => {
  const world = await scanned();
  await judgeBatch(world.ports, batchOf(world, [image]));
  await world.evidence.putFindings({ digest: image, scanner: 'ecr-basic', completedAtEpochMs: 1, findings: [] });
  world.advance(HOUR_MS);
  const reads = world.scanner.reads.length;

  const next = batchOf(world, [image], { startedAtEpochMs: world.clock() });
  expect((await judgeBatch(world.ports, next)).outcomes).toEqual({ ...counts, violating: 1 });
  expect(world.scanner.reads).toHaveLength(reads + 1);
});

test('grace runs from the first sighting in the stream, across rebuilds', async () => {
  const world = await scanned([finding('CVE-1', 'high')]);
  await judgeBatch(world.ports, batchOf(world, [image]));
  world.advance(8 * DAY_MS);
  const rebuilt = digestOf(2);
  await runs(world, rebuilt);
  world.scanner.finds(rebuilt, [finding('CVE-1', 'high')]);
  await ask(world, rebuilt);

  const next = batchOf(world, [rebuilt], { startedAtEpochMs: world.clock() });
  expect((await judgeBatch(world.ports, next)).outcomes).toEqual({ ...counts, violating: 1 });
  expect(known(world, rebuilt)?.verdict?.reasons).toEqual([
    expect.objectContaining({ ruleId: 'high-in-a-week', firstSeenAtEpochMs: START_EPOCH_MS }),
  ]);
});

test('outside every stream, grace runs from the first sighting in the repository', async () => {
  const world = await worldWith();
  const { stream: _, ...branch } = factsOf(image);
  await world.images.recordProperties(branch);
  world.registry.push(first, { artifact: artifactOf(), pushedAtEpochMs: START_EPOCH_MS });
  world.scanner.finds(image, [finding('CVE-1')]);
  await ask(world, image);
  await judgeBatch(world.ports, batchOf(world, [image]));
  expect((await world.streams.firstSeen('111122223333/us-east-1/apps/web')).size).toBe(1);
});

/** `second`, under a name that sorts before `first`. */
const copy = { ...second, account: '000000000000' };
const { stream: _stream, ...streamless } = factsOf(image);

test.each([
  ['is copied to a place that sorts earlier', streamless, { ...streamless, locations: [copy, first] }],
  [
    'is no longer kept in its first place',
    { ...streamless, locations: [copy, first] },
    { ...streamless, locations: [first] },
  ],
  ['joins a stream', streamless, factsOf(image)],
  ['leaves its stream', factsOf(image), streamless],
  ['goes to another stream', factsOf(image), factsOf(image, { stream: `${STREAM}-other` })],
])('grace goes on when an image %s', async (_, before, after) => {
  const world = await worldWith();
  await runs(world, image, { locations: [first, copy] });
  await world.images.recordProperties(before);
  world.scanner.finds(image, [finding('CVE-1', 'high')]);
  for (const properties of [before, after]) {
    await world.images.recordProperties(properties);
    for (const location of properties.locations) await ask(world, image, location);
    const batch = batchOf(world, [image], { startedAtEpochMs: world.clock() });
    await judgeBatch(world.ports, batch);
    world.advance(5 * DAY_MS);
  }
  expect(known(world)?.scan.completedAtEpochMs).toBe(START_EPOCH_MS + 5 * DAY_MS);
  expect(known(world)?.verdict?.nextBreachAtEpochMs).toBe(START_EPOCH_MS + 7 * DAY_MS);
});

const artifactOf = (): Artifact => ({
  kind: 'image',
  digest: image,
  layers: [],
  annotations: {},
  configDigest: image,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
});

test('an image that neither runs nor is a head makes no cause', async () => {
  const world = await scanned();
  await world.images.recordPresence(image, { inUse: false });
  expect((await judgeBatch(world.ports, batchOf(world, [image]))).outcomes).toEqual({ ...counts, violating: 1 });
  expect((await world.causes.get([STREAM])).size).toBe(0);
});

test('a thousand images with one flaw in one stream are one cause with one fact', async () => {
  const world = await worldWith();
  const digests = Array.from({ length: 60 }, (_, number) => digestOf(number + 1));
  for (const digest of digests) {
    await runs(world, digest);
    world.scanner.finds(digest, [finding('CVE-1')]);
    await ask(world, digest);
  }
  const { outcomes } = await judgeBatch(world.ports, batchOf(world, digests));
  expect(outcomes).toEqual({ ...counts, violating: 60 });
  expect((await world.causes.get([STREAM])).get(STREAM)).toMatchObject({
    version: 1,
    facts: [{ vulnerability: 'CVE-1' }],
  });
});

const INACTIVE: readonly (readonly [string, ScanStateName, ScanReason])[] = [
  ['SCAN_ELIGIBILITY_EXPIRED', 'expired', 'expired'],
  ['UNSUPPORTED_OS', 'unsupported', 'unsupported-os'],
  ['ACCESS_DENIED', 'unreachable', 'scanner-denied'],
  ['PENDING_INITIAL_SCAN', 'requested', 'in-progress'],
  ['A_REASON_OF_TOMORROW', 'failed', 'unknown-status'],
];

test.each<readonly [string, ScanStateName, ScanReason, (world: World) => void | Promise<void>]>([
  [
    'deleted between inventory and scan',
    'failed',
    'image-not-found',
    ({ registry }) => void registry.delete(first, image),
  ],
  ['archived', 'off', 'archived', ({ registry }) => void registry.archive(first, image)],
  ['out of reach', 'unreachable', 'access-denied', ({ registry }) => void registry.deny(first)],
  ['that Amazon Inspector does not list', 'off', 'not-in-coverage', ({ scanner }) => void scanner.enhance(first)],
  [
    'that no rule of its registry covers',
    'off',
    'not-covered',
    ({ scanner }) => void scanner.enhance(first, [{ frequency: 'continuous', filters: ['other/*'] }]),
  ],
  ...INACTIVE.map(
    ([reason, state, scanReason]) =>
      [
        `that Amazon Inspector does not scan: ${reason}`,
        state,
        scanReason,
        ({ scanner }: World) =>
          void scanner.enhance(first).covers(first, image, { status: 'INACTIVE', reason, lastScannedAtEpochMs: 1 }),
      ] as const,
  ),
  [
    'of an unknown status',
    'failed',
    'unknown-status',
    (world) => {
      world.scanner.refuses(image, { state: 'failed', reason: 'unknown-status', detail: 'BLUE' });
      return ask(world, image);
    },
  ],
])('an image %s is unknown, with its reason', async (_, state, reason, spoil) => {
  const world = await worldWith();
  await runs(world, image);
  await spoil(world);
  const { outcomes } = await judgeBatch(world.ports, batchOf(world, [image]));
  expect(outcomes).toEqual({ ...counts, unknown: 1 });
  expect(known(world)).toMatchObject({
    scan: { state, reason },
    verdict: {
      status: 'unknown',
      reasons: [{ ruleId: 'scan-required', effect: 'unknown', state, scanReason: reason }],
    },
  });
});

test('an image that Amazon Inspector monitors is judged by its findings, read again in each review', async () => {
  const world = await worldWith();
  await runs(world, image);
  const completedAtEpochMs = world.clock() - 60 * 24 * HOUR_MS;
  for (const day of [0, 1, 2, 3]) {
    world.scanner.enhance(first).inspected(first, image, completedAtEpochMs);
    const { outcomes, compliantCovers } = await judgeBatch(world.ports, batchOf(world, [image]));
    expect([day, outcomes]).toEqual([day, { ...counts, compliant: 1 }]);
    expect([compliantCovers, known(world)?.verdict?.covers]).toEqual([{ os: 0, language: 1 }, ['os', 'language']]);
    world.advance(24 * HOUR_MS);
  }
  const watchedAtEpochMs = world.clock() - 24 * HOUR_MS;
  expect(known(world)?.scan).toMatchObject({ state: 'continuous', completedAtEpochMs, watchedAtEpochMs });
});

test('what Inspector found in language packages stays known after a switch to basic scanning, which cannot see it', async () => {
  const world = await worldWith();
  await runs(world, image);
  const findings = [finding('CVE-1'), { ...finding('CVE-2'), package: 'log4j-core', isLanguagePackage: true as const }];
  world.scanner.enhance(first).inspected(first, image, world.clock(), { findings });
  await judgeBatch(world.ports, batchOf(world, [image]));
  world.scanner.configure(first, { type: 'basic', rules: [] });
  for (const day of [1, 2, 3]) {
    world.advance(24 * HOUR_MS);
    world.scanner.scanned(first, image, world.clock());
    await judgeBatch(world.ports, batchOf(world, [image]));
    const reasons = known(world)?.verdict?.reasons;
    expect([day, reasons]).toEqual([day, [expect.objectContaining({ vulnerability: 'CVE-2', effect: 'violates' })]]);
  }
  world.scanner.enhance(first).inspected(first, image, world.clock());
  world.advance(24 * HOUR_MS);
  expect((await judgeBatch(world.ports, batchOf(world, [image]))).outcomes).toEqual({ ...counts, compliant: 1 });
});

const LANGUAGE: Finding = { ...finding('CVE-2'), package: 'log4j-core', isLanguagePackage: true };

/** Inspector found a finding of the system and one in a language package, then the registry went back to basic scanning. */
async function switched(more: readonly Finding[] = [LANGUAGE]) {
  const world = await worldWith();
  await runs(world, image);
  const findings = [finding('CVE-1'), ...more];
  world.scanner.enhance(first).inspected(first, image, world.clock(), { findings });
  await judgeBatch(world.ports, batchOf(world, [image]));
  world.scanner.configure(first, { type: 'basic', rules: [] });
  world.advance(24 * HOUR_MS);
  world.scanner.scanned(first, image, world.clock());
  return world;
}

test('a death between the evidence and the verdict of a basic scan hides no finding in language packages', async () => {
  const world = await switched();
  const dies = replaced(world.images, { recordJudgement: async () => Promise.reject(new Error('dead')) });
  await judgeBatch({ ...world.ports, images: dies }, batchOf(world, [image]));
  for (const day of [1, 2]) {
    await judgeBatch(world.ports, batchOf(world, [image]));
    const reasons = known(world)?.verdict?.reasons;
    expect([day, reasons]).toEqual([day, [expect.objectContaining({ vulnerability: 'CVE-2', effect: 'violates' })]]);
    expect(known(world)?.scan.coverage).toEqual(['os', 'language']);
    world.advance(24 * HOUR_MS);
    world.scanner.scanned(first, image, world.clock());
  }
});

test('findings in language packages stay known while the image cannot be scanned', async () => {
  const world = await switched();
  const [place] = known(world)?.locations ?? [];
  const properties = known(world);
  if (!properties || !place) throw new Error('the image is not recorded');
  const unresolved = { code: 'registry-unreachable', detail: 'no access' };
  await world.images.recordProperties({ ...propertiesIn(properties), unresolved });
  await judgeBatch(world.ports, batchOf(world, [image]));
  expect(known(world)).toMatchObject({ scan: { state: 'unreachable', coverage: ['os', 'language'] } });
  await world.images.recordProperties(propertiesIn(properties));
  await judgeBatch(world.ports, batchOf(world, [image]));
  expect(known(world)?.verdict?.reasons).toContainEqual(expect.objectContaining({ vulnerability: 'CVE-2' }));
});

test('evidence of a death is written again, even if the next result is as it was before', async () => {
  const world = await switched();
  const dies = replaced(world.images, { recordJudgement: async () => Promise.reject(new Error('dead')) });
  await judgeBatch({ ...world.ports, images: dies }, batchOf(world, [image]));
  world.scanner.finds(image, [finding('CVE-1')]);
  world.advance(24 * HOUR_MS);
  world.scanner.scanned(first, image, world.clock());
  await judgeBatch(world.ports, batchOf(world, [image]));
  expect((await world.evidence.findings(image))?.findings).toHaveLength(2);
});

test('an image without findings in language packages needs no covering scan after such a death', async () => {
  const world = await switched([]);
  const dies = replaced(world.images, { recordJudgement: async () => Promise.reject(new Error('dead')) });
  await judgeBatch({ ...world.ports, images: dies }, batchOf(world, [image]));
  expect((await judgeBatch(world.ports, batchOf(world, [image]))).outcomes).toEqual({ ...counts, compliant: 1 });
});

const other = { digest: image, scanner: 'ecr-enhanced', completedAtEpochMs: 1, findings: [] } as const;
test.each([
  ['lost', async (world: World) => world.evidence.lose(image)],
  ['older than the verdict', ({ evidence }: World) => evidence.putFindings({ ...other, coversLanguage: true })],
  [
    'of a scan that does not cover language packages',
    ({ evidence, clock }: World) =>
      evidence.putFindings({ ...other, scanner: 'ecr-basic', completedAtEpochMs: clock() }),
  ],
])('after a switch to basic scanning, an image is unknown if the evidence is %s', async (_, spoil) => {
  const world = await switched();
  await spoil(world);
  for (const day of [1, 2]) {
    await judgeBatch(world.ports, batchOf(world, [image]));
    const verdict = known(world)?.verdict;
    expect([day, verdict]).toMatchObject([day, { status: 'unknown', reasons: [{ scanReason: 'findings-missing' }] }]);
    world.advance(24 * HOUR_MS);
    world.scanner.scanned(first, image, world.clock());
  }
  world.scanner.enhance(first).inspected(first, image, world.clock());
  expect((await judgeBatch(world.ports, batchOf(world, [image]))).outcomes).toEqual({ ...counts, compliant: 1 });
});

test('evidence of an older version, which names no language package, keeps what basic scanning does not list', async () => {
  const world = await switched([{ ...finding('CVE-2'), package: 'log4j-core' }]);
  const kept = await world.evidence.findings(image);
  if (!kept) throw new Error('no evidence');
  const { coversLanguage: _, ...older } = kept;
  await world.evidence.putFindings(older);
  for (const found of [[finding('CVE-1')], []]) {
    world.scanner.finds(image, found);
    world.scanner.scanned(first, image, world.clock());
    await judgeBatch(world.ports, batchOf(world, [image]));
    expect(known(world)?.verdict?.reasons).toEqual(
      [...found, { vulnerability: 'CVE-2' }].map(({ vulnerability }) =>
        expect.objectContaining({ vulnerability, effect: 'violates' }),
      ),
    );
    world.advance(24 * HOUR_MS);
  }
  world.scanner.enhance(first).inspected(first, image, world.clock());
  expect((await judgeBatch(world.ports, batchOf(world, [image]))).outcomes).toEqual({ ...counts, compliant: 1 });
});

test('a finding of the system that Inspector found is gone once basic scanning does not list it', async () => {
  const world = await switched([]);
  expect((await judgeBatch(world.ports, batchOf(world, [image]))).outcomes).toEqual({ ...counts, compliant: 1 });
});

test('a scan in progress at the end of the wait leaves a new image unknown, and a known one as it is', async () => {
  const world = await worldWith();
  const old = digestOf(2);
  for (const digest of [image, old]) await runs(world, digest);
  await ask(world, old);
  await judgeBatch(world.ports, batchOf(world, [old]));
  world.advance(25 * HOUR_MS);
  world.scanner.completesAtOnce = false;
  for (const digest of [image, old]) await ask(world, digest);

  const next = batchOf(world, [image, old], { startedAtEpochMs: world.clock() });
  expect((await judgeBatch(world.ports, next)).outcomes).toEqual({ ...counts, compliant: 1, unknown: 1 });
  expect(known(world)?.scan).toMatchObject({ state: 'requested', reason: 'in-progress' });
  expect(known(world, old)?.verdict?.status).toBe('compliant');
});

test('an image refused in this run is judged by its refusal, without asking again', async () => {
  const world = await worldWith();
  await runs(world, image);
  await world.images.claimScan(image, { runId: 'run-1', atEpochMs: START_EPOCH_MS, notSinceEpochMs: 0 });
  await world.images.recordJudgement({
    digest: image,
    scan: { state: 'off', reason: 'quota-or-scanned', requestedAtEpochMs: START_EPOCH_MS, coverage: [] },
    verdict: { status: 'unknown', reasons: [], policyVersion: world.policyVersion },
    judgedAtEpochMs: START_EPOCH_MS,
  });
  world.advance(60_000);
  expect((await judgeBatch(world.ports, batchOf(world, [image]))).outcomes).toEqual({ ...counts, unknown: 1 });
  expect(world.scanner.reads).toEqual([]);
  expect(known(world)?.verdict?.reasons).toEqual([expect.objectContaining({ scanReason: 'quota-or-scanned' })]);
});

test.each([
  ['outside ECR', { locations: [], tier: 'external' as const }, 'not-in-ecr'],
  [
    'in a registry that was out of reach',
    { unresolved: { code: 'registry-unreachable', detail: 'no role' } },
    'access-denied',
  ],
  [
    'behind an index without runnable children',
    { unresolved: { code: 'empty-index', detail: 'attestations' } },
    'unsupported-type',
  ],
])('an image %s is unknown without a call', async (_, overrides, scanReason) => {
  const world = await worldWith();
  await runs(world, image, overrides);
  expect((await judgeBatch(world.ports, batchOf(world, [image]))).outcomes).toEqual({ ...counts, unknown: 1 });
  expect(world.scanner.reads).toEqual([]);
  expect(known(world)).toMatchObject({ scan: { reason: scanReason }, verdict: { reasons: [{ scanReason }] } });
});

test('the result is read at the next location if the first has none', async () => {
  const world = await worldWith();
  await runs(world, image, { locations: [first, second] });
  world.registry.deny(first);
  await ask(world, image, second);
  expect((await judgeBatch(world.ports, batchOf(world, [image]))).outcomes).toEqual({ ...counts, compliant: 1 });
});

test('5,000 findings: all are judged and kept', async () => {
  const world = await scanned(Array.from({ length: 5000 }, (_, number) => finding(`CVE-${number}`)));
  expect((await judgeBatch(world.ports, batchOf(world, [image]))).outcomes).toEqual({ ...counts, violating: 1 });
  expect(known(world)?.findingsCount).toBe(5000);
  expect((await world.evidence.findings(image))?.findings).toHaveLength(5000);
});

test('the same findings in a newer scan are no new evidence; others are', async () => {
  const world = await scanned();
  await judgeBatch(world.ports, batchOf(world, [image]));
  for (const [findings, versions] of [
    [[finding('CVE-1')], 1],
    [[finding('CVE-1'), finding('CVE-2')], 2],
  ] as const) {
    world.advance(25 * HOUR_MS);
    world.scanner.finds(image, findings);
    await ask(world, image);
    await judgeBatch(world.ports, batchOf(world, [image], { startedAtEpochMs: world.clock() }));
    expect(world.evidence.versions.get(image)).toBe(versions);
  }
});

test('an older result than the known one changes nothing', async () => {
  const world = await scanned();
  await judgeBatch(world.ports, batchOf(world, [image]));
  world.advance(25 * HOUR_MS);
  const older = { outcome: 'complete', completedAtEpochMs: START_EPOCH_MS - HOUR_MS, findings: [] } as const;
  const scanner = replaced(world.scanner, { read: async () => older });

  const next = batchOf(world, [image], { startedAtEpochMs: world.clock() });
  expect((await judgeBatch({ ...world.ports, scanner }, next)).outcomes).toEqual({ ...counts, violating: 1 });

  expect(known(world)).toMatchObject({ scan: { completedAtEpochMs: START_EPOCH_MS }, findingsCount: 1 });
  expect(await world.streams.firstSeen(STREAM)).toEqual(new Map([['CVE-1#openssl', START_EPOCH_MS]]));
});

test('a digest that is named twice is one image', async () => {
  const world = await scanned();
  expect((await judgeBatch(world.ports, batchOf(world, [image, image]))).outcomes).toEqual({
    ...counts,
    violating: 1,
  });
  expect(world.scanner.reads).toHaveLength(1);
});

describe('failures', () => {
  test('one digest that fails is tried again, then named; the others are judged', async () => {
    const world = await scanned();
    const [broken, unheard] = [digestOf(2), digestOf(3)];
    await runs(world, broken);
    let tries = 0;
    const scanner = replaced(world.scanner, {
      read: async (...asked: Parameters<typeof world.scanner.read>) => {
        if (asked[1] !== broken) return world.scanner.read(...asked);
        tries += 1;
        throw Object.assign(new Error('internal'), { name: 'ServerException' });
      },
    });

    const part = await judgeBatch({ ...world.ports, scanner }, batchOf(world, [image, broken, unheard]));

    expect(part.outcomes).toEqual({ ...counts, violating: 1, failed: 2 });
    expect(part.failures).toEqual([
      { digest: broken, error: 'ServerException', detail: 'internal' },
      { digest: unheard, error: 'ImageNotRecordedError', detail: expect.stringContaining(unheard) },
    ]);
    expect(tries).toBe(3);
    expect(world.waits).toEqual([1, 2]);
  });

  test('success at the second attempt is no failure', async () => {
    const world = await scanned();
    let tries = 0;
    const scanner = replaced(world.scanner, {
      read: async (...asked: Parameters<typeof world.scanner.read>) => {
        tries += 1;
        if (tries === 1) throw new Error('once');
        return world.scanner.read(...asked);
      },
    });
    const part = await judgeBatch({ ...world.ports, scanner }, batchOf(world, [image]));
    expect(part).toMatchObject({ outcomes: { ...counts, violating: 1 }, failures: [] });
  });

  test('a cause that cannot be written leaves its images without a verdict, so they are judged again', async () => {
    const world = await scanned();
    const causes = replaced(world.causes, {
      change: async (stream: string) => {
        throw new LedgerContendedError(`CAUSE#${stream}`, 8);
      },
    });
    const part = await judgeBatch({ ...world.ports, causes }, batchOf(world, [image]));
    expect(part.outcomes).toEqual({ ...counts, failed: 1 });
    expect(part.failures).toMatchObject([{ error: 'LedgerContendedError', detail: expect.stringContaining(STREAM) }]);
    expect(known(world)?.verdict).toBeUndefined();
  });

  test('a newer result that arrived meanwhile is kept and counts', async () => {
    const world = await scanned();
    const images = replaced(world.images, {
      recordJudgement: async (judgement: Parameters<typeof world.images.recordJudgement>[0]) => {
        await world.images.recordJudgement({
          ...judgement,
          scan: { ...judgement.scan, completedAtEpochMs: START_EPOCH_MS + 1 },
          verdict: { status: 'compliant', reasons: [], policyVersion: world.policyVersion },
        });
        return world.images.recordJudgement(judgement);
      },
    });
    const part = await judgeBatch({ ...world.ports, images }, batchOf(world, [image]));
    expect(part.outcomes).toEqual({ ...counts, compliant: 1 });
    expect(known(world)?.verdict?.status).toBe('compliant');
  });

  test('without the policy an image is unknown, what its scan found is kept, and the run says why it failed', async () => {
    const world = await scanned();
    const batch = batchOf(world, [image], { policyVersion: 'gone' });
    expect((await judgeBatch(world.ports, batch)).outcomes).toEqual({ ...counts, unknown: 1 });
    expect(known(world)).toMatchObject({
      ...{ findingsCount: 1, scan: { state: 'complete' } },
      verdict: { status: 'unknown', reasons: [{ kind: 'policy' }], policyVersion: 'built-in' },
    });
    expect(await collect(world.runs.parts(batch.runId))).toContainEqual(
      expect.objectContaining({ kind: 'policy', key: 'gone', error: 'PolicyUnreadableError' }),
    );
  });
});

test('earlier policies that cannot be read are reported once, with the versions', async () => {
  const world = await scanned();
  const { version: replaces, policy } = await world.policies.current();
  const next = { ...policy, staleScanHours: policy.staleScanHours + 1 };
  const policyVersion = await world.policies.publish(next, { replaces, atEpochMs: world.clock() });
  world.policies.lose(replaces);
  const warn = jest.spyOn(logger, 'warn').mockImplementation(() => undefined);
  const count = jest.spyOn(metrics, 'addMetric').mockImplementation(() => metrics);
  try {
    await judgeBatch(world.ports, { ...batchOf(world, [image]), policyVersion });
    expect(count.mock.calls).toEqual([['PoliciesUnreadable', 'Count', 1]]);
    expect(warn.mock.calls).toEqual([
      [expect.stringContaining('cannot be read'), expect.objectContaining({ versions: [replaces] })],
    ]);
  } finally {
    warn.mockRestore();
    count.mockRestore();
  }
});

test('what rules objected to stays known: a tag that was taken away, and since when while earlier policies cannot be read', async () => {
  const world = await scanned([]);
  await judgeBatch(world.ports, batchOf(world, [image]));
  const sinceEpochMs = world.clock() - 9 * DAY_MS;
  const tag = { ruleId: 'tags', effect: 'violates', kind: 'tag', tag: 'latest', sinceEpochMs } as const;
  const user = { ruleId: 'non-root', effect: 'violates', kind: 'user', user: '', sinceEpochMs } as const;
  const { version: replaces, policy } = await world.policies.current();
  const next = {
    ...policy,
    nonRoot: { id: 'non-root', tiers: ['base' as const, 'platform' as const, 'application' as const] },
  };
  const policyVersion = await world.policies.publish(next, { replaces, atEpochMs: world.clock() });
  world.policies.lose(replaces);
  world.advance(DAY_MS);
  const record = known(world) as ImageRecord;
  world.images.records.set(image, {
    ...{ ...record, configFacts: { user: '' } },
    verdict: { ...(record.verdict as Verdict), status: 'violating', reasons: [tag, user] },
  });
  await judgeBatch(world.ports, { ...batchOf(world, [image]), policyVersion });
  expect(known(world)?.verdict).toMatchObject({
    reasons: [{ kind: 'user', sinceEpochMs }],
    endedTags: [{ tag: 'latest', sinceEpochMs, untilEpochMs: world.clock() }],
  });
});
