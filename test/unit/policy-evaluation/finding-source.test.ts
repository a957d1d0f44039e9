import { type FindingSource, findingSource } from '../../../functions/policy-evaluation/finding-source.ts';
import { policySchema } from '../../../shared/domain/policy/policy.ts';
import type { ScanState } from '../../../shared/domain/scan/scan.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import { parse } from '../../../shared/schema.ts';
import { DAY_MS, digestOf, factsOf, first, HOUR_MS, policyDocument } from './support.ts';

const START = 1_795_489_200_000;
const NOW = START + HOUR_MS;
const run = { startedAtEpochMs: START, policyVersion: 'v1' };

const image = (scan: Partial<ScanState>, judgedAtEpochMs?: number, policyVersion = 'v1'): ImageRecord => ({
  ...factsOf(digestOf(1)),
  inUse: true,
  isHead: false,
  scan: { state: 'complete', coverage: ['os'], ...scan },
  verdict: { status: 'compliant', reasons: [], policyVersion },
  ...(judgedAtEpochMs !== undefined && { judgedAtEpochMs }),
});

const placed = { age: { known: true, bornAtEpochMs: START, decidedBy: digestOf(1) } } as const;
const unread = (changes: Partial<ImageRecord>): ImageRecord => ({
  ...image({ completedAtEpochMs: START - HOUR_MS }, START + 1),
  verdict: {
    ...{ status: 'unknown', policyVersion: 'v1' },
    reasons: [{ ruleId: 'age-known', effect: 'unknown', kind: 'age-unknown', isLineageUnread: true }],
  },
  ...changes,
});

const POLICY = parse(policySchema, {
  ...policyDocument,
  streams: [
    {
      ...{ id: 'web', tier: 'application', account: first.account, regions: [first.region], owner: 'web' },
      ...{ repositories: [first.repository], headTags: ['^v1$'] },
    },
  ],
});

const asked = START + 60_000;

test.each<[string, ImageRecord, FindingSource]>([
  [
    'asked and answered, judged since',
    image({ requestedAtEpochMs: asked, completedAtEpochMs: asked + 9 }, asked + 10),
    'judged',
  ],
  [
    'answered by a clock of whole seconds, judged since',
    image({ requestedAtEpochMs: asked, completedAtEpochMs: asked - 500 }, asked + 10),
    'judged',
  ],
  [
    'asked, and only an older result is there',
    image({ requestedAtEpochMs: asked, completedAtEpochMs: START - HOUR_MS }, START - HOUR_MS),
    'read',
  ],
  ['asked, and never scanned before', image({ state: 'off', requestedAtEpochMs: asked }), 'read'],
  ['a scan in progress', image({ state: 'requested', requestedAtEpochMs: asked }, asked + 10), 'read'],
  ['refused in this run', image({ state: 'failed', requestedAtEpochMs: asked }, asked + 10), 'state'],
  [
    'refused in an earlier run',
    image({ state: 'failed', requestedAtEpochMs: START - HOUR_MS }, START - HOUR_MS),
    'read',
  ],
  ['judged in this run by another policy', image({ completedAtEpochMs: START - HOUR_MS }, START + 1, 'v0'), 'evidence'],
  ['scanned recently, judged in an earlier run', image({ completedAtEpochMs: START - HOUR_MS }, START - 1), 'evidence'],
  ['scanned less than a day ago', image({ completedAtEpochMs: NOW - DAY_MS + 1 }, START - 1), 'evidence'],
  ['scanned a day ago and not asked for', image({ completedAtEpochMs: NOW - DAY_MS }, START - 1), 'read'],
  ['judged in this run before its lineage was read', unread({ lineage: placed }), 'evidence'],
  ['judged in this run, and its lineage is unread still', unread({}), 'judged'],
  ['outside ECR', { ...image({ completedAtEpochMs: START }), locations: [] }, 'state'],
])('%s', (_, record, look) => expect(findingSource(record, run, NOW, POLICY)).toBe(look));

test('what an event judged before this run read its tags is judged again', () => {
  const policy = { ...POLICY, tags: { id: 'tags', tiers: { application: 'unique' as const } } };
  const judged = image({ completedAtEpochMs: START - HOUR_MS }, START + 1);
  const tagged = (tag: string) => ({ ...judged, tagFacts: [{ location: first, tags: [tag] }] });
  expect(findingSource(judged, run, NOW, policy)).toBe('evidence');
  expect(findingSource(tagged('v1'), run, NOW, policy)).toBe('evidence');
  expect(findingSource(tagged('0a1b2c3-1'), run, NOW, policy)).toBe('judged');
});
