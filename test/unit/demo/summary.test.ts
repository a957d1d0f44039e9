import { stripVTControlCharacters } from 'node:util';
import { wrapped } from '../../../cli/output.ts';
import { risksOf } from '../../../local/demo/at-risk.ts';
import type { DemoResult } from '../../../local/demo/result.ts';
import { SUMMARY_LINES, type SummaryLine, summaryOf } from '../../../local/demo/summary.ts';
import { parsePolicy } from '../../../shared/domain/policy/policy-document.ts';

const names = {
  stream: (id: string) => id,
  brief: (id: string) => id,
  reference: (text: string) => text,
  service: (key: string) => key,
};
const linesOf = ({ text, indent }: SummaryLine): readonly string[] => wrapped(text, 80, indent);
const OPTIONS = { command: 'COMMAND', rest: 'see above', linesOf: (line: SummaryLine) => linesOf(line).length };
const node = (stream: string, parents: string[] = []) => ({
  stream,
  work: 'rebuild',
  wave: 0,
  parents,
  facts: ['CVE-1'],
  atFault: parents.length === 0,
});
const rebuilt = (stream: string, state = 'patched') => ({ stream, state, before: 'sha256:1', after: 'sha256:2' });

function resultOf(act: object, images: readonly object[] = [], atRisk: readonly object[] = []): DemoResult {
  const all = { gaveUp: [], cascades: [], wouldDo: [], streams: [], ...act };
  return { found: 3, execution: { status: 'SUCCEEDED' }, images, atRisk, act: all, doors: [] } as unknown as DemoResult;
}

const page = (result: DemoResult): string[] =>
  summaryOf(result, names, OPTIONS).lines.flatMap((line) => linesOf(line).map(stripVTControlCharacters));

test('what was at fault, what was rebuilt by digest, what is at risk and why, and how to see more', () => {
  const streams = [rebuilt('base', 'open'), rebuilt('app'), { ...rebuilt('search', 'stopped'), reason: 'ineffective' }];
  const image = { digest: 'sha256:9', stream: 'search', outcome: 'violating' };
  const atRisk = [{ digest: 'sha256:9', what: 'CVE-1', why: 'its build pins an old parent' }];
  const cascades = [{ nodes: [node('base'), node('app', ['base']), node('search', ['base'])] }];
  expect(page(resultOf({ streams, cascades }, [image], atRisk))).toEqual([
    'Result: 2 of 3 images in use are in order, 1 is still at risk',
    '  at fault   base: CVE-1',
    '  rebuilt    base  sha256:1 -> sha256:2',
    '             app   sha256:1 -> sha256:2',
    '  at risk    search: CVE-1; its build pins an old parent',
    '             base: fixed; images without the fix still run',
    '  see more   COMMAND',
  ]);
});

test('the result of the first demo has each of its rows on 80 columns', () => {
  const streams = [
    ...['base/debian', 'platform/node', 'platform/node-arm'].map((stream) => rebuilt(stream, 'open')),
    ...['apps/checkout', 'apps/storefront'].map((stream) => rebuilt(stream)),
  ];
  const images = ['apps/reports', 'apps/search', 'apps/rates'].map((stream) => ({
    digest: `sha256:${stream}`,
    stream,
  }));
  const atRisk = images.map(({ digest, stream }) => ({ digest, what: 'CVE-2026-31001', why: `why ${stream}` }));
  const lines = page(resultOf({ streams, cascades: [{ nodes: [node('base/debian')] }] }, images, atRisk));
  expect(lines).toHaveLength(SUMMARY_LINES);
  expect(lines.at(-2)).toBe('             base/debian and 2 others: fixed; images without the fix still run');
  expect(lines.join('\n')).not.toContain('more: see');
});

test('a plan that was not carried out says so', () => {
  expect(page(resultOf({ wouldDo: [node('base'), { ...node('app', ['base']), wave: 1 }] }))).toEqual([
    'Result: all 3 images in use are in order',
    '  at fault   base: CVE-1',
    '  rebuilt    nothing; with `mode: enforce` it would begin with base',
    '  at risk    nothing',
    '  see more   COMMAND',
  ]);
});

test('a door that did not answer by the policy is a failure', () => {
  const doors = [
    { which: 'old', started: true },
    { which: 'rebuilt', started: true },
  ];
  expect(page({ ...resultOf({}), doors } as unknown as DemoResult).slice(-2)).toEqual([
    '  failed     a door let an old image start, or refused a new one; see above',
    '  see more   COMMAND',
  ]);
});

test.each([
  [1, 30],
  [30, 1],
  [30, 30],
  [0, 12],
  [2, 6],
  [5, 4],
])('%i rebuilt streams and %i risks fit: what is not shown is listed before', (rebuilds, risks) => {
  const images = Array.from({ length: risks }, (_, at) => ({ digest: `sha256:${at}`, stream: `risk-${at}` }));
  const atRisk = images.map(({ digest }, at) => ({
    digest,
    what: `what ${at}`,
    why: 'why '.repeat(at % 3 === 0 ? 20 : 1),
  }));
  const streams = Array.from({ length: rebuilds }, (_, at) => rebuilt(`stream-${at}`));
  const result = resultOf({ streams }, images, atRisk);
  const lines = page(result);
  expect(lines.length).toBeLessThanOrEqual(SUMMARY_LINES);
  const { others } = summaryOf(result, names, OPTIONS);
  const all = [...lines, ...others].join('\n');
  for (const { stream } of images) expect(all).toContain(`${stream}: `);
});

test('a failed review and a demo that gave up are in the result', () => {
  const result = resultOf({ gaveUp: ['why'] });
  expect(page({ ...result, execution: { arn: 'a', status: 'FAILED', error: 'E' } })).toEqual(
    expect.arrayContaining([
      '  failed     the last review ended as FAILED E',
      '             the demo gave up waiting; the story says why',
    ]),
  );
});

const policy = parsePolicy(`
version: 1
mode: enforce
ages: { default: { limitDays: 30 } }
severities: []
streams:
  - { id: reports, tier: application, account: "111122223333", regions: [us-east-1], repositories: [reports], headTags: ["^1$"], owner: a, mode: report-only }
  - { id: none, tier: application, account: "111122223333", regions: [us-east-1], repositories: [none], headTags: ["^1$"], owner: a }
  - { id: web, tier: application, account: "111122223333", regions: [us-east-1], repositories: [web], headTags: ["^1$"], owner: a, pipeline: { name: web } }
`);
const idOf = (repository: string): string => `111122223333/us-east-1/${repository}:^1$`;
const finding = { kind: 'finding', effect: 'violates', vulnerability: 'CVE-1', package: 'p' };
const old = { kind: 'age', effect: 'violates', limitDays: 30, decidedBy: 'sha256:0' };
const scan = { kind: 'scan', effect: 'unknown', state: 'unsupported', scanReason: 'unsupported-image' };
const UNNAMED = { tier: 'unmanaged', locations: [], usages: [] };

test.each<[name: string, image: object, act: object, risk: object]>([
  ['only reported', { stream: idOf('reports') }, {}, { why: 'its policy only reports' }],
  ['no pipeline', { stream: idOf('none') }, {}, { why: 'its policy names no pipeline' }],
  ['a tag of no stream', { tier: 'base' }, {}, { why: 'its tags match no rule' }],
  ['not in the policy', { tier: 'unmanaged' }, {}, { why: 'not in the policy' }],
  [
    'the answer since a rebuild says more than its outcome',
    { stream: idOf('none') },
    {
      streams: [{ stream: idOf('none'), state: 'stopped', reason: 'ineffective' }],
      answers: [{ stream: idOf('none'), reason: 'parent-pinned' }],
    },
    { why: 'its build pins an old parent' },
  ],
  [
    'an old image of a fixed stream',
    { stream: idOf('none') },
    { streams: [{ stream: idOf('none'), state: 'open', reason: 'closing' }] },
    { why: 'the fixed image is there, and old ones still run' },
  ],
  ['findings first', { reasons: [old, finding, finding] }, {}, { what: 'CVE-1 and 1 more' }],
  ['an ancestor is old', { reasons: [old] }, {}, { what: 'built on an old image' }],
  [
    'only an ancestor is old, and that is not rebuilt',
    { stream: idOf('web'), reasons: [old] },
    {},
    { what: 'built on an old image', why: 'that image must be rebuilt first' },
  ],
  ['another fault too', { stream: idOf('web'), reasons: [old, finding] }, {}, { why: 'nothing is planned' }],
  [
    'unknown',
    { outcome: 'unknown', reasons: [scan, finding] },
    {},
    { what: 'not scannable (unsupported-image)', why: 'unknown never counts as clean' },
  ],
])('at risk: %s', (_name, image, act, risk) => {
  const given = { ...UNNAMED, digest: 'sha256:1', outcome: 'violating', reasons: [finding], ...image };
  const done = { streams: [], answers: [], ...act } as unknown as DemoResult['act'];
  const [found, ...others] = risksOf([given] as unknown as DemoResult['images'], done, policy, names);
  expect(others).toEqual([]);
  expect(found).toMatchObject({ digest: 'sha256:1', ...risk });
});

test('the most serious image at risk comes first, then by name, whatever digests a run has', () => {
  const at = (stream: string, outcome: string, ...reasons: readonly object[]) => ({ stream, outcome, reasons });
  const high = { ...finding, severity: 'high' };
  const critical = { ...finding, severity: 'critical' };
  const images = [
    at('critical-b', 'violating', critical),
    at('critical-a', 'violating', old, critical),
    at('high', 'violating', high),
    at('unknown', 'unknown', scan, critical),
    at('not-judged', 'failed'),
    at('old', 'violating', old),
  ].map((image) => ({ ...image, stream: idOf(image.stream), tier: 'application' }));
  const order = (digestOf: (at: number) => string): string[] => {
    const given = images.map((image, at) => ({ ...image, digest: `sha256:${digestOf(at)}` }));
    const streamOf = new Map(given.map(({ digest, stream }) => [digest, stream]));
    const sorted = given.toSorted((one, other) => one.digest.localeCompare(other.digest));
    const done = { streams: [], answers: [] };
    return risksOf(sorted as unknown as DemoResult['images'], done, policy, names).map(
      ({ digest }) => streamOf.get(digest) ?? '',
    );
  };
  const expected = ['critical-a', 'critical-b', 'high', 'not-judged', 'unknown', 'old'].map(idOf);
  expect(order(String)).toEqual(expected);
  expect(order((at) => String(9 - at))).toEqual(expected);
});
