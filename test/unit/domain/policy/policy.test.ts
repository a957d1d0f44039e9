import { readFileSync } from 'node:fs';
import { jsonSchemaOf } from '../../../../local/json-schema.ts';
import { type Policy, type PolicyDocument, policySchema } from '../../../../shared/domain/policy/policy.ts';
import { checkPolicy, PolicyInvalidError, policyVersion } from '../../../../shared/domain/policy/policy-check.ts';
import { parsePolicy } from '../../../../shared/domain/policy/policy-document.ts';
import { parse } from '../../../../shared/schema.ts';
import { fc } from '../../../support/seeded.ts';
import { runs } from '../arbitraries.ts';

const YAML = `
version: 1
ages:
  default: { limitDays: 30 }
streams:
  - id: base
    tier: base
    account: "111122223333"
    regions: [us-east-1]
    repositories: [base/*]
    headTags: ["^12$"]
    owner: platform
severities:
  - id: no-critical
    severities: [critical]
    graceDays: 0
`;

/** Problems of the document above with one text in it replaced. */
function problemsWith(text: string, replacement: string): PolicyInvalidError['problems'] {
  expect(YAML).toContain(text);
  try {
    parsePolicy(YAML.replace(text, replacement));
  } catch (error) {
    if (error instanceof PolicyInvalidError) return error.problems;
    throw error;
  }
  return [];
}

test('optional fields have a default, and the first is report-only', () => {
  expect(parsePolicy(YAML)).toEqual({
    version: 1,
    mode: 'report-only',
    modes: {},
    scopes: 'organization',
    ages: { default: { limitDays: 30, warnAtPercent: 80 }, vendorCounts: false },
    streams: [
      {
        id: 'base',
        tier: 'base',
        account: '111122223333',
        regions: ['us-east-1'],
        repositories: ['base/*'],
        headTags: ['^12$'],
        owner: 'platform',
        rollout: 'pipeline',
        promotes: false,
      },
    ],
    severities: [{ id: 'no-critical', severities: ['critical'], fix: ['yes', 'unknown'], graceDays: 0, urgent: false }],
    awsManaged: { accounts: [], references: [] },
    mirrors: [],
    staleScanHours: 48,
    waivers: [],
    caps: { concurrentRebuilds: 8, onlyApplicationsInUse: true, followParents: true },
    guards: {
      attempts: 3,
      coolDownMinutes: 60,
      retryUnknownFixDays: 7,
      depth: 5,
      verifyMinutes: 120,
      cascadeHours: 24,
      approvalHours: 168,
      closureHours: 72,
      deploymentHours: 2,
    },
    protection: 'report',
  });
});

test('a pipeline that is named has the usual variable and an hour', () => {
  const text = YAML.replace('owner: platform', 'owner: platform\n    pipeline: { name: debian }');
  expect(parsePolicy(text).streams[0]?.pipeline).toEqual({
    runner: 'codepipeline',
    name: 'debian',
    digestVariable: 'IMAGE_DIGEST',
    buildMinutes: 60,
  });
});

test.each<[string, keyof Policy['guards'], number, number]>([
  ['attempts', 'attempts', 1, 10],
  ['cool-down', 'coolDownMinutes', 0, 10_080],
  ['depth', 'depth', 1, 20],
])('%s: from %s %d to %d', (_, name, least, most) => {
  const guarded = (value: number) => problemsWith('version: 1', `version: 1\nguards: { ${name}: ${value} }`);
  for (const value of [least, most]) expect(guarded(value)).toEqual([]);
  for (const value of [least - 1, most + 1])
    expect(guarded(value)).toMatchObject([{ path: `guards.${name}`, line: 3 }]);
});

const waiver = (body: string) =>
  `version: 1\nwaivers:\n  - { id: w, ${body}, reason: accepted for now, author: a, created: 2026-11-01, expires: 2026-12-01 }`;

test.each<[string, string, string, string, number | undefined, string]>([
  ['an account as a number', '"111122223333"', '111122223333', 'streams[0].account', 8, 'quotes'],
  ['an account too short', '"111122223333"', '"1111"', 'streams[0].account', 8, '12 digits'],
  ['a Region that is none', '[us-east-1]', '[us_east_1]', 'streams[0].regions[0]', 9, 'Region'],
  [
    'a field that is not there',
    'owner: platform',
    'owner: platform\n    team: x',
    'streams[0].team',
    13,
    'not a known field',
  ],
  ['a field that is missing', '    owner: platform\n', '', 'streams[0].owner', 6, 'is missing'],
  ['an unknown tier', 'tier: base', 'tier: foundation', 'streams[0].tier', 7, 'base'],
  ['a tier that no stream can have', 'tier: base', 'tier: external', 'streams[0].tier', 7, 'application'],
  ['a head tag without anchors', '"^12$"', '"12"', 'streams[0].headTags[0]', 11, 'anchored'],
  ['a head tag that would stall', '"^12$"', '"^(a+)+$"', 'streams[0].headTags[0]', 11, 'varies'],
  [
    'one of several lines of a list',
    '[us-east-1]',
    '\n      - us-east-1\n      - nowhere\n      - eu-west-1',
    'streams[0].regions[1]',
    11,
    'Region',
  ],
  ['no head tag', '["^12$"]', '[]', 'streams[0].headTags', 11, 'empty'],
  ['a negative limit', 'limitDays: 30', 'limitDays: -1', 'ages.default.limitDays', 4, '0'],
  ['another version', 'version: 1', 'version: 2', 'version', 2, '1'],
  [
    'an id used twice',
    'severities:\n',
    'severities:\n  - { id: no-critical, severities: [high], graceDays: 1 }\n',
    'severities[1].id',
    15,
    'twice',
  ],
  ['an id of a built-in rule', 'id: no-critical', 'id: scan-required', 'severities[0].id', 14, 'twice'],
  [
    'an id of the rule on registries',
    'version: 1',
    'version: 1\napprovedRegistries: { id: no-critical, allow: [x] }',
    'approvedRegistries.id',
    3,
    'twice',
  ],
  [
    'a head tag that is a commit alone',
    'headTags: ["^12$"]\n    owner: platform',
    'headTags: ["^[0-9a-f]{7,40}$"]\n    owner: platform\ntags: { tiers: { base: unique } }',
    'streams[0].headTags[0]',
    11,
    'a commit without a build number',
  ],
  ['a waiver of unknown', 'version: 1', waiver('rule: scan-required'), 'waivers[0].rule', 4, 'can be waived'],
  [
    'a waiver of a rule that is not there',
    'version: 1',
    waiver('rule: no-such'),
    'waivers[0].rule',
    4,
    'can be waived',
  ],
  ['a waiver of two things', 'version: 1', waiver('rule: no-critical, finding: CVE-1'), 'waivers[0]', 4, 'not both'],
  ['a waiver of nothing', 'version: 1', waiver('scope: {}'), 'waivers[0]', 4, 'not both'],
  [
    'a waiver that holds too long',
    'version: 1',
    waiver('finding: CVE-1').replace('2026-12-01', '2027-12-01'),
    'waivers[0]',
    4,
    '180 days',
  ],
  [
    'a date that is none',
    'version: 1',
    waiver('finding: CVE-1').replace('2026-12-01', '2026-13-01'),
    'waivers[0].expires',
    4,
    'date',
  ],
  [
    'an owner mode that is none',
    'version: 1',
    'version: 1\nmodes: { owners: { web: off } }',
    'modes.owners.web',
    3,
    'enforce',
  ],
  [
    'a pipeline without a name',
    'owner: platform',
    'owner: platform\n    pipeline: { region: us-east-1 }',
    'streams[0].pipeline.name',
    13,
    '',
  ],
  [
    'a pipeline by its ARN',
    'owner: platform',
    'owner: platform\n    pipeline: { name: "a:b" }',
    'streams[0].pipeline.name',
    13,
    'name of a pipeline',
  ],
  ['another way of rollout', 'owner: platform', 'owner: platform\n    rollout: now', 'streams[0].rollout', 13, ''],
  [
    'a guard that is not there',
    'version: 1',
    'version: 1\nguards: { retries: 3 }',
    'guards.retries',
    3,
    'not a known field',
  ],
  ['no rebuild at all', 'version: 1', 'version: 1\ncaps: { perAccount: 0 }', 'caps.perAccount', 3, '1'],
  [
    'an account that is none, as a key',
    'version: 1',
    'version: 1\nmodes: { accounts: { web: paused } }',
    'modes.accounts.web',
    3,
    '12 digits',
  ],
])('%s', (_, text, replacement, path, line, message) => {
  const problems = problemsWith(text, replacement);
  expect(problems).toContainEqual({ path, line, message: expect.stringContaining(message) });
});

test.each([
  ['no-critical', 'rule: no-critical'],
  ['age-limit', 'rule: age-limit'],
  ['scope-readable', 'rule: scope-readable, scope: { account: "111122223333" }'],
])('%s can be waived', (_, body) => {
  expect(problemsWith('version: 1', waiver(body))).toEqual([]);
});

/** The document above with a base of one stream, and rules after it. */
const withRules = (...rules: string[]) =>
  YAML.replace('base/*', 'base/debian').replace('severities:', `${rules.join('')}severities:`);
const rule = (id: string, tier: string, fields: string) =>
  `  - { id: ${id}, tier: ${tier}, account: "111122223333", regions: [us-east-1], owner: x, ${fields} }\n`;
const ONE_STREAM = 'repositories: [p], headTags: ["^1$"]';

test.each<[string, readonly string[], string, string | undefined]>([
  ['one that stands before', [rule('app', 'application', `${ONE_STREAM}, parents: [base]`)], '', undefined],
  [
    'one that comes after, with a parent of its own',
    [
      rule('app', 'application', `${ONE_STREAM}, parents: [node, base]`),
      rule('node', 'platform', `${ONE_STREAM}, parents: [base]`),
    ],
    '',
    undefined,
  ],
  ['none, on purpose', [rule('app', 'application', `${ONE_STREAM}, parents: []`)], '', undefined],
  ['no id', [rule('app', 'application', `${ONE_STREAM}, parents: [Base]`)], 'streams[1].parents[0]', 'lower-case'],
  [
    'an unknown one',
    [rule('app', 'application', `${ONE_STREAM}, parents: [base, nope]`)],
    'streams[1].parents[1]',
    'no rule',
  ],
  ['itself', [rule('node', 'platform', `${ONE_STREAM}, parents: [node]`)], 'streams[1].parents[0]', 'itself'],
  [
    'one that is built from it, in the end',
    [
      rule('a', 'platform', `${ONE_STREAM}, parents: [b]`),
      rule('b', 'platform', `${ONE_STREAM}, parents: [c]`),
      rule('c', 'platform', `${ONE_STREAM}, parents: [base, a]`),
    ],
    'streams[3].parents[1]',
    'itself',
  ],
  [
    'an application',
    [rule('one', 'application', ONE_STREAM), rule('two', 'application', `${ONE_STREAM}, parents: [one]`)],
    'streams[2].parents[0]',
    'has tier application',
  ],
  ...[
    'repositories: ["p/*"], headTags: ["^1$"]',
    'repositories: [p, q], headTags: ["^1$"]',
    'repositories: [p], headTags: ["^1$", "^2$"]',
  ].map((several): [string, readonly string[], string, string] => [
    `one of several streams: ${several}`,
    [rule('node', 'platform', several), rule('app', 'application', `${ONE_STREAM}, parents: [node]`)],
    'streams[2].parents[0]',
    'several streams',
  ]),
])('a parent: %s', (_, rules, path, message) => {
  const text = withRules(...rules);
  if (message === undefined) {
    expect(() => parsePolicy(text)).not.toThrow();
    return;
  }
  expect(() => parsePolicy(text)).toThrow(PolicyInvalidError);
  try {
    parsePolicy(text);
  } catch (error) {
    const line = expect.any(Number);
    expect((error as PolicyInvalidError).problems).toContainEqual({
      path,
      line,
      message: expect.stringContaining(message),
    });
  }
});

test('all problems are reported at once, each with its line, in one message', () => {
  expect(() => parsePolicy(YAML.replace('tier: base', 'tier: x').replace('"^12$"', '"12"'))).toThrow(
    /line 7, streams\[0\]\.tier: .+\nline 11, streams\[0\]\.headTags\[0\]: .+anchored/,
  );
});

test.each([
  ['text that is no YAML', 'a: [1, 2', 1],
  ['a key given twice', 'version: 1\nversion: 1', 2],
  ['a tab', 'version: 1\nages:\n\tdefault: 1', 3],
])('%s is refused with its line', (_, text, line) => {
  expect(() => parsePolicy(text)).toThrow(PolicyInvalidError);
  expect(() => parsePolicy(text)).toThrow(`line ${line}`);
});

test.each([
  ['', 'nothing'],
  ['just text', 'text'],
  ['[1]', 'a list'],
  ['null', 'null'],
])('%j is no policy: %s', (text) => {
  expect(() => parsePolicy(text)).toThrow(PolicyInvalidError);
});

test('aliases that multiply are refused', () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghi'.split('').map((name, index) => {
      const before = 'abcdefgh'[index];
      return `${name}: &${name} [${Array(9).fill(`*${before}`).join(',')}]`;
    }),
  ].join('\n');
  expect(() => parsePolicy(bomb)).toThrow(PolicyInvalidError);
});

test('JSON is read like YAML', () => {
  expect(parsePolicy(JSON.stringify(parsePolicy(YAML)))).toEqual(parsePolicy(YAML));
});

test('a checked document says where, without lines', () => {
  expect(() => checkPolicy({ version: 1 })).toThrow(PolicyInvalidError);
  try {
    checkPolicy({ ...parsePolicy(YAML), mode: 'off' });
  } catch (error) {
    expect((error as PolicyInvalidError).problems).toEqual([{ path: 'mode', message: expect.any(String) }]);
  }
});

describe('the version', () => {
  const policy = parsePolicy(YAML);

  test('is the same for any notation of the policy', () => {
    const written =
      'severities: [{ graceDays: 0, severities: [critical], id: no-critical, urgent: false }]\n' +
      YAML.slice(0, YAML.indexOf('severities:'));
    expect(policyVersion(parsePolicy(written))).toBe(policyVersion(policy));
    expect(policyVersion(policy)).toMatch(/^[0-9a-f]{64}$/);
  });

  test('is another one for any other rule', () => {
    const changes: fc.Arbitrary<Partial<Policy>> = fc.record(
      {
        mode: fc.constantFrom('enforce', 'paused'),
        staleScanHours: fc.integer({ min: 49, max: 100 }),
        mirrors: fc.constant([{ account: '111122223333', repositories: ['x'] }]),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(changes, (change) => {
        expect(policyVersion({ ...policy, ...change }) === policyVersion(policy)).toBe(
          Object.keys(change).length === 0,
        );
      }),
      runs,
    );
  });

  test('survives its way through JSON', () => {
    expect(policyVersion(checkPolicy(JSON.parse(JSON.stringify(policy))))).toBe(policyVersion(policy));
  });
});

describe('the documentation', () => {
  const docs = new URL('../../../../docs/', import.meta.url);
  const read = (name: string) => readFileSync(new URL(name, docs), 'utf8');

  test('policy.schema.json is the schema; after a change: node scripts/write-policy-schema.ts', () => {
    expect(JSON.parse(read('policy.schema.json'))).toEqual(jsonSchemaOf(policySchema));
  });

  const examples = [...read('policy.md').matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = '']) => yaml);
  const whole = examples.filter((yaml) => yaml.startsWith('version:'));
  const pieces = examples.filter((yaml) => !yaml.startsWith('version:'));

  test('every whole example is a policy', () => {
    expect(whole.length).toBeGreaterThan(0);
    for (const yaml of whole) expect(() => parsePolicy(yaml)).not.toThrow();
  });

  test.each(pieces.map((yaml) => [yaml]))('a piece fits into the whole example: %s', (yaml) => {
    const [first = ''] = whole;
    const names = [...yaml.matchAll(/^(\w+):/gm)].map(([, name]) => name);
    const rest = first.split(/^(?=\w)/m).filter((block) => !names.some((name) => block.startsWith(`${name}:`)));
    expect(() => parsePolicy(`${rest.join('')}\n${yaml}`)).not.toThrow();
  });

  test('the docs of each field name its largest value', () => {
    const text = read('policy.md');
    const isDocumented = (name: string, most: number) =>
      [...text.matchAll(new RegExp(`\`${name}\``, 'g'))].some(({ index }) =>
        text.slice(index, index + 700).includes(`at most ${most}`),
      );
    const limits = limitsIn(JSON.parse(read('policy.schema.json')));
    expect(limits.length).toBeGreaterThan(10);
    expect(limits.filter(([name, most]) => !isDocumented(name, most))).toEqual([]);
  });

  test('every field is explained', () => {
    const text = read('policy.md');
    const fieldsOf = (schema: {
      properties?: object;
      items?: object;
      anyOf?: object[];
      additionalProperties?: unknown;
    }): string[] => [
      ...Object.entries(schema.properties ?? {}).flatMap(([name, part]) => [name, ...fieldsOf(part as object)]),
      ...(schema.items ? fieldsOf(schema.items) : []),
      ...(schema.anyOf ?? []).flatMap(fieldsOf),
    ];
    const missing = fieldsOf(jsonSchemaOf(policySchema)).filter((name) => !text.includes(`\`${name}\``));
    expect([...new Set(missing)]).toEqual([]);
  });

  test('the sample documents parse as they are written', () => {
    const document: PolicyDocument = { version: 1, ages: { default: { limitDays: 1 } }, streams: [], severities: [] };
    expect(parse(policySchema, document).mode).toBe('report-only');
  });
});

describe('the name of a head tag', () => {
  const HEAD_TAGS = 'headTags: ["^12$"]';
  const with12 = 'headTags: ["^(12)$", "^12$"]\n    names: ';
  const other = (repository: string) =>
    `headTags: ["^(12)$"]\n    names: { "^(12)$": "^12$" }\n    owner: one\n  - id: other\n    tier: base\n    account: "111122223333"\n    regions: [us-east-1]\n    repositories: [${repository}]\n    ${HEAD_TAGS}`;

  test.each([
    ['of no head tag', 'headTags: ["^12$"]\n    names: { "^13$": "x" }', '^13$', 'the rule has no such head tag'],
    [
      'that another head tag has',
      `${with12}{ "^(12)$": "^12$" }`,
      '^(12)$',
      'the name "^12$" is that of head tag ^12$ of rule "base" in the same repository',
    ],
    [
      'that a rule for the same repository has',
      other('base/debian'),
      '^(12)$',
      'the name "^12$" is that of head tag ^12$ of rule "other" in the same repository',
    ],
    ['with a space', `${with12}{ "^(12)$": "a b" }`, '^(12)$', 'has characters that no name of a stream has'],
  ])('%s is refused at its field', (_, replacement, headTag, message) => {
    expect(problemsWith(HEAD_TAGS, replacement)).toEqual([
      { path: expect.stringMatching(/^streams\[0\]\.names/), message, line: expect.any(Number) },
    ]);
    expect(problemsWith(HEAD_TAGS, replacement)[0]?.path).toContain(headTag);
  });

  test.each([
    ['of its own', `${with12}{ "^(12)$": "twelve" }`],
    ['that another repository has', other('os/debian')],
    ['that two head tags of one rule exchange', `${with12}{ "^(12)$": "^12$", "^12$": "^(12)$" }`],
  ])('%s is allowed', (_, replacement) => {
    expect(problemsWith(HEAD_TAGS, replacement)).toEqual([]);
  });
});

describe('a head tag pattern of a stream that promotes', () => {
  const problemsOf = (headTags: string, promotes = true) => {
    const fields = `repositories: [p], headTags: ${headTags}, promotes: ${promotes}`;
    try {
      parsePolicy(withRules(rule('node', 'platform', fields)));
      return [];
    } catch (error) {
      return (error as PolicyInvalidError).problems;
    }
  };

  test.each([
    ['["^22.*$"]', 0, '22-candidate'],
    ['["^22$", "^22-[a-z]+$"]', 1, '22-candidate'],
    ['["^v[0-9]+(-[a-z]+)?$"]', 0, 'v0-candidate'],
    ['["^[a-z0-9.-]+$"]', 0, 'a-candidate'],
  ])('%s matches a candidate, and is refused', (headTags, at, candidate) => {
    const message = expect.stringContaining(`"${candidate}"`);
    expect(problemsOf(headTags)).toEqual([{ path: `streams[1].headTags[${at}]`, line: expect.any(Number), message }]);
    expect(problemsOf(headTags, false)).toEqual([]);
  });

  test.each(['["^22$"]', '["^22[0-9.]*$"]', '["^[0-9a-f]{7,40}-[0-9]+$"]', '["^22(?!.*-candidate$).*$"]'])(
    '%s matches none',
    (headTags) => expect(problemsOf(headTags)).toEqual([]),
  );
});

test.each([
  ['pipeline: { name: import }', 'pipeline'],
  ['promotes: true', 'promotes'],
  ['parents: []', 'parents'],
  ['heads: all', 'heads'],
])('a mirrored stream is never rebuilt, so `%s` is refused', (field, name) => {
  const text = (more: string) => withRules(rule('debian', 'mirrored', `repositories: [p], headTags: ["^22$"]${more}`));
  expect(() => parsePolicy(text(''))).not.toThrow();
  expect(() => parsePolicy(text(`, ${field}`))).toThrow(
    expect.objectContaining({ problems: [expect.objectContaining({ path: `streams[1].${name}` })] }),
  );
});

test('`heads: all` is refused for applications', () => {
  const problemsOf = (tier: string) => {
    try {
      parsePolicy(withRules(rule('node', tier, 'repositories: [p], headTags: ["^22$"], heads: all')));
      return [];
    } catch (error) {
      return (error as PolicyInvalidError).problems.map(({ path }) => path);
    }
  };
  expect(problemsOf('base')).toEqual([]);
  expect(problemsOf('platform')).toEqual([]);
  expect(problemsOf('application')).toEqual(['streams[1].heads']);
});

/** Each number of a JSON schema that has a largest value: its name, and that value. */
function limitsIn(schema: unknown, name = ''): readonly (readonly [string, number])[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = 'maximum' in schema && typeof schema.maximum === 'number' ? [[name, schema.maximum] as const] : [];
  const below = Object.entries(schema).flatMap(([key, one]) => limitsIn(one, key));
  return [...own.filter(([, most]) => most < Number.MAX_SAFE_INTEGER), ...below];
}
