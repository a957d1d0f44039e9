import { type Observation, referencesOf, type Usage, usageKey } from '../../../../shared/domain/image/usage.ts';
import {
  compareUsages,
  mergeUsages,
  type Resolvers,
  resolveObservation,
  tagKey,
} from '../../../../shared/domain/review/resolve-references.ts';
import { fc } from '../../../support/seeded.ts';
import { digestOf, runs } from '../arbitraries.ts';

const INDEX = digestOf('index');
const [AMD, ARM, WINDOWS, A] = [digestOf('amd64'), digestOf('arm64'), digestOf('windows'), digestOf('a')];
const LOCATION = { account: '111122223333', region: 'us-east-1', repository: 'apps/web' };
const PUSHED = 1_000_000;
const OTHER_REFERENCE = '111122223333.dkr.ecr.us-east-1.amazonaws.com/apps/web:2';
const REFERENCE = '111122223333.dkr.ecr.us-east-1.amazonaws.com/apps/web:1';

const resolvers: Resolvers = {
  indexes: new Map([
    [
      INDEX,
      [
        { digest: AMD, platform: 'linux/amd64' },
        { digest: ARM, platform: 'linux/arm64/v8' },
      ],
    ],
    [digestOf('empty'), []],
    [
      digestOf('by-config'),
      [
        { digest: A, platform: 'linux/amd64', path: [{ at: 0 }] },
        { digest: AMD, platform: 'linux/amd64', path: [{ at: 1, platform: 'linux/amd64' }] },
      ],
    ],
    [
      digestOf('twice'),
      [
        { digest: A, platform: 'linux/amd64' },
        { digest: AMD, platform: 'linux/amd64' },
      ],
    ],
    [digestOf('old'), [{ digest: A, platform: 'linux/386' }]],
    [
      digestOf('two-systems'),
      [
        { digest: AMD, platform: 'linux/amd64' },
        { digest: WINDOWS, platform: 'windows/amd64' },
        { digest: ARM, platform: 'linux/arm64' },
      ],
    ],
  ]),
  tags: new Map([
    [tagKey(LOCATION, '1'), { pushes: [{ digest: A, atEpochMs: PUSHED }], now: INDEX }],
    [tagKey(LOCATION, '2'), { pushes: [{ digest: A, atEpochMs: PUSHED }], now: A }],
  ]),
};

const workload = {
  account: '111122223333',
  region: 'us-east-1',
  cluster: 'shared',
  workloadKind: 'ecs-service',
  workload: 'web',
  container: 'c',
  count: 2,
} as const;
const observation = (changes: Partial<Observation> = {}): Observation => ({ ...workload, ...changes });
const usage = (changes: Partial<Usage> = {}): Usage => ({
  ...workload,
  digest: A,
  digestSource: 'runtime',
  ...changes,
});

test.each<[string, Partial<Observation>, Partial<Usage>[]]>([
  ['an image', { digest: A, digestSource: 'runtime' }, [{ digest: A, digestSource: 'runtime' }]],
  [
    'an index on arm64',
    { digest: INDEX, digestSource: 'runtime', architecture: 'arm64' },
    [{ digest: ARM, digestSource: 'runtime' }],
  ],
  [
    'an index on amd64',
    { digest: INDEX, digestSource: 'reference', architecture: 'amd64' },
    [{ digest: AMD, digestSource: 'reference' }],
  ],
  [
    'an index, architecture unknown: every child',
    { digest: INDEX, digestSource: 'runtime' },
    [{ digest: AMD }, { digest: ARM }],
  ],
  [
    'an index without an image for the architecture: itself',
    { digest: INDEX, digestSource: 'runtime', architecture: 's390x' },
    [{ digest: INDEX }],
  ],
  [
    'an index whose first image has no platform: the one that containerd prefers',
    { digest: digestOf('by-config'), digestSource: 'runtime', architecture: 'amd64' },
    [{ digest: AMD, digestSource: 'runtime' }],
  ],
  [
    'an index with two images of one platform: the first',
    { digest: digestOf('twice'), digestSource: 'runtime', architecture: 'amd64' },
    [{ digest: A, digestSource: 'runtime' }],
  ],
  [
    'an index of an older architecture: what the node can run too',
    { digest: digestOf('old'), digestSource: 'runtime', architecture: 'amd64' },
    [{ digest: A, digestSource: 'runtime' }],
  ],
  [
    'an index with two systems on one architecture',
    { digest: digestOf('two-systems'), digestSource: 'runtime', architecture: 'amd64' },
    [{ digest: AMD }, { digest: WINDOWS }],
  ],
  [
    'an empty index: itself',
    { digest: digestOf('empty'), digestSource: 'runtime', architecture: 'arm64' },
    [{ digest: digestOf('empty') }],
  ],
  [
    'a tag',
    { reference: REFERENCE, location: LOCATION, architecture: 'arm64' },
    [{ digest: ARM, digestSource: 'tag-guess', reference: REFERENCE }],
  ],
  [
    'a tag that was pulled after its push',
    { reference: OTHER_REFERENCE, location: LOCATION, pull: { endedAtEpochMs: PUSHED + 10_000 } },
    [{ digest: A, digestSource: 'push-history', reference: OTHER_REFERENCE }],
  ],
  [
    'a tag that means something else than its last push put there: what it means now',
    { reference: REFERENCE, location: LOCATION, architecture: 'arm64', pull: { endedAtEpochMs: PUSHED + 10_000 } },
    [{ digest: ARM, digestSource: 'tag-guess', reference: REFERENCE }],
  ],
  [
    'a tag that was pulled before its history begins: what it means now',
    { reference: REFERENCE, location: LOCATION, architecture: 'arm64', pull: { endedAtEpochMs: PUSHED - 10_000 } },
    [{ digest: ARM, digestSource: 'tag-guess', reference: REFERENCE }],
  ],
])('%s', (_, changes, expected) => {
  const resolution = resolveObservation(observation(changes), resolvers);
  expect(resolution).toMatchObject({ resolved: true, usages: expected });
  if (resolution.resolved) {
    expect(resolution.usages).toHaveLength(expected.length);
    for (const each of resolution.usages) expect(each).not.toHaveProperty('architecture');
    for (const each of resolution.usages) expect(each).not.toHaveProperty('location');
    for (const each of resolution.usages) expect(each).not.toHaveProperty('pull');
  }
});

test.each<[string, Partial<Observation>]>([
  ['no-reference', {}],
  ['reference-unreadable', { reference: '???' }],
  ['tag-unknown', { reference: REFERENCE.replace(':1', ':9') }],
  ['digest-unknown', { reference: 'nginx:1.27' }],
])('%s is reported, not guessed', (reason, changes) => {
  expect(resolveObservation(observation(changes), resolvers)).toEqual({
    resolved: false,
    unresolved: { observation: observation(changes), reason },
  });
});

test('equal usages add up, and keep the worst evidence and the first reference', () => {
  const merged = mergeUsages([
    usage({ digestSource: 'tag-guess', reference: 'b' }),
    usage({ count: 3, digestSource: 'runtime' }),
    usage({ count: 1, digestSource: 'push-history', reference: 'a' }),
  ]);
  expect([...merged.values()]).toEqual([
    usage({ count: 6, digestSource: 'tag-guess', reference: 'a', otherReferences: ['b'] }),
  ]);
});

test('all references of the tasks of one container are kept, in any order', () => {
  const byIndex = `111122223333.dkr.ecr.us-east-1.amazonaws.com/apps/web@${INDEX}`;
  const seen = [usage({ reference: REFERENCE }), usage({ reference: byIndex }), usage({ reference: REFERENCE })];
  for (const all of [seen, [...seen].reverse()]) {
    const [merged] = mergeUsages(all).values();
    expect(merged && referencesOf(merged)).toEqual([REFERENCE, byIndex].sort());
  }
  const [before, now] = [mergeUsages(seen.slice(0, 1)), mergeUsages(seen.slice(0, 2))];
  expect(compareUsages(before.values(), now.values()).record).toEqual([...now.values()]);
  expect(compareUsages(now.values(), now.values())).toEqual({ record: [], begun: [], end: [], unchanged: 1 });
});

describe('comparing', () => {
  test.each<[string, Usage[], Usage[], { record: Usage[]; begun: Usage[]; end: Usage[]; unchanged: number }]>([
    ['new', [], [usage()], { record: [usage()], begun: [usage()], end: [], unchanged: 0 }],
    ['as it was', [usage()], [usage()], { record: [], begun: [], end: [], unchanged: 1 }],
    ['gone', [usage()], [], { record: [], begun: [], end: [usage()], unchanged: 0 }],
    [
      'another count',
      [usage()],
      [usage({ count: 5 })],
      { record: [usage({ count: 5 })], begun: [], end: [], unchanged: 0 },
    ],
    [
      'another reference',
      [usage()],
      [usage({ reference: 'x' })],
      { record: [usage({ reference: 'x' })], begun: [], end: [], unchanged: 0 },
    ],
    [
      'better evidence',
      [usage({ digestSource: 'tag-guess' })],
      [usage()],
      { record: [usage()], begun: [], end: [], unchanged: 0 },
    ],
    [
      'another image',
      [usage()],
      [usage({ digest: ARM })],
      { record: [usage({ digest: ARM })], begun: [usage({ digest: ARM })], end: [usage()], unchanged: 0 },
    ],
    ['in two pieces', [usage({ count: 4 })], [usage(), usage()], { record: [], begun: [], end: [], unchanged: 1 }],
  ])('%s', (_, live, seen, expected) => {
    expect(compareUsages(live, seen)).toEqual(expected);
  });

  const usages = fc.array(
    fc
      .record({
        digest: fc.constantFrom(A, ARM, AMD),
        container: fc.constantFrom('c', 'd'),
        workloadKind: fc.constantFrom('ecs-service' as const, 'ecs-task' as const),
        count: fc.integer({ min: 1, max: 3 }),
        digestSource: fc.constantFrom('runtime' as const, 'tag-guess' as const),
      })
      .map(usage),
    { maxLength: 12 },
  );
  const bring = (live: Iterable<Usage>, seen: readonly Usage[]): Map<string, Usage> => {
    const ledger = new Map([...live].map((each) => [usageKey(each), each]));
    const { record, end } = compareUsages(ledger.values(), seen);
    for (const each of end) ledger.delete(usageKey(each));
    for (const each of record) ledger.set(usageKey(each), each);
    return ledger;
  };

  test('leaves exactly what was seen, and a second time nothing to do', () => {
    fc.assert(
      fc.property(usages, usages, (before, seen) => {
        const ledger = bring(mergeUsages(before).values(), seen);
        expect([...ledger].sort()).toEqual([...mergeUsages(seen)].sort());
        const again = compareUsages(ledger.values(), seen);
        expect(again).toEqual({ record: [], begun: [], end: [], unchanged: ledger.size });
      }),
      runs,
    );
  });

  test('the order of what was seen makes no difference', () => {
    fc.assert(
      fc.property(usages, usages, (before, seen) => {
        const live = [...mergeUsages(before).values()];
        expect(compareUsages([...live].reverse(), [...seen].reverse())).toEqual(compareUsages(live, seen));
      }),
      runs,
    );
  });
});
