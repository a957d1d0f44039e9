import { type Policy, type PolicyDocument, policySchema } from '../../../../shared/domain/policy/policy.ts';
import { type AgeEntry, type AgeQuestion, ageList, birthsAsked } from '../../../../shared/domain/verdict/age-list.ts';
import type { ImageRecord } from '../../../../shared/domain/verdict/image-record.ts';
import { parse } from '../../../../shared/schema.ts';
import { fc } from '../../../support/seeded.ts';
import { completeScan, DAY, digestOf, image, LOCATION, NOW, tiers } from '../arbitraries.ts';

const policyOf = (changes: Partial<PolicyDocument> = {}): Policy =>
  parse(policySchema, { version: 1, ages: { default: { limitDays: 30 } }, streams: [], severities: [], ...changes });
const POLICY = policyOf({
  ages: { default: { limitDays: 30 }, tiers: { base: { limitDays: 20, warnAtPercent: 50 } } },
});
const WAIVED = policyOf({
  waivers: [
    {
      id: 'old',
      rule: 'age-limit',
      reason: 'accepted for now',
      author: 'a',
      created: '2026-11-01',
      expires: '2026-11-26',
    },
  ],
});

const aged = (daysAgo: number, changes: Partial<ImageRecord> = {}): ImageRecord => ({
  ...image({ birth: { known: true, bornAtEpochMs: NOW - daysAgo * DAY, evidence: [] } }),
  ...{ inUse: true, isHead: false, scan: completeScan() },
  ...changes,
});
const within = (days: number, overdue = false): AgeQuestion => ({ days, overdue });
const list = (record: ImageRecord, policy = POLICY, question = within(7)): readonly AgeEntry[] =>
  listOf([record], policy, question);
const listOf = (records: readonly ImageRecord[], policy: Policy, question: AgeQuestion): readonly AgeEntry[] =>
  ageList(
    records.map((record) => ({ image: record, ancestors: [] })),
    policy,
    question,
    NOW,
  );

test.each<[string, ImageRecord, AgeQuestion, AgeEntry['state'] | undefined]>([
  ['young, and not too old in time', aged(22.99), within(7), undefined],
  ['too old on the last day', aged(23), within(7), 'young'],
  ['the share of the limit is used up', aged(24), within(7), 'warning'],
  ['asked for a day only', aged(24), within(1), undefined],
  ['too old this moment', aged(30), within(7), undefined],
  ['too old this moment, asked for', aged(30), within(7, true), 'over'],
  ['by the limit of its tier', aged(14, { tier: 'base' }), within(7), 'warning'],
  ['asked for today', aged(29.5), within(0.5), 'warning'],
  ['its age is unknown', aged(0, { birth: { known: false, rejected: [] } }), within(3650, true), undefined],
])('%s', (_, record, question, state) => {
  expect(list(record, POLICY, question).map((entry) => entry.state)).toEqual(state === undefined ? [] : [state]);
});

test('an entry has the oldest image, the limit and the breach', () => {
  const record = aged(3, {
    isHead: true,
    lineage: { age: { known: true, bornAtEpochMs: NOW - 25 * DAY, decidedBy: digestOf('base') } },
  });
  expect(list(record)).toEqual([
    {
      ...{
        digest: digestOf('web'),
        tier: 'application',
        stream: record.stream,
        owner: 'web',
        inUse: true,
        isHead: true,
      },
      ...{ bornAtEpochMs: NOW - 25 * DAY, ageDays: 25, decidedBy: digestOf('base'), limitDays: 30, state: 'warning' },
      ...{ deadlineEpochMs: NOW + 5 * DAY, places: ['111122223333/us-east-1/apps/web'] },
    },
  ]);
});

test('a waived image breaches when the waiver ends', () => {
  expect(list(aged(90), WAIVED)).toMatchObject([
    { state: 'waived', waiverId: 'old', deadlineEpochMs: Date.UTC(2026, 10, 27), ageDays: 90 },
  ]);
  expect(list(aged(90), WAIVED, within(1))).toEqual([]);
});

test('with a waiver for the base, the entry is the first breach: the end of the waiver, or a descendant that is too old', () => {
  const base = { digest: digestOf('base'), locations: [{ ...LOCATION, repository: 'base/os' }] };
  const [scope] = [{ repositories: ['base/*'] }];
  const policy = policyOf({ waivers: WAIVED.waivers.map((waiver) => ({ ...waiver, scope })) });
  const entry = (ownDays: number) => {
    const own = { bornAtEpochMs: NOW - ownDays * DAY, decidedBy: digestOf('web') };
    const lineage = {
      age: { known: true, bornAtEpochMs: NOW - 90 * DAY, decidedBy: base.digest, younger: [own] },
    } as const;
    return ageList([{ image: aged(ownDays, { lineage }), ancestors: [base] }], policy, within(7), NOW);
  };
  expect(entry(1)).toMatchObject([
    { state: 'waived', decidedBy: base.digest, deadlineEpochMs: Date.UTC(2026, 10, 27) },
  ]);
  expect(entry(29)).toMatchObject([{ state: 'warning', decidedBy: digestOf('web'), deadlineEpochMs: NOW + DAY }]);
});

test('the next to breach comes first', () => {
  const images = [aged(24, { digest: digestOf('b') }), aged(28, { digest: digestOf('a') })];
  expect(listOf(images, POLICY, within(7)).map(({ digest }) => digest)).toEqual([digestOf('a'), digestOf('b')]);
});

test('every listed image is within the requested births, and further reads add nothing', () => {
  const drawn = fc.array(fc.tuple(fc.double({ min: 0, max: 60, noNaN: true }), tiers), { maxLength: 12 });
  const records = drawn.map((all) => all.map(([days, tier], at) => aged(days, { tier, digest: digestOf(`${at}`) })));
  const questions = fc.record({ days: fc.nat({ max: 40 }), overdue: fc.boolean() });
  fc.assert(
    fc.property(records, questions, fc.constantFrom(POLICY, WAIVED), (all, question, policy) => {
      const { sinceEpochMs = Number.NEGATIVE_INFINITY, beforeEpochMs } = birthsAsked(policy, question, NOW);
      const isRead = ({ birth }: ImageRecord) =>
        birth.known && birth.bornAtEpochMs >= sinceEpochMs && birth.bornAtEpochMs < beforeEpochMs;
      expect(listOf(all.filter(isRead), policy, question)).toEqual(listOf(all, policy, question));
    }),
  );
});

test('only images that can breach in time are read', () => {
  expect(birthsAsked(POLICY, within(7), NOW)).toEqual({
    sinceEpochMs: NOW - 30 * DAY,
    beforeEpochMs: NOW - 13 * DAY + 1,
  });
  expect(birthsAsked(POLICY, within(7, true), NOW)).toEqual({ beforeEpochMs: NOW - 13 * DAY + 1 });
  expect(birthsAsked(WAIVED, within(7), NOW)).toEqual({ beforeEpochMs: NOW - 23 * DAY + 1 });
});
