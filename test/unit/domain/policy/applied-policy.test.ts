import {
  type AppliedPolicy,
  appliedWith,
  type DoorPart,
  type EarlierPolicy,
  earlierPolicies,
  MOST_EARLIER,
  MOST_EARLIER_BYTES,
  objectedSince,
  packedEarlier,
  unpackedEarlier,
} from '../../../../shared/domain/policy/applied-policy.ts';
import { fc } from '../../../support/seeded.ts';

const DAY = 86_400_000;
const NOW = 400 * DAY;
const GRACE_DAYS = 14;

/** Versions by the day on which each came, the oldest first: `[10, 'no'], [12, 'yes']`. A number: it objects from that day on. */
type Story = readonly (readonly [day: number, objects: 'yes' | 'no' | number])[];

const applied = (story: Story): readonly AppliedPolicy<Story[number][1]>[] =>
  story
    .map(([day, policy], n) => {
      const until = story[n + 1]?.[0];
      return {
        ...{ version: `v${n}`, policy, fromEpochMs: day * DAY },
        ...(until !== undefined && { untilEpochMs: until * DAY }),
      };
    })
    .toReversed();

const sinceDay = (story: Story, graceDays = GRACE_DAYS): number | undefined => {
  const due = (policy: Story[number][1]) => (policy === 'no' ? undefined : policy === 'yes' ? 0 : policy * DAY);
  const since = objectedSince(applied(story), due, graceDays * DAY);
  return since === undefined ? undefined : since / DAY;
};

describe('since when policies object', () => {
  test.each<[string, Story, number | undefined]>([
    ['no policy', [], undefined],
    ['a rule that is there from the beginning', [[10, 'yes']], 10],
    ['no rule', [[10, 'no']], undefined],
    [
      'a new rule',
      [
        [10, 'no'],
        [20, 'yes'],
      ],
      20,
    ],
    [
      'a rule that is gone',
      [
        [10, 'yes'],
        [20, 'no'],
      ],
      undefined,
    ],
    [
      'the same rule in another text, or by another id',
      [
        [10, 'no'],
        [20, 'yes'],
        [25, 'yes'],
      ],
      20,
    ],
    [
      'a rule that was loosened for 13 days',
      [
        [10, 'no'],
        [20, 'yes'],
        [25, 'no'],
        [38, 'yes'],
      ],
      20,
    ],
    [
      'a rule that was loosened for 14 days',
      [
        [10, 'no'],
        [20, 'yes'],
        [25, 'no'],
        [39, 'yes'],
      ],
      39,
    ],
    [
      'a rule that was loosened twice, for less than the grace',
      [
        [1, 'yes'],
        [5, 'no'],
        [15, 'yes'],
        [17, 'no'],
        [25, 'yes'],
      ],
      1,
    ],
    [
      'a rule that was loosened in two steps, for more than the grace',
      [
        [1, 'yes'],
        [5, 'no'],
        [12, 'no'],
        [20, 'yes'],
      ],
      20,
    ],
    [
      'a limit that is tightened',
      [
        [10, 50],
        [20, 15],
      ],
      20,
    ],
    [
      'a limit that is tightened twice',
      [
        [10, 50],
        [20, 15],
        [30, 12],
      ],
      20,
    ],
    ['a deadline after the policy came', [[10, 50]], 50],
    [
      'a deadline that the policy before reached',
      [
        [10, 15],
        [20, 12],
      ],
      15,
    ],
    [
      'a deadline on the day on which the policy before was replaced',
      [
        [10, 20],
        [20, 12],
      ],
      20,
    ],
    [
      'a deadline in the future',
      [
        [10, 12],
        [20, 500],
      ],
      500,
    ],
  ])('%s', (_, story, expected) => {
    expect(sinceDay(story)).toBe(expected);
  });

  test('without a grace a new text goes on, and every pause ends it', () => {
    const asked = (story: Story) => sinceDay(story, 0);
    expect(
      asked([
        [10, 'yes'],
        [20, 'yes'],
      ]),
    ).toBe(10);
    expect(
      asked([
        [10, 'yes'],
        [20, 'no'],
        [21, 'yes'],
      ]),
    ).toBe(21);
  });

  test('it is never before the deadline, nor before the first version that objects, and no text after it changes it', () => {
    const day = fc.integer({ min: 1, max: 300 });
    fc.assert(
      fc.property(fc.array(fc.tuple(day, fc.constantFrom<'yes' | 'no'>('yes', 'no')), { minLength: 1 }), (said) => {
        const story = said.toSorted(([one], [other]) => one - other);
        const since = sinceDay(story);
        const isLastYes = story.at(-1)?.[1] === 'yes';
        expect(since !== undefined).toBe(isLastYes);
        if (since === undefined) return;
        expect(story.some(([from, objects]) => from === since && objects === 'yes')).toBe(true);
        expect(sinceDay([...story, [301, 'yes']])).toBe(since);
        expect(sinceDay([...story, [301, 'no'], [314, 'yes']])).toBe(since);
        expect(sinceDay([...story, [301, 'no'], [315, 'yes']])).toBe(315);
      }),
    );
  });
});

test('a policy that was never in force counts as if it came now, and one that was as if it still were', () => {
  const before = applied([
    [10, 'no'],
    [20, 'yes'],
  ]);
  expect(appliedWith(before, { version: 'next', policy: 'yes' }, NOW)).toEqual([
    { version: 'next', policy: 'yes', fromEpochMs: NOW },
    { version: 'v1', policy: 'yes', fromEpochMs: 20 * DAY, untilEpochMs: NOW },
    { version: 'v0', policy: 'no', fromEpochMs: 10 * DAY, untilEpochMs: 20 * DAY },
  ]);
  expect(appliedWith(before, { version: 'v1', policy: 'yes' }, NOW)).toEqual(before);
  expect(appliedWith(before, { version: 'v0', policy: 'no' }, NOW)).toEqual([
    { version: 'v0', policy: 'no', fromEpochMs: 10 * DAY },
  ]);
});

const partOf = (name: string, count = 1): DoorPart => ({
  approvedRegistries: { id: 'approved', allow: Array.from({ length: count }, (_, n) => `${name}-${n}.example/*`) },
  ...{ awsManaged: { accounts: ['602401143452'], references: [] }, staleScanHours: 48 },
});

const entry = (n: number, from: number, until: number, doors?: DoorPart): EarlierPolicy => ({
  ...{ version: String(n).padStart(64, '0'), fromEpochMs: from, untilEpochMs: until },
  ...(doors && { doors }),
});

/** Policies that come one after another, each with so many days in force. */
function published(days: readonly number[], partAt: (n: number) => DoorPart | undefined = () => undefined) {
  let earlier: readonly EarlierPolicy[] = [];
  let at = 0;
  days.forEach((length, n) => {
    const doors = partAt(n);
    const replaced = { version: String(n), fromEpochMs: at, ...(doors && { doors }) };
    at += length * DAY;
    earlier = earlierPolicies(earlier, replaced, at);
  });
  return { earlier, at };
}

describe('the earlier policies that are kept', () => {
  test('are those that were in force within twice the longest grace', () => {
    const { earlier } = published([200, 100, 81]);
    expect(earlier.map(({ version }) => version)).toEqual(['2', '1']);
    expect(published([200, 100, 79]).earlier.map(({ version }) => version)).toEqual(['2', '1', '0']);
  });

  test('begin and end where they did, also if a clock was ahead', () => {
    const { earlier } = published([3, 4]);
    expect(earlier.map(({ fromEpochMs, untilEpochMs }) => [fromEpochMs / DAY, untilEpochMs / DAY])).toEqual([
      [3, 7],
      [0, 3],
    ]);
    expect(earlierPolicies([], { version: 'v', fromEpochMs: 5 }, 3)).toEqual([
      { version: 'v', fromEpochMs: 5, untilEpochMs: 5 },
    ]);
    expect(earlierPolicies(earlier, undefined, 8 * DAY)).toEqual(earlier);
  });

  test('are at most 40; the one before takes over the time of one that goes, and none begins later than it did', () => {
    const days = Array.from({ length: 60 }, (_, n) => (n % 3 === 1 ? 0.1 : 1));
    const { earlier, at } = published(days);
    expect(earlier).toHaveLength(MOST_EARLIER);
    expect([earlier[0]?.version, earlier.at(-1)?.version]).toEqual(['59', '0']);
    const begins = days.map((_, n) => days.slice(0, n).reduce((sum, one) => sum + one, 0));
    for (const { version, fromEpochMs } of earlier)
      expect(fromEpochMs / DAY).toBeCloseTo(begins[Number(version)] ?? -1);
    const ends = [at, ...earlier.map(({ fromEpochMs }) => fromEpochMs)];
    expect(earlier.map(({ untilEpochMs }) => untilEpochMs)).toEqual(ends.slice(0, -1));
  });

  test('no number of changes makes a rule look new for long', () => {
    const changes = fc.integer({ min: 41, max: 400 });
    fc.assert(
      fc.property(changes, fc.double({ min: 0, max: 1, noNaN: true }), (count, share) => {
        // A rule comes with one of many policies of 60 days, and stays.
        const { earlier, at } = published(Array.from({ length: count }, () => 60 / count));
        const first = Math.floor(share * count);
        const all = [{ version: String(count), fromEpochMs: at }, ...earlier];
        const since = objectedSince(
          all.map((one) => ({ ...one, policy: Number(one.version) })),
          (version) => (version >= first ? 0 : undefined),
          GRACE_DAYS * DAY,
        );
        const [age, shown] = [at - (first * at) / count, at - (since ?? 0)];
        expect(shown).toBeLessThanOrEqual(age + count);
        expect(shown).toBeGreaterThanOrEqual(0.6 * age - DAY);
      }),
      { numRuns: 30 },
    );
  });

  test('keep what doors need once, however many versions have it', () => {
    const { earlier } = published(
      Array.from({ length: 30 }, () => 1),
      (n) => partOf(n < 20 ? 'a' : 'b', 100),
    );
    expect(packedEarlier(earlier).length).toBeLessThan(12_000);
    expect(unpackedEarlier(packedEarlier(earlier))).toEqual(earlier);
  });

  test('where it is too large, a part of long ago becomes the one before; the versions stay', () => {
    const { earlier } = published([10, 1, 10, 10], (n) => partOf(String(n), 600));
    const names = earlier.map(({ doors }) => doors?.approvedRegistries?.allow[0]?.[0]);
    expect(packedEarlier(earlier).length).toBeLessThanOrEqual(MOST_EARLIER_BYTES);
    expect([earlier.length, names]).toEqual([4, expect.arrayContaining(['0'])]);
    expect(names).not.toContain('1');
    const alone = published([10, 10], () => partOf('a', 4000)).earlier;
    expect(alone.map(({ version, doors }) => [version, doors])).toEqual([
      ['1', undefined],
      ['0', undefined],
    ]);
  });

  test.each(['', '{', '[]', '{"parts":[],"versions":[{"version":""}]}'])(
    'a text that is damaged is no history: %s',
    (text) => {
      expect(() => unpackedEarlier(text)).toThrow();
    },
  );

  test('a version whose document could not be read is kept without what doors need', () => {
    const earlier = [entry(1, 5, 9, partOf('a')), entry(2, 2, 5)];
    expect(unpackedEarlier(packedEarlier(earlier))).toEqual(earlier);
  });
});
