import { gzipSync } from 'node:zlib';
import { BatchWriteCommand, DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { itemBytes } from '../../../bench/capacity.ts';
import { DynamoUsageLedger } from '../../../shared/adapters/dynamodb/images/usage-ledger.ts';
import {
  imageContent,
  imageState,
  ledgerRecord,
  packLists,
  unpackedItem,
  unpackLists,
} from '../../../shared/adapters/dynamodb/table/items.ts';
import * as keys from '../../../shared/adapters/dynamodb/table/keys.ts';
import { shardOf } from '../../../shared/adapters/dynamodb/table/keys.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table/table.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import {
  cause,
  digestOf,
  findingReason,
  imageProperties,
  NOON_EPOCH_MS,
  review,
  usage,
  verdict,
} from '../../support/samples.ts';
import { fc } from '../../support/seeded.ts';

const bornAtEpochMs = Date.UTC(2026, 10, 1);
const image = (changes: Partial<ImageRecord>): ImageRecord => ({
  ...imageProperties('a', { birth: { known: true, bornAtEpochMs, evidence: [] } }),
  ...{ inUse: false, isHead: false, lineage: { age: { known: true, bornAtEpochMs, decidedBy: digestOf('a') } } },
  scan: { state: 'off', coverage: [] },
  ...changes,
});
const shard = shardOf(digestOf('a'));
const age = { agePk: `AGE#${shard}`, ageSk: `2026-11-01T00:00:00.000Z#${digestOf('a')}` };
const open = (status: string) => ({ verdictPk: `VERDICT#${status}#${shard}`, verdictSk: digestOf('a') });

test.each<[string, Partial<ImageRecord>, object]>([
  ['neither used nor head', { verdict: verdict('violating') }, {}],
  ['used, not judged', { inUse: true }, age],
  ['a head, violating', { isHead: true, verdict: verdict('violating') }, age],
  ['used, violating', { inUse: true, verdict: verdict('violating') }, { ...age, ...open('violating') }],
  ['used, unknown', { inUse: true, verdict: verdict('unknown') }, { ...age, ...open('unknown') }],
  ['used, compliant', { inUse: true, verdict: verdict('compliant') }, age],
  ['used, of unknown age', { inUse: true, lineage: { age: { known: false, unknown: [digestOf('a')] } } }, {}],
  ['used, of an unread lineage', { inUse: true, lineage: undefined as never }, {}],
])('the indexes of an image that is %s', (_, changes, expected) => {
  const { agePk, ageSk, verdictPk, verdictSk } = imageContent({ record: image(changes) });
  const present = Object.entries({ agePk, ageSk, verdictPk, verdictSk }).filter(([, value]) => value !== undefined);
  expect(Object.fromEntries(present)).toEqual(expected);
});

test('an image is read back from its item with any number of reasons', () => {
  fc.assert(
    fc.property(fc.nat(500), fc.boolean(), fc.option(fc.string(), { nil: undefined }), (count, inUse, scanAskedBy) => {
      const reasons = Array.from({ length: count }, (_, n) => findingReason(n));
      const record = image({ inUse, verdict: verdict('violating', { reasons }) });
      const state = { record, ...(scanAskedBy !== undefined && { scanAskedBy }) };
      const item = { ...keys.image(record.digest), ...imageContent(state), rev: 3 };
      expect(imageState(item)).toEqual(state);
      expect(unpackedItem(item).verdict).toEqual(record.verdict);
    }),
    { numRuns: 40 },
  );
});

test('5,000 reasons take a fraction of the 400 KB of an item', () => {
  const reasons = Array.from({ length: 5000 }, (_, n) => findingReason(n));
  const { said } = imageContent({ record: image({ verdict: verdict('violating', { reasons }) }) });
  expect((said as Uint8Array).byteLength).toBeLessThan(150_000);
});

/** As a review knows an image that is built on two others, with 25 findings that count. */
function judgedImage(): ImageRecord {
  const digestIn = (what: string) => digestOf(`${what} of the image`);
  const bornAtEpochMs = NOON_EPOCH_MS - 40 * 86_400_000;
  const reasons = Array.from({ length: 25 }, (_, n) => findingReason(n * 7));
  return {
    ...imageProperties('a', { chainId: digestIn('chain'), unpackedId: digestIn('content'), layerCount: 9 }),
    ...{ inUse: true, isHead: true, judgedAtEpochMs: NOON_EPOCH_MS, findingsCount: 60 },
    findingsFingerprint: digestIn('findings').slice('sha256:'.length),
    scan: {
      ...{ state: 'complete', coverage: ['os'] },
      ...{ requestedAtEpochMs: NOON_EPOCH_MS - 9_000, completedAtEpochMs: NOON_EPOCH_MS - 1_000 },
    },
    lineage: {
      parent: { digest: digestIn('parent'), evidence: 'layers' },
      age: {
        ...{ known: true, bornAtEpochMs, decidedBy: digestIn('base') },
        younger: ['parent', 'a'].map((name) => ({ bornAtEpochMs: bornAtEpochMs + 1, decidedBy: digestIn(name) })),
      },
    },
    verdict: verdict('violating', { reasons }),
  };
}

// A review writes each image twice a day, and each started KB is a write unit.
test('an image with all that a review knows of it is written with two write units', () => {
  const record = judgedImage();
  const item = {
    ...keys.image(record.digest),
    ...imageContent({ record, scanAskedBy: 'scheduled-2026-11-24' }),
    rev: 3.5,
  };
  expect(imageState(item).record).toEqual(record);
  // On the wire the text of a binary is base64.
  const said = { B: Buffer.from((item as { said?: Uint8Array }).said ?? []).toString('base64') };
  const bytes = itemBytes({ ...marshall(item, { removeUndefinedValues: true }), said });
  expect(bytes).toBeGreaterThan(1024);
  expect(bytes).toBeLessThan(2048 - 200);
});

test('the same image gives the same item, in any order of members', () => {
  const record = judgedImage();
  const reversed = (value: unknown): unknown =>
    value === null || typeof value !== 'object' || Array.isArray(value)
      ? value
      : Object.fromEntries(
          Object.entries(value)
            .reverse()
            .map(([name, member]) => [name, reversed(member)]),
        );
  expect(imageContent({ record: reversed(record) as ImageRecord })).toEqual(imageContent({ record }));
});

test('an item of an earlier version, which packed the reasons alone, is read', () => {
  const record = judgedImage();
  const reasons = new Uint8Array(gzipSync(JSON.stringify(record.verdict?.reasons)));
  const item = {
    ...keys.image(record.digest),
    ...record,
    kind: 'image',
    verdict: { ...record.verdict, reasons },
    rev: 3,
  };
  expect(imageState(item as never)).toEqual({ record });
  expect(unpackedItem(item)).toMatchObject(record);
});

test('the stream of the table is read in the words of the domain', () => {
  const key = { PK: 'x', SK: 'y' };
  const record = image({});
  expect(ledgerRecord({ ...keys.image(record.digest), ...imageContent({ record, scanAskedBy: 'run-1' }) })).toEqual({
    kind: 'image',
    record,
  });
  const pointer = { version: 'v', author: 'somebody', atEpochMs: NOON_EPOCH_MS };
  expect(ledgerRecord({ ...key, kind: 'policy', ...pointer })).toEqual({ kind: 'policy', record: pointer });
  expect(ledgerRecord({ ...key, kind: 'run', ...review('r') })).toEqual({ kind: 'run', record: review('r') });
  const { facts: causeFacts, ...rest } = cause('s');
  expect(
    ledgerRecord({ ...key, kind: 'cause', ...rest, facts: causeFacts, openPk: 'OPEN#CAUSE', openSk: 's' }),
  ).toEqual({
    kind: 'cause',
    record: cause('s'),
  });
  const open = { openPk: 'OPEN#CLOSURE', openSk: 's' };
  const closure = { cascadeId: 'c-g1', stream: 's', state: 'open', facts: cause('s').facts };
  expect(ledgerRecord({ ...key, rev: 3, kind: 'closure', ...open, ...closure })).toEqual({
    kind: 'closure',
    record: closure,
  });
  const many = Array.from({ length: 5000 }, (_, n) => ({ kind: 'age', ruleId: `rule-${n}`, sinceEpochMs: n }));
  const rebuild = { rebuildId: 'r', stream: 's', outcome: { result: 'ineffective', left: many }, facts: many };
  expect(ledgerRecord({ ...key, rev: 3, ...packLists(rebuild), kind: 'rebuild' })).toEqual({
    kind: 'rebuild',
    record: rebuild,
  });
  for (const kind of ['usage', 'lease', 'tag', undefined])
    expect(ledgerRecord({ ...key, kind })).toEqual({ kind: 'other' });
});

test('a live usage is in the index of its scope and never expires; an ended one is under its week and does after 90 days', async () => {
  const dynamo = mockClient(DynamoDBDocumentClient);
  dynamo.on(BatchWriteCommand).resolves({});
  const ledger = new DynamoUsageLedger(new LedgerTable(dynamo as unknown as DynamoDBDocumentClient, 'ledger'));
  await ledger.record([usage('a')], NOON_EPOCH_MS);
  await ledger.end([usage('a')], NOON_EPOCH_MS);
  const [live, ended] = dynamo
    .commandCalls(BatchWriteCommand)
    .map(({ args }) => args[0].input.RequestItems?.ledger?.[0]?.PutRequest?.Item);
  expect(live).toMatchObject({ scopePk: 'USE#111122223333/eu-west-1' });
  expect(live).not.toHaveProperty('expiresAt');
  // 2026-11-24T03:00:00Z and 90 days, in seconds.
  expect(ended).toMatchObject({ PK: live?.PK, SK: live?.SK, expiresAt: 1_803_265_200 });
  expect(ended).toMatchObject({ scopePk: expect.stringMatching(/^ENDED#2968#\d$/) });
});

test('a record is read back from its item with lists of any length and depth', () => {
  const list = fc
    .integer({ min: 0, max: 3000 })
    .map((length) => Array.from({ length }, (_, n) => ({ name: `fact-${n}` })));
  const record = fc.record({ id: fc.string(), facts: list, outcome: fc.record({ left: list, reason: fc.string() }) });
  fc.assert(
    fc.property(record, (original) => {
      const packed = packLists(original);
      expect(unpackLists(packed)).toEqual(original);
      expect(unpackedItem(packed)).toEqual(original);
      expect(JSON.stringify(packed).length).toBeLessThan(400_000);
    }),
    { numRuns: 50 },
  );
});
