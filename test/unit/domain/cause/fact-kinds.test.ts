import { readFileSync } from 'node:fs';
import { ASKED_BY_PERSON, type CauseFact, PARENT_MOVED } from '../../../../shared/domain/cause/cause.ts';
import { causeFact } from '../../../../shared/events/parts.ts';
import { parse } from '../../../../shared/schema.ts';
import { digestOf, NOON_EPOCH_MS } from '../../../support/samples.ts';

type Kind = CauseFact['kind'];

const sinceEpochMs = NOON_EPOCH_MS;

/** One of each kind: the compiler names the kind that is missing. */
const SAMPLES: { readonly [One in Kind]: Extract<CauseFact, { readonly kind: One }> } = {
  finding: {
    ...{ kind: 'finding', ruleId: 'critical', sinceEpochMs, fix: 'yes' },
    ...{ vulnerability: 'CVE-2026-1', package: 'openssl', version: '3.0' },
  },
  age: { kind: 'age', ruleId: 'age-limit', sinceEpochMs },
  'parent-moved': {
    ...{ kind: 'parent-moved', ruleId: PARENT_MOVED, sinceEpochMs },
    ...{ parent: 'a stream', head: digestOf('head') },
  },
  person: { kind: 'person', ruleId: ASKED_BY_PERSON, sinceEpochMs, by: 'jo', reason: 'a test' },
};

const page = readFileSync(new URL('../../../../docs/events.md', import.meta.url), 'utf8');
const [, chapter = ''] = page.split('### RebuildNeeded\n');
const [factsRow = ''] = chapter.match(/^\| `facts` .*$/m) ?? [];

test.each(Object.values(SAMPLES))(
  'a fact of kind $kind fits the published events, and docs/events.md names it',
  (fact) => {
    expect(parse(causeFact, fact)).toEqual(fact);
    expect(factsRow).toContain(`\`${fact.kind}\``);
  },
);
