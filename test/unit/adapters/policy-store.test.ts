import { gzipSync } from 'node:zlib';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { jest } from '@jest/globals';
import { mockClient } from 'aws-sdk-client-mock';
import { DynamoPoliciesBeside, DynamoPolicyStore } from '../../../shared/adapters/dynamodb/policy/policies.ts';
import type { Item } from '../../../shared/adapters/dynamodb/table/item.ts';
import { ledgerRecord } from '../../../shared/adapters/dynamodb/table/items.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table/table.ts';
import { canonicalJson, sha256Hex } from '../../../shared/domain/common/canonical-json.ts';
import { type Policy, policySchema } from '../../../shared/domain/policy/policy.ts';
import { policyVersion } from '../../../shared/domain/policy/policy-check.ts';
import { announce } from '../../../shared/events/announce.ts';
import { parse } from '../../../shared/schema.ts';
import { MemoryTable } from '../../support/memory-dynamo.ts';
import { awsError } from './support.ts';

const s3 = mockClient(S3Client);
beforeEach(() => s3.reset());
const table = new LedgerTable({} as DynamoDBDocumentClient, 'ledger');
const store = new DynamoPolicyStore(table, s3 as unknown as S3Client, 'evidence');

test.each([
  ['is no JSON', '{"version": 1,'],
  ['breaks a rule', '{"version": 1, "ages": {}, "streams": [], "severities": []}'],
  ['is of tomorrow', '{"version": 2}'],
  ['is empty', ''],
])('a stored document that %s is never a policy', async (_, text) => {
  s3.on(GetObjectCommand).resolves({ Body: { transformToString: async () => text } as never });
  await expect(store.load('v1')).rejects.toMatchObject({
    name: 'PolicyUnreadableError',
    message: expect.stringContaining('v1'),
  });
});

test('a document without read permission is unreadable, also a missing one for callers that must not list the bucket', async () => {
  s3.on(GetObjectCommand).rejects(awsError('AccessDenied'));
  await expect(store.load('v1')).rejects.toMatchObject({ name: 'PolicyUnreadableError', version: 'v1' });
});

test('a bucket that is busy or down is no missing policy', async () => {
  s3.on(GetObjectCommand).rejects(awsError('SlowDown'));
  await expect(store.load('v1')).rejects.toMatchObject({ name: 'SlowDown' });
});

test('a version is read once, also by concurrent callers; an unreadable one is read again', async () => {
  const text = '{"version": 1, "ages": {"default": {"limitDays": 30}}, "streams": [], "severities": []}';
  s3.on(GetObjectCommand)
    .rejectsOnce(awsError('SlowDown'))
    .resolves({ Body: { transformToString: async () => text } as never });
  await expect(store.load('v2')).rejects.toMatchObject({ name: 'SlowDown' });
  const [one, other] = await Promise.all([store.load('v2'), store.load('v2')]);
  expect(one).toMatchObject({ version: 'v2', policy: { ages: { default: { limitDays: 30 } } } });
  expect(other).toEqual(one);
  expect(await store.load('v2')).toEqual(one);
  expect(s3.commandCalls(GetObjectCommand)).toHaveLength(2);
});

test('versions share the stream rules that are the same, and at most 64 versions are kept', async () => {
  const streamOf = (id: string) => ({
    ...{ id, tier: 'application', owner: 'a', account: '111122223333', regions: ['eu-west-1'] },
    ...{ repositories: [`team/${id}`], headTags: ['main'] },
  });
  const textOf = (n: number) => {
    const streams = [streamOf('same'), streamOf(`only-${n}`)];
    const policy = { version: 1, ages: { default: { limitDays: 30 } }, streams, severities: [] };
    return canonicalJson(parse(policySchema, policy));
  };
  s3.on(GetObjectCommand).callsFake(({ Key = '' }: { readonly Key?: string }) => ({
    Body: { transformToString: async () => textOf(Number(/\d+/.exec(Key)?.[0])) },
  }));
  const rulesOf = async (n: number) => (await store.load(`v${n}`)).policy.streams;
  const [first, second] = [await rulesOf(0), await rulesOf(1)];
  expect(first[0]).toBe(second[0]);
  expect(first[1]).not.toEqual(second[1]);
  for (let n = 2; n < 64; n += 1) await rulesOf(n);
  expect(await rulesOf(0)).toBe(first);
  await rulesOf(64);
  expect(await rulesOf(0)).not.toBe(first);
});

test('each document is kept with who wrote it and what it replaces', async () => {
  s3.on(PutObjectCommand).resolves({});
  const put = jest.spyOn(table, 'put').mockResolvedValue(true);
  const found = { PK: 'POLICY', SK: 'CURRENT', kind: 'policy', version: 'v0', atEpochMs: 0, author: 'jo' };
  jest.spyOn(table, 'get').mockResolvedValue(found);
  s3.on(GetObjectCommand).rejects(awsError('AccessDenied'));
  const policy = parse(policySchema, { version: 1, ages: { default: { limitDays: 30 } }, streams: [], severities: [] });
  await store.publish(policy, { author: 'arn:aws:sts::1:assumed-role/ops/jos\u00e9\n', replaces: 'v0', atEpochMs: 0 });
  const [
    {
      args: [{ input }],
    } = { args: [{ input: undefined }] },
  ] = s3.commandCalls(PutObjectCommand);
  expect(input?.Metadata).toEqual({ author: 'arn:aws:sts::1:assumed-role/ops/jos??', replaces: 'v0' });
  // That a policy was applied, and which one.
  expect(put.mock.calls.map(([item]) => (item as { SK: string }).SK)).toEqual(['APPLIED', 'CURRENT']);
});

describe('a door with a replica of the table, while the Region of the bucket is down', () => {
  const document = { version: 1, ages: { default: { limitDays: 30 } }, streams: [], severities: [] };
  const policy = parse(policySchema, document);
  const other = parse(policySchema, { ...document, ages: { default: { limitDays: 14 } } });
  const down = () => s3.on(GetObjectCommand).rejects(awsError('TimeoutError'));

  async function published(): Promise<MemoryTable> {
    const memory = new MemoryTable();
    s3.on(PutObjectCommand).resolves({});
    await new DynamoPolicyStore(
      new LedgerTable(memory.client(), 'ledger'),
      s3 as unknown as S3Client,
      'evidence',
    ).publish(policy, { author: 'jo', atEpochMs: 1 });
    return memory;
  }
  const doorOf = (memory: MemoryTable) =>
    new DynamoPoliciesBeside(new LedgerTable(memory.client(), 'ledger'), s3 as unknown as S3Client, 'evidence');
  const pointerOf = (memory: MemoryTable) =>
    memory.items.get('POLICY CURRENT') as Item & {
      document?: Uint8Array;
      earlier?: Uint8Array;
      atEpochMs?: number;
    };

  test('reads the policy from the item that names it, without a call to the bucket', async () => {
    const memory = await published();
    down();
    expect(await doorOf(memory).current()).toMatchObject({ version: policyVersion(policy), policy });
    expect(s3.commandCalls(GetObjectCommand)).toHaveLength(0);
  });

  test.each<[string, (item: ReturnType<typeof pointerOf>) => object]>([
    ['an earlier version wrote without a document', ({ document: _, ...item }) => item],
    ['holds the document of another policy', (item) => ({ ...item, document: gzipSync(canonicalJson(other)) })],
    ['holds a damaged document', (item) => ({ ...item, document: new Uint8Array([1, 2, 3]) })],
  ])('reads the bucket for a pointer that %s', async (_, change) => {
    const memory = await published();
    memory.items.set('POLICY CURRENT', change(pointerOf(memory)) as Item);
    s3.on(GetObjectCommand).resolves({ Body: { transformToString: async () => canonicalJson(policy) } as never });
    expect((await doorOf(memory).current()).policy).toEqual(policy);
    expect(s3.commandCalls(GetObjectCommand)).toHaveLength(1);
    down();
    await expect(doorOf(memory).current()).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  test('applying the policy in force again adds a missing document, and tells of no new policy', async () => {
    const memory = await published();
    const { document: _, ...earlier } = pointerOf(memory);
    memory.items.set('POLICY CURRENT', earlier as Item);
    const version = policyVersion(policy);
    const again = new DynamoPolicyStore(
      new LedgerTable(memory.client(), 'ledger'),
      s3 as unknown as S3Client,
      'evidence',
    );
    await again.publish(policy, { author: 'ada', atEpochMs: 2, replaces: version });
    expect(pointerOf(memory)).toMatchObject({ version, author: 'jo', atEpochMs: 1, document: expect.any(Uint8Array) });
    expect(announce(ledgerRecord(earlier), ledgerRecord(pointerOf(memory)))).toEqual([]);
  });

  const storeIn = (memory: MemoryTable) =>
    new DynamoPolicyStore(new LedgerTable(memory.client(), 'ledger'), s3 as unknown as S3Client, 'evidence');
  const spansOf = async (memory: MemoryTable) =>
    (await doorOf(memory).current()).applied.map(({ fromEpochMs, untilEpochMs }) => [fromEpochMs, untilEpochMs]);

  test('a document that is added keeps what is known of the policies before', async () => {
    const memory = await published();
    await storeIn(memory).publish(other, { author: 'jo', atEpochMs: 5, replaces: policyVersion(policy) });
    const { document: _, ...earlier } = pointerOf(memory);
    memory.items.set('POLICY CURRENT', earlier as Item);
    await storeIn(memory).publish(other, { author: 'ada', atEpochMs: 9, replaces: policyVersion(other) });
    expect(await spansOf(memory)).toEqual([
      [5, undefined],
      [1, 5],
    ]);
  });

  test('a policy that another person replaced and put back meanwhile is in the history of the next one', async () => {
    const memory = await published();
    const [first, second] = [policyVersion(policy), policyVersion(other)];
    const slow = new (class extends DynamoPolicyStore {
      #isFirst = true;
      protected override async pointer() {
        const found = await super.pointer();
        if (!this.#isFirst) return found;
        this.#isFirst = false;
        await storeIn(memory).publish(other, { author: 'bob', atEpochMs: 3, replaces: first });
        await storeIn(memory).publish(policy, { author: 'bob', atEpochMs: 4, replaces: second });
        return found;
      }
    })(new LedgerTable(memory.client(), 'ledger'), s3 as unknown as S3Client, 'evidence');
    await slow.publish({ ...policy, staleScanHours: 72 }, { author: 'jo', atEpochMs: 7, replaces: first });
    expect(await spansOf(memory)).toEqual([
      [7, undefined],
      [4, 7],
      [3, 4],
      [1, 3],
    ]);
  });

  test.each<[string, (item: ReturnType<typeof pointerOf>) => object, readonly unknown[]]>([
    [
      'of version 0.2.0 has no history, and is in force since its own instant',
      ({ document: _, earlier: __, ...item }) => item,
      [[5, undefined]],
    ],
    ['with a damaged history has none', (item) => ({ ...item, earlier: new Uint8Array([1, 2]) }), [[5, undefined]]],
    [
      'without an instant counts as older than each grace',
      ({ atEpochMs: _, ...item }) => item,
      [
        [0, undefined],
        [1, 5],
      ],
    ],
  ])('a pointer %s', async (_, change, spans) => {
    const memory = await published();
    await storeIn(memory).publish(other, { author: 'jo', atEpochMs: 5, replaces: policyVersion(policy) });
    memory.items.set('POLICY CURRENT', change(pointerOf(memory)) as Item);
    s3.on(GetObjectCommand).resolves({ Body: { transformToString: async () => canonicalJson(other) } as never });
    expect(await spansOf(memory)).toEqual(spans);
  });

  test('what is known of 40 policies takes some kilobytes', async () => {
    const memory = await published();
    let replaces = policyVersion(policy);
    for (let n = 0; n < 60; n += 1) {
      const allow = Array.from({ length: 30 + (n % 4) }, (__, at) => `${at}.registry.example/team-${at}/**`);
      const next = { ...policy, approvedRegistries: { id: 'approved', allow }, staleScanHours: 24 + n };
      replaces = await storeIn(memory).publish(next, { author: 'jo', atEpochMs: 10 + n, replaces });
    }
    expect(await spansOf(memory)).toHaveLength(41);
    expect(pointerOf(memory).earlier?.byteLength).toBeLessThan(8 * 1024);
  });

  test('a policy of 3,000 streams lies beside its pointer; one that does not fit is in the bucket alone', async () => {
    const stream = (id: string) => ({
      ...{ id, tier: 'application', owner: `team-${id}`, headTags: ['^[0-9a-f]{7,40}-[0-9]+$'] },
      ...{ repositories: [`${id}/*`] },
    });
    const many = Array.from({ length: 3000 }, (_, at) => stream(sha256Hex(String(at)).slice(0, 20)));
    const memory = await published();
    const store = new DynamoPolicyStore(
      new LedgerTable(memory.client(), 'ledger'),
      s3 as unknown as S3Client,
      'evidence',
    );
    const big = { ...policy, streams: many } as unknown as Policy;
    const version = await store.publish(big, { author: 'jo', atEpochMs: 1, replaces: policyVersion(policy) });
    expect(pointerOf(memory)).toMatchObject({ version, document: expect.any(Uint8Array) });
    const long = Array.from({ length: 20_000 }, (_, at) => stream(sha256Hex(String(at))));
    const huge = { ...policy, streams: long } as unknown as Policy;
    const next = await store.publish(huge, { author: 'jo', atEpochMs: 1, replaces: version });
    expect(pointerOf(memory)).toMatchObject({ version: next });
    expect(pointerOf(memory)).not.toHaveProperty('document');
  });
});
