import type { Cause, FindingFact } from '../../../../shared/domain/cause/cause.ts';
import { startFound } from '../../../../shared/domain/report/report-found.ts';
import type { ImageRecord } from '../../../../shared/domain/verdict/image-record.ts';
import type { Reason } from '../../../../shared/domain/verdict/verdict.ts';
import { digestOf, NOON_EPOCH_MS as NOON } from '../../../support/samples.ts';
import { fc } from '../../../support/seeded.ts';
import { fact, reasonOf } from '../../cascade-plan/support.ts';

interface Found {
  readonly stream: string;
  readonly tier?: 'base' | 'platform' | 'application';
  readonly on?: string;
  readonly isHead?: boolean;
  readonly inUse?: boolean;
  readonly reasons?: readonly Reason[];
  readonly unjudged?: boolean;
  readonly name?: string;
}

const image = ({
  stream,
  name = stream,
  tier = 'application',
  on,
  isHead = false,
  inUse = false,
  reasons = [],
  unjudged = false,
}: Found): ImageRecord => ({
  ...{ digest: digestOf(name), tier, stream, platform: 'linux/arm64', isHead, inUse, locations: [] },
  birth: { known: false, rejected: [] },
  scan: { state: 'complete', coverage: ['os'] },
  lineage: {
    age: { known: false, unknown: [] },
    ...(on !== undefined && { parent: { digest: digestOf(on), evidence: 'layers' } }),
  },
  ...(!unjudged && {
    verdict: { status: reasons.length > 0 ? 'violating' : 'compliant', reasons, policyVersion: 'p' },
    judgedAtEpochMs: NOON,
  }),
});

const cause = (stream: string, ...facts: FindingFact[]): Cause => ({
  stream,
  facts,
  sinceEpochMs: NOON,
  version: 1,
  state: 'open',
});
const flaw = [reasonOf(fact())];
const old: Reason = {
  kind: 'age',
  ruleId: 'age-limit',
  effect: 'violates',
  bornAtEpochMs: NOON,
  limitDays: 30,
  deadlineEpochMs: NOON,
};

const workOf = (found: readonly Found[], known: readonly Cause[] = []) => {
  const builder = startFound(known);
  for (const one of found) builder.add(image(one));
  return builder.work(() => 'enforce');
};
const root = (stream: string, streams: number, findings = 1, tooOld = false) =>
  ({ stream, mode: 'enforce', findings, tooOld, streams }) as const;

const BASE: Found = { stream: 'base', tier: 'base', isHead: true, reasons: flaw };
const APP: Found = { stream: 'app', on: 'base', inUse: true, reasons: flaw };
const HELD: Found = { stream: 'app', inUse: true, reasons: flaw };

test.each<[string, readonly Found[], ReturnType<typeof workOf>]>([
  ['nothing found', [], { rootStreams: [], toDeploy: [], unclear: [] }],
  ['an application by itself', [HELD], { rootStreams: [root('app', 1)], toDeploy: [], unclear: [] }],
  [
    'a base, and what is built on it',
    [BASE, APP, { ...APP, stream: 'other' }],
    { rootStreams: [root('base', 3)], toDeploy: [], unclear: [] },
  ],
  [
    'an application that brought it itself',
    [{ ...BASE, reasons: [] }, APP],
    { rootStreams: [root('app', 1)], toDeploy: [], unclear: [] },
  ],
  [
    'a base that is not judged',
    [{ ...BASE, unjudged: true }, APP],
    { rootStreams: [], toDeploy: [], unclear: ['app'] },
  ],
  [
    'a base whose head was not found',
    [{ ...BASE, isHead: false }, APP],
    { rootStreams: [], toDeploy: [], unclear: ['app'] },
  ],
  [
    'a head that is fixed, and an older image that runs',
    [
      { ...HELD, name: 'older' },
      { stream: 'app', isHead: true },
    ],
    { rootStreams: [], toDeploy: ['app'], unclear: [] },
  ],
  ['an age', [{ ...BASE, reasons: [old] }], { rootStreams: [root('base', 1, 0, true)], toDeploy: [], unclear: [] }],
  ['what neither runs nor is a head', [{ ...HELD, inUse: false }], { rootStreams: [], toDeploy: [], unclear: [] }],
])('%s', (_, found, work) => {
  expect(workOf(found)).toEqual(work);
});

test('those that fix most come first', () => {
  const found: Found[] = [HELD, BASE, { ...APP, stream: 'x' }, { ...APP, stream: 'y' }];
  expect(workOf(found).rootStreams.map(({ stream }) => stream)).toEqual(['base', 'app']);
});

test('a cause of the ledger is merged with the findings; one without a finding is unclear', () => {
  const other = fact({ vulnerability: 'CVE-2020-1' });
  const builder = startFound([cause('app', fact(), other), cause('gone', fact())]);
  builder.add(image({ ...HELD, reasons: [...flaw, reasonOf(fact({ vulnerability: 'CVE-2021-1' }))] }));
  expect(builder.causes().map(({ stream, facts }) => [stream, facts.length])).toEqual([
    ['app', 3],
    ['gone', 1],
  ]);
  expect(builder.work(() => 'enforce')).toEqual({ rootStreams: [root('app', 1, 2)], toDeploy: [], unclear: ['gone'] });
});

test('the order of images makes no difference', () => {
  const found = [
    BASE,
    APP,
    { ...APP, stream: 'other' },
    HELD,
    { stream: 'app', name: 'second', inUse: true, reasons: [old] },
  ];
  fc.assert(
    fc.property(fc.shuffledSubarray(found, { minLength: found.length }), (shuffled) => {
      expect(workOf(shuffled)).toEqual(workOf(found));
    }),
  );
});
