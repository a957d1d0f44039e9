import { scanImages } from '../../../functions/verify-rebuild/scan-images.ts';
import { isScanOpen } from '../../../shared/domain/cause/fact-status.ts';
import type { Rebuild } from '../../../shared/domain/cause/rebuild.ts';
import type { Digest, ImageLocation } from '../../../shared/domain/image/image.ts';
import type { Finding } from '../../../shared/domain/scan/finding.ts';
import { readRepository } from '../../../shared/inventory/repository.ts';
import { DAY_MS, digestOf, HOUR_MS } from '../../support/samples.ts';
import {
  artifactOf,
  causeOf,
  finding,
  LOCATION,
  MINUTE_MS,
  NEW,
  OLD,
  portsOf,
  push,
  rebuildOf,
  VerifyMachine,
  type VerifyWorld,
  verifyWorld,
} from './support.ts';

/* A rebuild is verified whose output has a violating pair that its head before did not have. */

const FOUND = { build: { state: 'succeeded', outputDigest: NEW } } as const;
const BASES: ImageLocation = { ...LOCATION, repository: 'team/os' };
const BASE = digestOf('base');
const OLD_BASE = digestOf('old base');
/** In a package that had no finding before. */
const NEWS = finding('CVE-2026-50', { package: 'curl', version: '8.0' });
const named = { vulnerability: NEWS.vulnerability, package: NEWS.package };

/** Its build has ended, ten minutes after it began; what it made is the head, and is not scanned yet. */
async function built(changes: Partial<Rebuild> = {}) {
  const world = await verifyWorld({ changes: { ...FOUND, ...changes } });
  push(world, 'new', { tags: ['22'] });
  world.scanner.finds(NEW, [NEWS]);
  world.scanner.completesAtOnce = true;
  return world;
}

/** An image of another repository is there, and scanned, or scanned anew. */
async function scanned(world: VerifyWorld, digest: Digest, name: string, findings: readonly Finding[]): Promise<void> {
  world.registry.push(BASES, {
    ...{ artifact: artifactOf(name), tags: [], pushedAtEpochMs: world.clock() },
    config: { createdAtEpochMs: world.clock(), platform: 'linux/arm64', labels: {} },
  });
  const { policy } = await world.policies.current();
  await readRepository(world, policy, { location: BASES, isListed: true, digests: {}, tags: {} });
  world.scanner.finds(digest, findings).scanned(BASES, digest, world.clock());
  const image = world.images.records.get(digest);
  if (image) await scanImages(portsOf(world), { asker: 'review', sinceEpochMs: world.clock() }, [image]);
}

const builtOn = (world: VerifyWorld, digest: Digest, parent: Digest) =>
  world.images.recordLineage(digest, {
    parent: { digest: parent, evidence: 'layers' },
    age: { known: true, bornAtEpochMs: world.clock(), decidedBy: digest },
  });

async function verified(world: VerifyWorld, parent?: Digest) {
  const machine = await new VerifyMachine(world).run('check');
  if (parent) await builtOn(world, NEW, parent);
  await machine.run();
  return (await rebuildOf(world)).outcome;
}

test('a new finding that the scanner knew when the build began makes it worse, also in a package without an earlier finding', async () => {
  expect(await verified(await built())).toEqual({ result: 'worse', added: [expect.objectContaining(named)] });
});

test('a finding from the parent makes it worse if a scan of the parent had it before the build began', async () => {
  const world = await verifyWorld({ changes: FOUND });
  world.advance(-HOUR_MS);
  await scanned(world, BASE, 'base', [NEWS]);
  world.advance(HOUR_MS);
  push(world, 'new', { tags: ['22'] });
  world.scanner.finds(NEW, [NEWS]).publish().completesAtOnce = true;
  expect(await verified(world, BASE)).toEqual({ result: 'worse', added: [expect.objectContaining(named)] });
});

test('a finding that an earlier image of the stream had makes it worse when it is back', async () => {
  const world = await built();
  await world.streams.recordFirstSeen(
    '111122223333/eu-west-1/team/base:^22$',
    new Map([[`${NEWS.vulnerability}#${NEWS.package}`, world.clock() - DAY_MS]]),
  );
  world.scanner.publish();
  expect(await verified(world)).toMatchObject({ result: 'worse' });
});

test('a finding that was published meanwhile in the reserved parent is a cause of its own, and is named', async () => {
  const world = await verifyWorld({ changes: { ...FOUND, parentHead: BASE } });
  world.advance(-HOUR_MS);
  await scanned(world, BASE, 'base', []);
  world.advance(HOUR_MS);
  world.scanner.publish();
  await scanned(world, BASE, 'base', [NEWS]);
  push(world, 'new', { tags: ['22'] });
  world.scanner.finds(NEW, [NEWS]).completesAtOnce = true;
  expect(await verified(world, BASE)).toEqual({ result: 'fixed', alsoFound: [expect.objectContaining(named)] });
  expect(await causeOf(world)).toMatchObject({
    state: 'open',
    facts: expect.arrayContaining([expect.objectContaining(named)]),
  });
});

test('a finding of the common parent existed before', async () => {
  const world = await built();
  await scanned(world, OLD_BASE, 'old base', [NEWS]);
  await builtOn(world, OLD, OLD_BASE);
  expect(await verified(world, OLD_BASE)).toMatchObject({ result: 'fixed', alsoFound: [named] });
});

test('the previous head is scanned again if its scan is older than a day: its findings are not new', async () => {
  const world = await built();
  world.advance(25 * HOUR_MS);
  push(world, 'new', { tags: ['22'] });
  world.scanner.publish().finds(OLD, [finding('CVE-2026-1'), NEWS]);
  world.scanner.finds(NEW, [NEWS]);
  expect(await verified(world)).toEqual({ result: 'fixed' });
  expect(world.scanner.started.filter(({ digest }) => digest === OLD)).toHaveLength(2);
});

test('a registry that answers with the old scan of the previous head leaves no scan to wait for', async () => {
  const world = await built();
  world.advance(25 * HOUR_MS);
  world.scanner.scanned(LOCATION, NEW, world.clock()).limit(LOCATION, 0);
  await verified(world);
  const { scan } = world.images.records.get(OLD) ?? {};
  expect(scan).toMatchObject({ state: 'complete', requestedAtEpochMs: expect.any(Number) });
  expect(scan && isScanOpen({ scan })).toBe(false);
});

test('its scan is awaited, until the deadline', async () => {
  const world = await built();
  world.advance(25 * HOUR_MS);
  world.scanner.completesAtOnce = false;
  const machine = await new VerifyMachine(world).run('check');
  await machine.step();
  world.scanner.scanned(LOCATION, NEW, world.clock());
  await machine.step();
  await machine.step();
  expect(machine.state).toBe('check');
  expect(world.scanner.started.map(({ digest }) => digest)).toContain(OLD);
  await machine.run();
  expect((await rebuildOf(world)).outcome).toMatchObject({ result: 'worse' });
  const since = (await rebuildOf(world)).verifyingSinceEpochMs ?? 0;
  expect(world.clock()).toBeGreaterThanOrEqual(since + 120 * MINUTE_MS);
});

test('if no fact shows whether the finding was known, the rebuild is unverified: no promotion and no failure', async () => {
  const world = await built();
  world.scanner.publish();
  expect(await verified(world)).toEqual({
    result: 'unverified',
    reason: expect.stringMatching(/CVE-2026-50 in curl 8\.0, .*No scan shows whether the scanner already knew these/),
  });
});

test('with unknown facts of the previous head it is not fixed either', async () => {
  const world = await built();
  const record = world.images.records.get(OLD);
  if (!record) throw new Error('the head before is not recorded');
  const { findingsFingerprint: _, findingsCount: __, ...unread } = record;
  world.images.records.set(OLD, unread);
  world.registry.delete(LOCATION, OLD);
  expect(await verified(world)).toMatchObject({
    result: 'unverified',
    reason: expect.stringContaining('no complete scan to compare with'),
  });
});

test('a stream without a previous head cannot get worse; its findings are named', async () => {
  const world = await verifyWorld({ changes: FOUND });
  await world.rebuilds.record('111122223333/eu-west-1/team/base:^22$', '20261124T030000Z-aaaaaaaaaaaa', (one) => {
    const { headBefore: _, ...first } = one as Rebuild;
    return first;
  });
  push(world, 'new', { tags: ['22'] });
  world.scanner.finds(NEW, [NEWS]).completesAtOnce = true;
  expect(await verified(world)).toMatchObject({ result: 'fixed', alsoFound: [named] });
});

test('without a new finding, neither the previous head nor its parents are read', async () => {
  const world = await built();
  world.scanner.finds(NEW, []);
  const machine = await new VerifyMachine(world).run('check');
  await builtOn(world, NEW, BASE);
  const reads = world.scanner.reads.filter(({ digest }) => digest === OLD).length;
  await machine.run();
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'fixed' });
  expect(world.scanner.reads.filter(({ digest }) => digest === OLD)).toHaveLength(reads);
});
