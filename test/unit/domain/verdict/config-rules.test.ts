import { causeFacts } from '../../../../shared/domain/cause/cause.ts';
import type { ConfigFacts } from '../../../../shared/domain/image/config-facts.ts';
import { TIERS } from '../../../../shared/domain/image/image.ts';
import { type PolicyDocument, policySchema } from '../../../../shared/domain/policy/policy.ts';
import {
  type ConfigBelow,
  needsConfig,
  sourceReasons,
  userReasons,
} from '../../../../shared/domain/verdict/config-rules.ts';
import { evaluate } from '../../../../shared/domain/verdict/evaluate.ts';
import { reasonInFull } from '../../../../shared/domain/verdict/reason-text.ts';
import { parse } from '../../../../shared/schema.ts';
import { alone } from '../../../support/samples.ts';
import { completeScan, image, NOW } from '../arbitraries.ts';

const policyOf = (changes: Partial<PolicyDocument>) =>
  parse(policySchema, {
    ...{ version: 1, ages: { default: { limitDays: 30 } }, streams: [], severities: [] },
    ...changes,
  } satisfies PolicyDocument);

const both = policyOf({ sourceKnown: {}, nonRoot: {} });
const good: ConfigFacts = { user: '10001', source: 'https://git.example.com/shop', revision: '0123456' };

const judge = (configFacts: ConfigFacts | undefined, policy = both, below?: ConfigBelow) => {
  const judged = { ...image(), tier: 'application' as const, ...(configFacts && { configFacts }) };
  const given = {
    image: { lineage: alone(judged), ...judged },
    scan: completeScan(),
    findings: [],
    firstSeen: new Map(),
    ...(below && { below }),
  };
  return evaluate(given, policy, 'version-1', NOW);
};

test.each<[string, ConfigFacts | undefined, string, readonly string[]]>([
  ['all', good, 'compliant', []],
  ['no user', { ...good, user: '' }, 'violating', ['non-root: runs as root: its config names no user']],
  ['root', { ...good, user: 'root' }, 'violating', ['non-root: runs as root: its config names user root']],
  [
    'no label',
    { user: '10001' },
    'violating',
    [
      'source-known: label org.opencontainers.image.revision is missing',
      'source-known: label org.opencontainers.image.source is missing',
    ],
  ],
  [
    'a branch as revision',
    { ...good, revision: 'main' },
    'violating',
    ['source-known: label org.opencontainers.image.revision is malformed'],
  ],
  [
    'no usable config',
    { isUnusable: true },
    'unknown',
    ['source-known: source unknown: its config was not read', 'non-root: user unknown: its config was not read'],
  ],
  [
    'no config read',
    undefined,
    'unknown',
    ['source-known: source unknown: its config was not read', 'non-root: user unknown: its config was not read'],
  ],
  [
    'a user that is no text',
    { source: 'https://git.example.com/shop', revision: '0123456' },
    'unknown',
    ['non-root: user unknown: its config was not read'],
  ],
])('an image whose config says %s', (_, facts, status, texts) => {
  const verdict = judge(facts);
  expect(verdict.status).toBe(status);
  expect(verdict.reasons.map((reason) => `${reason.ruleId}: ${reasonInFull(reason)}`)).toEqual(
    texts.map((text) => expect.stringMatching(new RegExp(`^${text}; next: `))),
  );
});

test.each<[string, ConfigFacts, ConfigBelow, string, readonly string[]]>([
  [
    'with the same labels',
    good,
    { facts: { ...good, labelSteps: { source: 1, revision: 1 } } },
    'violating',
    [
      'label org.opencontainers.image.revision is inherited; the image that it is built on has the same value',
      'label org.opencontainers.image.source is inherited; the image that it is built on has the same value',
    ],
  ],
  [
    'with other labels',
    good,
    { facts: { ...good, source: 'https://git.example.com/base', revision: 'fedcba9' } },
    'compliant',
    [],
  ],
  [
    'that was not read',
    good,
    {},
    'unknown',
    ['source unknown: the config of the image that it is built on was not read'],
  ],
  [
    'that cannot be used',
    good,
    { facts: { isUnusable: true } },
    'unknown',
    ['source unknown: the config of the image that it is built on was not read'],
  ],
  [
    'that was not read, beside annotations of its own',
    { ...good, annotated: ['source', 'revision'] },
    {},
    'compliant',
    [],
  ],
])('an image built on one %s', (_, facts, below, status, texts) => {
  const verdict = judge(facts, policyOf({ sourceKnown: {} }), below);
  expect(verdict.status).toBe(status);
  expect(verdict.reasons.map((reason) => reasonInFull(reason).split('; next: '))).toEqual(
    texts.map((text) => [text, expect.stringMatching(/\w/)]),
  );
});

test('no rebuild follows from a config', () => {
  for (const facts of [{ user: '' }, { isUnusable: true as const }, undefined])
    expect(causeFacts(judge(facts))).toEqual([]);
});

test('without the rules nothing is asked, and nothing changes', () => {
  const without = policyOf({});
  expect(judge(undefined, without)).toMatchObject({ status: 'compliant', reasons: [] });
  expect(needsConfig({ tier: 'application' }, without)).toBe(false);
});

test('the rules judge the tiers that they name: by default those of streams', () => {
  const one = policyOf({ nonRoot: { id: 'no-root', tiers: ['application'] }, sourceKnown: {} });
  const judged = TIERS.filter((tier) => userReasons({ tier }, one).length > 0);
  const sourced = TIERS.filter((tier) => sourceReasons({ tier }, one).length > 0);
  expect({ judged, sourced }).toEqual({ judged: ['application'], sourced: ['base', 'platform', 'application'] });
  // An image of ours may inherit the labels of an import.
  expect(TIERS.filter((tier) => needsConfig({ tier }, one))).toEqual([...sourced, 'mirrored']);
  expect(TIERS.filter((tier) => needsConfig({ tier }, { ...one, sourceKnown: undefined }))).toEqual(['application']);
  expect(userReasons({ tier: 'application' }, one)).toMatchObject([{ ruleId: 'no-root' }]);
  const windows = { platform: 'windows/amd64', configFacts: { user: 'ContainerAdministrator' } } as const;
  expect(userReasons({ tier: 'application', ...windows }, one)).toMatchObject([{ effect: 'violates' }]);
});

test('a waiver covers a violation, and never what is unknown', () => {
  const dates = { created: '2026-11-01', expires: '2026-12-20', author: 'jo@example.com' };
  const waiver = { ...dates, id: 'needs-port-80', rule: 'non-root', reason: 'It binds a port below 1024.' };
  const policy = policyOf({ nonRoot: {}, waivers: [waiver] });
  expect(judge({ ...good, user: '' }, policy)).toMatchObject({
    status: 'compliant',
    reasons: [{ effect: 'waived', waiverId: 'needs-port-80' }],
  });
  expect(judge(undefined, policy).status).toBe('unknown');
});
