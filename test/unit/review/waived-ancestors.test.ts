import { jest } from '@jest/globals';
import { judgeBatch } from '../../../functions/policy-evaluation/judge-batch.ts';
import type { LineageEvidence } from '../../../shared/domain/lineage/parent.ts';
import { type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import { ancestorReader } from '../../../shared/judging/waived-ancestors.ts';
import { parse } from '../../../shared/schema.ts';
import {
  ask,
  batchOf,
  digestOf,
  factsOf,
  finding,
  first,
  policyDocument,
  runs,
  type World,
  worldWith,
} from '../policy-evaluation/support.ts';

const [APP, PLATFORM, BASE] = [digestOf(1), digestOf(2), digestOf(3)];
const BASE_PLACE = { ...first, repository: 'base/os' };

const waiver = {
  ...{ id: 'accepted', finding: 'CVE-1', reason: 'not reachable from outside', author: 'security@example.com' },
  ...{ created: '2026-11-01', expires: '2026-12-01' },
};
const waived: PolicyDocument = { ...policyDocument, waivers: [{ ...waiver, scope: { repositories: ['base/*'] } }] };

/** An application on a platform on a base, all of them scanned; the base has a finding that is waived there. */
async function threeTiers({ document = waived, link = 'layers' as LineageEvidence, base = [finding('CVE-1')] } = {}) {
  const world = await worldWith(document);
  await runs(world, BASE, { tier: 'base', stream: 'base', locations: [BASE_PLACE] });
  await runs(world, PLATFORM, { tier: 'platform', stream: 'platform' });
  await runs(world, APP);
  await below(world, PLATFORM, BASE, link);
  await below(world, APP, PLATFORM, 'history');
  world.scanner.finds(BASE, base);
  for (const digest of [APP, PLATFORM]) world.scanner.finds(digest, [finding('CVE-1')]);
  for (const [digest, place] of [
    [BASE, BASE_PLACE],
    [PLATFORM, first],
    [APP, first],
  ] as const)
    await ask(world, digest, place);
  world.advance(60_000);
  return world;
}

const below = (world: World, digest: typeof APP, parent: typeof APP, evidence: LineageEvidence) =>
  world.images.recordLineage(digest, (before) => before && { ...before, parent: { digest: parent, evidence } });

async function judged(world: World, digest = APP): Promise<ImageRecord['verdict']> {
  // What is below may be judged after what is built on it: then the next review knows.
  await judgeBatch(world.ports, batchOf(world, [BASE]));
  await judgeBatch(world.ports, batchOf(world, [PLATFORM, APP]));
  return world.images.records.get(digest)?.verdict;
}

test('a waiver of a base reaches what is built on it, over a platform that lies outside its scope', async () => {
  const world = await threeTiers();
  expect(await judged(world)).toMatchObject({
    status: 'compliant',
    reasons: [{ effect: 'waived', waiverId: 'accepted', waivedThrough: BASE }],
  });
  expect((await judged(world, BASE))?.reasons[0]).not.toHaveProperty('waivedThrough');
  expect((await world.causes.get([factsOf(APP).stream ?? ''])).size).toBe(0);
});

test('a waiver of a base does not cover the same vulnerability in a package that the base does not have', async () => {
  const world = await threeTiers({ base: [{ ...finding('CVE-1'), version: '3.0.0' }] });
  expect(await judged(world)).toMatchObject({ status: 'violating' });
});

test.each<[LineageEvidence, string]>([
  ['diff-ids', 'compliant'],
  ['declared', 'compliant'],
  ['label-digest', 'violating'],
  ['label-name', 'violating'],
  ['earliest-push', 'violating'],
])('along %s in the lineage: %s', async (link, status) => {
  expect(await judged(await threeTiers({ link }))).toMatchObject({ status });
});

test('an unscanned base passes no waiver on', async () => {
  const world = await threeTiers();
  await judgeBatch(world.ports, batchOf(world, [APP]));
  expect(world.images.records.get(APP)?.verdict?.status).toBe('violating');
});

test.each<[string, PolicyDocument]>([
  ['no waiver', policyDocument],
  ['waivers that hold everywhere', { ...waived, waivers: [{ ...waiver, scope: { package: 'zlib' } }] }],
  ['waivers that cover the image itself', { ...waived, waivers: [{ ...waiver, scope: { repositories: ['apps/*'] } }] }],
])('%s: nothing below is read', async (_, document) => {
  const world = await threeTiers({ document });
  const [reads, findings] = [jest.spyOn(world.images, 'get'), jest.spyOn(world.evidence, 'findings')];
  const image = world.images.records.get(APP) as ImageRecord;
  expect(await ancestorReader(world)(image, parse(policySchema, document), world.clock())).toEqual([]);
  expect([reads.mock.calls.length, findings.mock.calls.length]).toEqual([0, 0]);
});

test('many images on one base: the base is read once', async () => {
  const world = await threeTiers();
  await judgeBatch(world.ports, batchOf(world, [BASE]));
  const reader = ancestorReader(world);
  const findings = jest.spyOn(world.evidence, 'findings');
  const image = world.images.records.get(APP) as ImageRecord;
  for (let n = 0; n < 20; n += 1)
    expect(await reader(image, parse(policySchema, waived), world.clock())).toMatchObject([{ digest: BASE }]);
  expect(findings.mock.calls.length).toBe(1);
});

test('lineages in a circle end the reading', async () => {
  const world = await threeTiers();
  await below(world, BASE, APP, 'layers');
  const image = world.images.records.get(APP) as ImageRecord;
  const found = await ancestorReader(world)(image, parse(policySchema, waived), world.clock());
  expect(found.map(({ digest }) => digest)).toEqual([BASE]);
});

test('after its end the base is read as long as a door gives grace, and the verdict says until when it was covered', async () => {
  const document: PolicyDocument = { ...waived, doors: { mode: 'deny', graceRunningDays: 14 } };
  const world = await threeTiers({ document });
  await judged(world);
  world.advance(Date.UTC(2026, 11, 2) + 13 * 86_400_000 - world.clock());
  const read = async (of: PolicyDocument) =>
    ancestorReader(world)(world.images.records.get(APP) as ImageRecord, parse(policySchema, of), world.clock());
  expect(await read(document)).toMatchObject([{ digest: BASE }]);
  expect(await read(waived)).toEqual([]);
  expect((await judged(world))?.reasons).toMatchObject(
    expect.arrayContaining([expect.objectContaining({ kind: 'finding', waivedUntilEpochMs: Date.UTC(2026, 11, 2) })]),
  );
  world.advance(86_400_000);
  expect(await read(document)).toEqual([]);
});
