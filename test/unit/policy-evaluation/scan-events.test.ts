import { readdirSync, readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import { judgeBatch } from '../../../functions/policy-evaluation/judge-batch.ts';
import { handleScanEvents, type ScanEventPorts } from '../../../functions/policy-evaluation/scan-events.ts';
import type { Digest, ImageLocation } from '../../../shared/domain/image/image.ts';
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
  replaced,
  runs,
  STREAM,
  second,
  type World,
  worldWith,
} from './support.ts';

const image = digestOf(1);
const portsOf = (world: World): ScanEventPorts => ({ ...world, ...world.ports, policies: world.policies });
const known = (world: World, digest = image) => world.images.records.get(digest);

let messages = 0;
const message = (body: string) => ({ messageId: `message-${++messages}`, body });
const scanEvent = (digest: Digest, location: ImageLocation = first, status = 'COMPLETE') =>
  message(
    JSON.stringify({
      ...{ version: '0', id: '1', source: 'aws.ecr', 'detail-type': 'ECR Image Scan', time: '2026-11-24T03:01:00Z' },
      ...{ account: location.account, region: location.region, resources: [] },
      detail: {
        'scan-status': status,
        'repository-name': location.repository,
        'image-digest': digest,
        'image-tags': [],
      },
    }),
  );

async function scanned() {
  const world = await worldWith();
  await runs(world, image);
  world.scanner.finds(image, [finding('CVE-1')]);
  await ask(world, image);
  world.advance(60_000);
  return world;
}

test.each(['COMPLETE', 'FAILED', 'A STATUS OF TOMORROW'])(
  'an event of status %s only triggers a read of its image',
  async (status) => {
    const world = await scanned();
    const handled = await handleScanEvents(portsOf(world), [scanEvent(image, first, status)]);
    expect(handled).toEqual({ judged: 1, collected: 0, notOurs: 0, setAside: 0, failed: [], waiting: [] });
    expect(known(world)).toMatchObject({
      scan: { state: 'complete' },
      verdict: { status: 'violating' },
      findingsCount: 1,
    });
    expect((await world.causes.get([STREAM])).get(STREAM)?.version).toBe(1);
  },
);

test('an event of Amazon ECR tells the scanner when its registry had basic scanning', async () => {
  const world = await scanned();
  const seen = jest.spyOn(world.scanner, 'scannedByEcr');
  await handleScanEvents(portsOf(world), [scanEvent(image), message(JSON.stringify({ kind: 'judge', digest: image }))]);
  expect(seen.mock.calls).toEqual([[first, Date.parse('2026-11-24T03:01:00Z')]]);
});

test('an image that our own functions name is judged by the scan that is there', async () => {
  const world = await scanned();
  const { version, policy } = await world.policies.current();
  world.policies.lose(version);
  await handleScanEvents(portsOf(world), [scanEvent(image)]);
  expect(known(world)?.verdict).toMatchObject({ status: 'unknown', reasons: [{ kind: 'policy' }] });
  await world.policies.publish(policy, { replaces: version });
  world.advance(60_000);
  const handled = await handleScanEvents(portsOf(world), [message(JSON.stringify({ kind: 'judge', digest: image }))]);
  expect(handled).toEqual({ judged: 1, collected: 0, notOurs: 0, setAside: 0, failed: [], waiting: [] });
  expect(known(world)).toMatchObject({ scan: { state: 'complete' }, verdict: { status: 'violating' } });
  expect(world.scanner.started).toHaveLength(1);
});

test.each(['{"kind":"judge"}', '{"kind":"judge","digest":"latest"}', '{"kind":"other"}'])(
  'a message of our own that names no image is kept for a person: %s',
  async (body) => {
    const world = await scanned();
    const handled = await handleScanEvents(portsOf(world), [message(body)]);
    expect(handled).toEqual({ judged: 0, collected: 0, notOurs: 0, setAside: 1, failed: [], waiting: [] });
  },
);

test('the review that follows neither reads nor judges again', async () => {
  const world = await scanned();
  await handleScanEvents(portsOf(world), [scanEvent(image)]);
  const { writes } = world.images;
  const part = await judgeBatch(world.ports, batchOf(world, [image]));
  expect(part.outcomes).toEqual({ compliant: 0, violating: 1, unknown: 0, failed: 0 });
  expect(world.scanner.reads).toHaveLength(1);
  expect(world.images.writes).toBe(writes);
});

test('a basic result that is judged while a review judges that of Amazon Inspector hides no language package', async () => {
  const world = await scanned();
  const inLanguage = { ...finding('CVE-2'), package: 'log4j-core', isLanguagePackage: true as const };
  const completedAtEpochMs = world.clock() - DAY_MS;
  let judgements = 0;
  const images = replaced(world.images, {
    recordJudgement: async (judgement) => {
      judgements += 1;
      if (judgements === 1) {
        const found = { isWatched: false, findings: [finding('CVE-1'), inLanguage] };
        world.scanner.enhance(first).inspected(first, image, completedAtEpochMs, found);
        await judgeBatch(world.ports, batchOf(world, [image]));
        world.scanner.configure(first, { type: 'basic', rules: [] });
      }
      return world.images.recordJudgement(judgement);
    },
  });
  const { failed } = await handleScanEvents({ ...portsOf(world), images }, [scanEvent(image)]);
  expect([failed, judgements]).toEqual([[], 2]);
  expect(known(world)).toMatchObject({
    scan: { completedAtEpochMs: START_EPOCH_MS, coverage: ['os', 'language'], languageAtEpochMs: completedAtEpochMs },
    verdict: { status: 'violating', reasons: [{ vulnerability: 'CVE-1' }, { vulnerability: 'CVE-2' }] },
  });
});

test('an image whose facts change while an event judges it is judged by the new ones, at once', async () => {
  const world = await scanned();
  world.scanner.finds(image, []);
  let isOld = false;
  const scanner = replaced(world.scanner, {
    read: async (location, digest) => {
      const reading = await world.scanner.read(location, digest);
      const bornAtEpochMs = START_EPOCH_MS - 40 * DAY_MS;
      const old = factsOf(digest, { birth: { known: true, bornAtEpochMs, evidence: [] } });
      if (!isOld) {
        await world.images.recordProperties(old);
        await world.images.recordLineage(digest, alone(old));
      }
      isOld = true;
      return reading;
    },
  });

  const handled = await handleScanEvents({ ...portsOf(world), scanner }, [scanEvent(image)]);

  expect(handled).toMatchObject({ judged: 1, failed: [] });
  expect(known(world)).toMatchObject({ judgedAtEpochMs: world.clock() });
  expect(known(world)?.verdict?.reasons).toContainEqual(expect.objectContaining({ kind: 'age', effect: 'violates' }));
});

test('several events of one image in a batch cause one read', async () => {
  const world = await scanned();
  const handled = await handleScanEvents(portsOf(world), [
    scanEvent(image),
    scanEvent(image),
    scanEvent(image, second),
  ]);
  expect(handled.judged).toBe(3);
  expect(world.scanner.reads).toHaveLength(1);
});

test('the result is read where the scan ended, as far as the place is known', async () => {
  const world = await worldWith();
  await runs(world, image, { locations: [first, second] });
  world.scanner.scanned(second, image, START_EPOCH_MS);
  await handleScanEvents(portsOf(world), [scanEvent(image, second)]);
  await handleScanEvents(portsOf(world), [scanEvent(image, { ...first, repository: 'somebody/elses' })]);
  expect(world.scanner.reads.map(({ location }) => location)).toEqual([second, first, second]);
});

test('an image that no review has found is acknowledged and counted', async () => {
  const world = await worldWith();
  expect(await handleScanEvents(portsOf(world), [scanEvent(image)])).toEqual({
    judged: 0,
    collected: 0,
    notOurs: 1,
    setAside: 0,
    failed: [],
    waiting: [],
  });
  expect(world.scanner.reads).toEqual([]);
});

describe('messages that can never be parsed', () => {
  const folder = new URL('../../../events/malformed/', import.meta.url);
  const malformed = readdirSync(folder).filter((name) => name.startsWith('aws.ecr.ecr-image-scan.'));

  test('there are samples', () => expect(malformed.length).toBeGreaterThan(4));

  test.each(malformed)('%s is set aside with its reason, and its batch goes on', async (name) => {
    const world = await scanned();
    const body = readFileSync(new URL(name, folder), 'utf8');
    const handled = await handleScanEvents(portsOf(world), [message(body), scanEvent(image)]);
    expect(handled).toEqual({ judged: 1, collected: 0, notOurs: 0, setAside: 1, failed: [], waiting: [] });
    expect(world.deadLetters.letters).toEqual([
      { body, reason: expect.stringMatching(/^(not JSON: .+|[\w.[\]-]+: .+)/) },
    ]);
  });

  test('is delivered again where it cannot be set aside', async () => {
    const world = await scanned();
    const deadLetters = { put: async () => Promise.reject(new Error('queue is gone')) };
    const broken = message('{');
    const handled = await handleScanEvents({ ...portsOf(world), deadLetters }, [broken, scanEvent(image)]);
    expect(handled).toMatchObject({ judged: 1, setAside: 0, failed: [{ messageId: broken.messageId }] });
  });
});

test('every message of an image that failed is delivered again; the others are done', async () => {
  const world = await scanned();
  const broken = digestOf(2);
  await runs(world, broken);
  const scanner = replaced(world.scanner, {
    read: async (location, digest) => {
      if (digest === broken) throw Object.assign(new Error('internal'), { name: 'ServerException' });
      return world.scanner.read(location, digest);
    },
  });
  const lost = [scanEvent(broken), scanEvent(broken)];
  const handled = await handleScanEvents({ ...portsOf(world), scanner }, [...lost, scanEvent(image)]);
  expect(handled.judged).toBe(1);
  expect(handled.failed.map(({ messageId }) => messageId)).toEqual(lost.map(({ messageId }) => messageId));
});

test('without a policy in force the whole batch fails and is redelivered', async () => {
  const world = await scanned();
  const policies = {
    current: () => Promise.reject(Object.assign(new Error('none'), { name: 'NoPolicyError' })),
    history: async () => ({ applied: [], unreadable: [] }),
  };
  await expect(handleScanEvents({ ...portsOf(world), policies }, [scanEvent(image)])).rejects.toThrow('none');
});

describe('Amazon Inspector', () => {
  const inspectorEvent = (kind: 'Scan' | 'Finding' | 'Coverage', atEpochMs: number, digest = image) => {
    const repository = `arn:aws:ecr:${first.region}:${first.account}:repository/${first.repository}`;
    const time = new Date(atEpochMs).toISOString();
    return message(
      JSON.stringify({
        ...{ version: '0', id: '1', source: 'aws.inspector2', 'detail-type': `Inspector2 ${kind}`, time },
        ...{ account: first.account, region: first.region },
        resources: [kind === 'Scan' ? repository : `${repository}/${digest}`],
        detail: { 'repository-name': repository, 'image-digest': digest },
      }),
    );
  };

  async function inspected() {
    const world = await worldWith();
    await runs(world, image);
    world.scanner.enhance(first).inspected(first, image, world.clock() - DAY_MS);
    return world;
  }

  type Message = ReturnType<typeof message>;

  /** Delivers a batch. @returns what stays in the queue */
  async function deliver(world: World, batch: readonly Message[]): Promise<readonly Message[]> {
    const { failed, waiting } = await handleScanEvents(portsOf(world), batch);
    expect(failed).toEqual([]);
    return batch.filter(({ messageId }) => waiting.includes(messageId));
  }

  test.each(['Scan', 'Finding', 'Coverage'] as const)(
    'an event of a %s has the image read and judged',
    async (kind) => {
      const world = await inspected();
      const handled = await handleScanEvents(portsOf(world), [inspectorEvent(kind, world.clock())]);
      expect(handled).toEqual({ judged: 1, collected: 0, notOurs: 0, setAside: 0, failed: [], waiting: [] });
      expect(known(world)).toMatchObject({ scan: { state: 'continuous' }, verdict: { status: 'compliant' } });
    },
  );

  test('a late event is done: a later read has its news', async () => {
    const world = await inspected();
    const before = world.clock();
    world.advance(60_000);
    await handleScanEvents(portsOf(world), [inspectorEvent('Finding', before)]);
    const handled = await handleScanEvents(portsOf(world), [inspectorEvent('Finding', before)]);
    expect(handled).toMatchObject({ judged: 0, collected: 1, waiting: [] });
    expect(world.scanner.reads).toHaveLength(1);
  });

  test.each([
    ['is watched', 'ACTIVE', 'SUCCESSFUL'],
    ['has no result yet', 'INACTIVE', 'PENDING_INITIAL_SCAN'],
  ])(
    '5,000 findings of one image, which %s, take at most a few reads, and the last news is read',
    async (_, status, reason) => {
      const world = await inspected();
      world.scanner.covers(first, image, { status, reason, lastScannedAtEpochMs: world.clock() - DAY_MS });
      await handleScanEvents(portsOf(world), [inspectorEvent('Scan', world.clock())]);
      let left: Message[] = [];
      for (let sent = 0; sent < 5_000; sent += 10) {
        const batch = Array.from({ length: 10 }, () => inspectorEvent('Finding', world.clock()));
        world.advance(20);
        left.push(...(await deliver(world, batch)));
      }
      const lastNewsAtEpochMs = world.clock();
      world.scanner.inspected(first, image, lastNewsAtEpochMs, { findings: [finding('CVE-9')] });
      left.push(...(await deliver(world, [inspectorEvent('Finding', lastNewsAtEpochMs)])));
      for (let rounds = 0; left.length > 0; rounds += 1) {
        expect(rounds).toBeLessThan(10);
        world.advance(30_000);
        const again = left;
        left = [];
        for (let at = 0; at < again.length; at += 10) {
          left.push(...(await deliver(world, again.slice(at, at + 10))));
          world.advance(20);
        }
      }
      expect(world.scanner.reads.length).toBeLessThanOrEqual(6);
      expect(known(world)).toMatchObject({ scan: { state: 'continuous' }, verdict: { status: 'violating' } });
      expect(known(world)?.scan.watchedAtEpochMs).toBeGreaterThan(lastNewsAtEpochMs);
    },
  );

  test('a finding that came while a review read the findings, page by page, is read', async () => {
    const world = await inspected();
    const watchedAtEpochMs = world.clock();
    world.advance(10 * 60_000);
    await world.images.recordJudgement({
      digest: image,
      scan: { state: 'continuous', completedAtEpochMs: 1, watchedAtEpochMs, coverage: ['os', 'language'] },
      verdict: { status: 'compliant', reasons: [], policyVersion: 'v1' },
      judgedAtEpochMs: world.clock(),
    });
    const event = inspectorEvent('Finding', world.clock() - 2 * 60_000);
    world.scanner.inspected(first, image, watchedAtEpochMs, { findings: [finding('CVE-9')] });
    world.advance(61_000);
    expect(await deliver(world, [event])).toEqual([]);
    expect(known(world)).toMatchObject({ verdict: { status: 'violating' } });
  });

  test('findings of an image that no review has found are not read', async () => {
    const world = await inspected();
    const handled = await handleScanEvents(portsOf(world), [inspectorEvent('Finding', world.clock(), digestOf(9))]);
    expect(handled).toMatchObject({ judged: 0, collected: 0, notOurs: 1 });
    expect(world.scanner.reads).toEqual([]);
  });
});
