import { readFileSync } from 'node:fs';
import { BUILT_IN_RULES, SCOPE_READABLE } from '../../../../shared/domain/policy/built-in-rules.ts';
import { reasonInFull, reasonText } from '../../../../shared/domain/verdict/reason-text.ts';
import type { Reason } from '../../../../shared/domain/verdict/verdict.ts';
import { reason as schema } from '../../../../shared/events/parts.ts';
import { parse } from '../../../../shared/schema.ts';
import { digestOf, NOON_EPOCH_MS } from '../../../support/samples.ts';

type Kind = Reason['kind'];

/** One of each kind: the compiler names the kind that is missing. */
const SAMPLES: { readonly [One in Kind]: Extract<Reason, { readonly kind: One }> } = {
  age: { ruleId: 'age-limit', effect: 'violates', kind: 'age', bornAtEpochMs: NOON_EPOCH_MS, limitDays: 30 },
  'age-unknown': { ruleId: 'age-known', effect: 'unknown', kind: 'age-unknown', decidedBy: digestOf('base') },
  finding: {
    ...{ ruleId: 'critical', effect: 'violates', kind: 'finding', severity: 'critical', fix: 'yes' },
    ...{ vulnerability: 'CVE-2026-1', package: 'openssl', version: '3.0', firstSeenAtEpochMs: NOON_EPOCH_MS },
  },
  scan: { ruleId: 'scan-required', effect: 'unknown', kind: 'scan', state: 'failed', scanReason: 'scan-failed' },
  registry: { ruleId: 'approved-registries', effect: 'violates', kind: 'registry', registry: 'docker.io/library' },
  source: { ruleId: 'source-known', effect: 'violates', kind: 'source', label: 'revision', problem: 'inherited' },
  user: { ruleId: 'non-root', effect: 'violates', kind: 'user', user: '0:0' },
  tag: {
    ruleId: 'tags',
    effect: 'violates',
    kind: 'tag',
    tag: '14',
    problem: { kind: 'left-behind', newest: '14.9.1' },
  },
  'digest-guessed': { ruleId: 'digest-known', effect: 'unknown', kind: 'digest-guessed', workload: 'web', scopes: 1 },
  policy: { ruleId: 'policy-readable', effect: 'unknown', kind: 'policy' },
  system: {
    ...{ ruleId: 'system-supported', effect: 'due', kind: 'system', system: { id: 'alpine', version: '3.19.1' } },
    ...{ decidedBy: digestOf('base'), deadlineEpochMs: NOON_EPOCH_MS },
  },
};

const read = (page: string): string => readFileSync(new URL(`../../../../docs/${page}`, import.meta.url), 'utf8');
const [, chapter = ''] = read('events.md').split('### ImageVerdictChanged\n');
const [reasonsRow = ''] = chapter.match(/^\| `reasons` .*$/m) ?? [];

describe.each(Object.values(SAMPLES))('a reason of kind $kind', (reason) => {
  test('has a text in the report and in the answer of `why`', () => {
    expect(reasonText(reason)).toMatch(new RegExp(`^\\w.* \\(${reason.ruleId}\\)$`));
    expect(reasonInFull(reason)).toMatch(/^\w/);
    expect(`${reasonText(reason)} ${reasonInFull(reason)}`).not.toMatch(/undefined|NaN|\[object/);
  });

  test('fits the event ImageVerdictChanged, and docs/events.md names the kind', () => {
    expect(parse(schema, reason)).toEqual(reason);
    expect(reasonsRow).toContain(`\`${reason.kind}\``);
  });
});

test('a finding with an exploit says so in the report and in the answer of `why`', () => {
  const exploited: Reason = { ...SAMPLES.finding, isExploited: true, epssPercent: 12 };
  expect(parse(schema, exploited)).toEqual(exploited);
  expect(reasonText(exploited)).toBe('critical CVE-2026-1 in openssl 3.0, exploit known, EPSS 12 % (critical)');
  expect(reasonInFull(exploited)).toMatch(
    /^critical CVE-2026-1 in openssl 3\.0, exploit known, EPSS 12 %; fix published; first seen/,
  );
});

test('the answer of `why` joins fact, explanation, waiver and next step, the next step last', () => {
  expect(reasonInFull({ ...SAMPLES.registry, waiverId: 'mirror' })).toBe(
    'registry docker.io/library is not approved; waived by mirror; next: add it to `approvedRegistries` of the policy, or use an approved registry',
  );
  expect(reasonInFull({ ...SAMPLES.scan, state: 'off', scanReason: 'quota-or-scanned' })).toBe(
    'scan off, quota-or-scanned; the registry accepts no more scans today, and has no earlier result; next: the next review requests one again',
  );
});

test('docs/policy.md has a row for each rule that every policy has', () => {
  const rules = [...Object.values(BUILT_IN_RULES), SCOPE_READABLE];
  expect(rules.filter((rule) => !read('policy.md').includes(`\n| \`${rule}\``))).toEqual([]);
});
