import { type Policy, policySchema } from '../../../../shared/domain/policy/policy.ts';
import { keepStreamNames } from '../../../../shared/domain/stream/keep-names.ts';
import { lineOf, linesOf, streamId, streamsAt } from '../../../../shared/domain/stream/stream.ts';
import { classify } from '../../../../shared/domain/stream/tier.ts';
import { parse } from '../../../../shared/schema.ts';

const place = { account: '111122223333', region: 'eu-west-1' };
const location = { ...place, repository: 'apps/web' };

interface Draft {
  readonly id?: string;
  readonly repositories?: readonly string[];
  readonly headTags: readonly string[];
  readonly names?: Readonly<Record<string, string>>;
}

const policyOf = (...drafts: readonly Draft[]): Policy =>
  parse(policySchema, {
    ...{ version: 1, mode: 'enforce', ages: { default: { limitDays: 30 } }, severities: [] },
    streams: drafts.map(({ id = 'web', repositories = ['apps/web'], ...draft }) => ({
      ...{ id, tier: 'application', account: place.account, regions: [place.region], owner: 'team', repositories },
      ...draft,
    })),
  });

const namesIn = (policy: Policy) => linesOf(policy.streams).map(({ headTag, name }) => [headTag, name]);

test.each<[string, readonly Draft[], readonly Draft[], readonly (readonly string[])[]]>([
  ['a policy without a change', [{ headTags: ['^a$'] }], [{ headTags: ['^a$'] }], [['^a$', '^a$']]],
  ['an edit of a pattern', [{ headTags: ['^a$'] }], [{ headTags: ['^(a)$'] }], [['^(a)$', '^a$']]],
  [
    'an edit of one of two patterns',
    [{ headTags: ['^a$', '^b$'] }],
    [{ headTags: ['^a$', '^(b)$'] }],
    [
      ['^a$', '^a$'],
      ['^(b)$', '^b$'],
    ],
  ],
  [
    'an edit of an edited pattern',
    [{ headTags: ['^(a)$'], names: { '^(a)$': '^a$' } }],
    [{ headTags: ['^((a))$'] }],
    [['^((a))$', '^a$']],
  ],
  [
    'another id and another tier of a rule',
    [{ headTags: ['^(a)$'], names: { '^(a)$': '^a$' } }],
    [{ id: 'other', headTags: ['^(a)$'] }],
    [['^(a)$', '^a$']],
  ],
  [
    'a rule for more repositories',
    [{ headTags: ['^(a)$'], names: { '^(a)$': '^a$' } }],
    [{ repositories: ['apps/*'], headTags: ['^(a)$'] }],
    [['^(a)$', '^a$']],
  ],
  [
    'a new line beside an old one',
    [{ headTags: ['^a$'] }],
    [{ headTags: ['^a$', '^b$'] }],
    [
      ['^a$', '^a$'],
      ['^b$', '^b$'],
    ],
  ],
  [
    'a line of another repository',
    [{ headTags: ['^a$'] }],
    [{ repositories: ['apps/other'], headTags: ['^b$'] }],
    [['^b$', '^b$']],
  ],
  [
    'an edit in a rule that became two',
    [{ repositories: ['apps/web', 'apps/api'], headTags: ['^a$'] }],
    [
      { id: 'web', repositories: ['apps/web'], headTags: ['^(a)$'] },
      { id: 'api', repositories: ['apps/api'], headTags: ['^(a)$'] },
    ],
    [
      ['^(a)$', '^a$'],
      ['^(a)$', '^a$'],
    ],
  ],
  [
    'a name that the policy gives',
    [{ headTags: ['^20$'] }],
    [{ headTags: ['^24$'], names: { '^24$': 'node-24' } }],
    [['^24$', 'node-24']],
  ],
])('%s keeps the names', (_, before, next, names) => {
  const kept = keepStreamNames([policyOf(...before)], policyOf(...next));
  expect(kept.unclear).toEqual([]);
  expect(namesIn(kept.policy)).toEqual(names);
  // Applied once more, the file gives the same policy.
  expect(keepStreamNames([kept.policy], policyOf(...next)).policy).toEqual(kept.policy);
});

test('a stream that is edited keeps its id and its rule', () => {
  const { policy, renamed } = keepStreamNames([policyOf({ headTags: ['^a$'] })], policyOf({ headTags: ['^(a)$'] }));
  const stream = streamId(location, '^a$');
  expect(streamsAt(policy, location)).toEqual([stream]);
  expect(classify(policy, { location, tags: ['a'] }).stream).toBe(stream);
  expect(lineOf(policy, stream)).toMatchObject({ headTag: '^(a)$', rule: { id: 'web' } });
  expect(renamed).toEqual([{ rule: 'web', headTag: '^(a)$', name: '^a$' }]);
});

test('two edits at once are asked for, with what they may be', () => {
  const { unclear } = keepStreamNames(
    [policyOf({ headTags: ['^a$', '^b$'] })],
    policyOf({ headTags: ['^(a)$', '^(b)$'] }),
  );
  expect(unclear).toEqual([
    { rule: 'web', headTag: '^(a)$', mayBe: ['^a$', '^b$'] },
    { rule: 'web', headTag: '^(b)$', mayBe: ['^a$', '^b$'] },
  ]);
});

const renamedPolicy = policyOf({ headTags: ['^(a)$'], names: { '^(a)$': '^a$' } });

test('a pattern that is the name of another line is asked for, and that line keeps its name', () => {
  const { unclear } = keepStreamNames([renamedPolicy], policyOf({ headTags: ['^(a)$', '^a$'] }));
  expect(unclear).toEqual([{ rule: 'web', headTag: '^a$', mayBe: ['^a$'], takenBy: '^(a)$' }]);
});

test('a name that the file gives is asked for if another line keeps it', () => {
  const { unclear } = keepStreamNames(
    [renamedPolicy],
    policyOf({ headTags: ['^(a)$', '^b$'], names: { '^b$': '^a$' } }),
  );
  expect(unclear).toEqual([{ rule: 'web', headTag: '^b$', mayBe: ['^a$'], takenBy: '^(a)$' }]);
});

describe('a rule that left and returns', () => {
  const without = policyOf({ repositories: ['apps/other'], headTags: ['^x$'] });
  const other = { id: 'other', repositories: ['apps/other'], headTags: ['^x$'] };

  test('has the names that it had', () => {
    const kept = keepStreamNames([without, renamedPolicy], policyOf({ headTags: ['^(a)$'] }, other));
    expect(kept.unclear).toEqual([]);
    expect(namesIn(kept.policy)).toEqual([
      ['^(a)$', '^a$'],
      ['^x$', '^x$'],
    ]);
  });

  test('is asked for where it returns with another head tag and no rule names its repository', () => {
    const { unclear } = keepStreamNames([without, renamedPolicy], policyOf({ headTags: ['^c$'] }, other));
    expect(unclear).toEqual([{ rule: 'web', headTag: '^c$', mayBe: ['^a$'] }]);
  });

  test('is a new line where another line of its repository stayed', () => {
    const stayed = policyOf({ headTags: ['^b$'] });
    const both = policyOf({ headTags: ['^a$', '^b$'] });
    const kept = keepStreamNames([stayed, both], policyOf({ headTags: ['^b$', '^c$'] }));
    expect([kept.unclear, namesIn(kept.policy)]).toEqual([
      [],
      [
        ['^b$', '^b$'],
        ['^c$', '^c$'],
      ],
    ]);
  });

  test('is asked for where it may be the line that it replaces, too', () => {
    const before = policyOf({ headTags: ['^b$'] });
    expect(keepStreamNames([before, renamedPolicy], policyOf({ headTags: ['^(a)$'] })).unclear).toEqual([
      { rule: 'web', headTag: '^(a)$', mayBe: ['^b$', '^a$'] },
    ]);
  });
});

test('before the first policy only the file gives names', () => {
  expect(keepStreamNames([], renamedPolicy)).toEqual({ policy: renamedPolicy, renamed: [], unclear: [] });
});
