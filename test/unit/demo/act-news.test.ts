import { stripVTControlCharacters } from 'node:util';
import type { ActingState, CascadeView } from '../../../cli/acting/acting.ts';
import { newsOf } from '../../../local/demo/act-news.ts';
import type { CascadeNode } from '../../../shared/domain/cause/cascade.ts';
import type { Cause, CauseFact } from '../../../shared/domain/cause/cause.ts';

const names = {
  stream: (id: string) => id,
  brief: (id: string) => id,
  reference: (text: string) => text,
  service: (key: string) => key,
};
const fact: CauseFact = {
  ...{
    kind: 'finding',
    ruleId: 'r',
    vulnerability: 'CVE-1',
    package: 'p',
    version: '1',
    fix: 'unknown',
    sinceEpochMs: 0,
  },
};
const node = (stream: string, wave: number, changes: object = {}) =>
  ({
    cascadeId: 'c',
    stream,
    work: 'rebuild',
    wave,
    facts: [fact],
    holders: [],
    state: 'planned',
    ...changes,
  }) as CascadeNode;
const state = (nodes: CascadeNode[], more: object = {}) =>
  ({
    causes: [],
    closures: [],
    cascades: [{ cascadeId: 'c', nodes, deployments: [] } as unknown as CascadeView],
    ...more,
  }) as unknown as ActingState;
const printed = (seen: ActingState): string[] => newsOf(seen, names).map(({ text }) => stripVTControlCharacters(text));

test('nodes in any order: the plan is printed base first', () => {
  const app = node('app', 1, { parents: ['base', 'other'] });
  expect(printed(state([app, node('base', 0), node('fixed', 0, { work: 'deploy' })]))).toEqual([
    'Plan: 2 images to rebuild, base first; 1 to deploy',
    '  wave 1  base   at once, to fix CVE-1',
    '  wave 1  fixed  deployed only: its head is fixed already',
    '  wave 2  app    after base and other are verified',
  ]);
});

test('two waves: each node prints its build and its outcome below its wave', () => {
  const ended = (stream: string, outcome: object, end: string) =>
    node(stream, 1, { state: end, output: 'sha256:12', outcome });
  const nodes = [
    node('base', 0, { state: 'verifying' }),
    ended('good', { result: 'fixed' }, 'verified'),
    ended('bad', { result: 'ineffective', left: [fact, fact] }, 'ineffective'),
    node('late', 1, { state: 'waiting', answer: { answer: 'wait', reason: 'parent-not-verified', detail: 'See it.' } }),
  ];
  expect(printed(state(nodes)).slice(5)).toEqual([
    'Wave 1 of 2',
    '  building      base  in the pipeline of its team',
    'Wave 2 of 2',
    '  verified      good  sha256:12  fixed: CVE-1',
    '  ineffective   bad   sha256:12  not fixed: CVE-1 and 1 more',
    '  waiting       late  parent-not-verified: See it.',
  ]);
});

test('the same state read twice has the same keys; two plans have different headings', () => {
  const seen = state([node('a', 0, { state: 'building' })]);
  const keys = newsOf(seen, names).map(({ key }) => key);
  expect(newsOf(seen, names).map(({ key }) => key)).toEqual(keys);
  const other = { ...seen, cascades: seen.cascades.map((cascade) => ({ ...cascade, cascadeId: 'd' })) };
  const headings = [seen, other].flatMap((one) => newsOf(one, names).filter(({ isHeading }) => isHeading));
  expect(new Set(headings.map(({ key }) => key)).size).toBe(4);
});

test.each<[reason: string, answer: 'wait' | 'refuse', lines: number]>([
  ['report-only', 'refuse', 1],
  ['no-fix-seen', 'refuse', 0],
  ['already-open', 'wait', 0],
  ['head-unread', 'wait', 1],
])('the answer %s (%s) prints %d lines', (reason, answer, lines) => {
  const cause = {
    stream: 'a',
    facts: [fact],
    state: 'open',
    answer: { answer, reason, detail: 'So.' },
  } as unknown as Cause;
  expect(printed(state([], { causes: [cause], cascades: [] }))).toHaveLength(lines);
});
