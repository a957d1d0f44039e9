import { jest } from '@jest/globals';
import type { ConfigFacts } from '../../../shared/domain/image/config-facts.ts';
import type { Parent } from '../../../shared/domain/lineage/parent.ts';
import { type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import { configBelowReader } from '../../../shared/judging/config-below.ts';
import { parse } from '../../../shared/schema.ts';
import { digestOf, factsOf, policyDocument } from './support.ts';

const policyOf = (changes: Partial<PolicyDocument> = { sourceKnown: {} }) =>
  parse(policySchema, { ...policyDocument, ...changes });

const facts = (source: string): ConfigFacts => ({ source });
const BASE = 'base-stream';

const record = (number: number, changes: Partial<ImageRecord>): ImageRecord => ({
  ...factsOf(digestOf(number)),
  ...{ inUse: true, isHead: false, scan: { state: 'complete', coverage: ['os'] } },
  ...changes,
});

const on = (number: number, evidence: Parent['evidence'] = 'layers') => ({
  lineage: {
    parent: { digest: digestOf(number), evidence },
    age: { known: true, bornAtEpochMs: 0, decidedBy: digestOf(number) } as const,
  },
});

const app = record(1, { configFacts: facts('app'), ...on(2) });

async function readBelow(image: ImageRecord, others: readonly ImageRecord[], policy = policyOf()) {
  const known = new Map(others.map((one) => [one.digest, one]));
  const get = jest.fn(async (digests: readonly ImageRecord['digest'][]) => {
    return new Map(digests.flatMap((one) => (known.has(one) ? [[one, known.get(one) as ImageRecord]] : [])));
  });
  const read = configBelowReader({ images: { get } });
  const below = await read(image, policy);
  expect(await read(image, policy)).toEqual(below);
  return { below, reads: get.mock.calls.length };
}

test('the config of the parent is read once', async () => {
  const base = record(2, { stream: BASE, configFacts: facts('base') });
  expect(await readBelow(app, [base])).toEqual({ below: { facts: facts('base') }, reads: 1 });
});

test('an earlier image of the stream, and one with the same content, is passed over', async () => {
  const base = record(4, { stream: BASE, configFacts: facts('base') });
  const same = record(3, { stream: 'copy', configFacts: facts('app'), ...on(4) });
  const earlier = record(2, { configFacts: facts('app'), ...on(3, 'earliest-push') });
  expect((await readBelow(app, [base, same, earlier])).below).toEqual({ facts: facts('base') });
  expect((await readBelow(app, [record(2, { configFacts: facts('app') })])).below).toBeUndefined();
});

test('two images that are of no stream are not of the same source', async () => {
  const { stream: _, ...unmanaged } = app;
  const { stream: __, ...vendors } = record(2, { configFacts: facts('vendor') });
  expect((await readBelow(unmanaged, [vendors])).below).toEqual({ facts: facts('vendor') });
});

test('a parent that is not known, or has no config, is unread, unless only a claim names it', async () => {
  const unread = record(2, { stream: BASE });
  for (const others of [[], [unread]]) {
    expect((await readBelow(app, others)).below).toEqual({});
    expect((await readBelow({ ...app, ...on(2, 'label-name') }, others)).below).toBeUndefined();
  }
});

test('nothing is read where no rule asks, or where there is no parent', async () => {
  const { lineage: _, ...unplaced } = app;
  const { configFacts: __, ...unread } = app;
  const none = { below: undefined, reads: 0 };
  expect(await readBelow(app, [], policyOf({}))).toEqual(none);
  expect(await readBelow(app, [], policyOf({ sourceKnown: { tiers: ['base'] } }))).toEqual(none);
  expect(await readBelow(unplaced, [])).toEqual(none);
  expect(await readBelow(unread, [])).toEqual(none);
});
