import type { Closure } from '../../../shared/domain/cause/cascade.ts';
import type { Cause } from '../../../shared/domain/cause/cause.ts';
import type { NodeAnswer } from '../../../shared/domain/cause/node-answer.ts';
import type { Rebuild, RebuildOutcome } from '../../../shared/domain/cause/rebuild.ts';
import type { LedgerRecord } from '../../../shared/domain/outbox/ledger-record.ts';
import type { ExpiryState } from '../../../shared/domain/retention/image-expiry.ts';
import type { ReviewRecord } from '../../../shared/domain/review/run.ts';
import { sumRun } from '../../../shared/domain/review/run-summary.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import type { Reason, Verdict } from '../../../shared/domain/verdict/verdict.ts';
import { announce } from '../../../shared/events/announce.ts';
import { deniedTaskOf, startDenialOf } from '../../contract/start-denial-ledger.contract.ts';
import { cause, DAY_MS, digestOf, imageProperties, LOCATION, NOON_EPOCH_MS, review } from '../../support/samples.ts';
import { fc } from '../../support/seeded.ts';
import { findingFact, PIPELINE } from '../domain/rollout/acting.ts';
import { anyImage, anyRecord } from './arbitraries.ts';

const FINDING = {
  ruleId: 'critical',
  effect: 'violates',
  kind: 'finding',
  vulnerability: 'CVE-2026-0001',
  package: 'openssl',
  version: '3.0.11-1',
  severity: 'critical',
  fix: 'unknown',
  firstSeenAtEpochMs: NOON_EPOCH_MS,
} as const satisfies Reason;
const AGE = {
  ruleId: 'age-limit',
  effect: 'violates',
  kind: 'age',
  bornAtEpochMs: NOON_EPOCH_MS - 31 * DAY_MS,
  limitDays: 30,
  deadlineEpochMs: NOON_EPOCH_MS - DAY_MS,
} as const satisfies Reason;
const SCAN = {
  ruleId: 'scan-required',
  effect: 'unknown',
  kind: 'scan',
  state: 'off',
  scanReason: 'archived',
} as const satisfies Reason;
const REGISTRY = {
  ruleId: 'approved',
  effect: 'violates',
  kind: 'registry',
  registry: 'docker.io',
} as const satisfies Reason;

const violating = (...reasons: Reason[]): Verdict => ({ status: 'violating', reasons, policyVersion: 'policy-1' });
const unknown = (...reasons: Reason[]): Verdict => ({ ...violating(...reasons), status: 'unknown' });
const COMPLIANT: Verdict = { status: 'compliant', reasons: [], policyVersion: 'policy-1' };

const record = (verdict?: Verdict, changes: Partial<ImageRecord> = {}): ImageRecord => ({
  ...imageProperties('app'),
  inUse: true,
  isHead: false,
  scan: { state: 'complete', coverage: ['os'] },
  ...(verdict && { verdict }),
  ...changes,
});
const image = (verdict?: Verdict, changes: Partial<ImageRecord> = {}): LedgerRecord => ({
  kind: 'image',
  record: record(verdict, changes),
});
const typesOf = (before: LedgerRecord | undefined, after: LedgerRecord | undefined): string[] =>
  announce(before, after).map(({ detailType }) => detailType);

describe('ImageVerdictChanged', () => {
  test.each<[string, Verdict | undefined, Verdict]>([
    ['the first verdict', undefined, COMPLIANT],
    ['a scan that covers less', { ...COMPLIANT, covers: ['os', 'language'] }, { ...COMPLIANT, covers: ['os'] }],
    ['another status', COMPLIANT, violating(FINDING)],
    ['another status with the same reasons', unknown(SCAN), violating(SCAN)],
    ['one more reason', violating(FINDING), violating(FINDING, AGE)],
    ['one reason less', violating(FINDING, AGE), violating(FINDING)],
    ['another reason, as many as before', violating(FINDING, AGE), violating(FINDING, REGISTRY)],
    ['another vulnerability', violating(FINDING), violating({ ...FINDING, vulnerability: 'CVE-2026-0002' })],
    ['another package', violating(FINDING), violating({ ...FINDING, package: 'libssl3' })],
    ['another version that is vulnerable too', violating(FINDING), violating({ ...FINDING, version: '3.0.12-1' })],
    ['another rule', violating(FINDING), violating({ ...FINDING, ruleId: 'urgent' })],
    ['another rule of age', violating(AGE), violating({ ...AGE, ruleId: 'age-base' })],
    ['another effect', violating(AGE, FINDING), violating(AGE, { ...FINDING, effect: 'unknown' })],
    ['another scan state', unknown(SCAN), unknown({ ...SCAN, state: 'failed' })],
    ['another reason of the scan state', unknown(SCAN), unknown({ ...SCAN, scanReason: 'enhanced' })],
    ['another registry', violating(REGISTRY), violating({ ...REGISTRY, registry: 'ghcr.io' })],
    ['what was due now violates', violating(FINDING, { ...AGE, effect: 'due' }), violating(FINDING, AGE)],
    ['a waiver ran out', violating(FINDING, { ...AGE, effect: 'waived' }), violating(FINDING, AGE)],
    ['what violated is unknown now', violating(FINDING, SCAN), violating(FINDING, { ...SCAN, effect: 'violates' })],
  ])('is published: %s', (_, before, after) => {
    expect(typesOf(image(before), image(after))).toEqual(['ImageVerdictChanged']);
  });

  test.each<[string, Verdict | undefined, Verdict | undefined]>([
    ['an image without a verdict', undefined, undefined],
    ['nothing changed', violating(FINDING), violating(FINDING)],
    ['the order of reasons', violating(FINDING, AGE), violating(AGE, FINDING)],
    ['another policy with the same result', violating(FINDING), { ...violating(FINDING), policyVersion: 'policy-2' }],
    ['a deadline', violating(AGE), violating({ ...AGE, deadlineEpochMs: NOON_EPOCH_MS })],
    ['the instant a finding was first seen', violating(FINDING), violating({ ...FINDING, firstSeenAtEpochMs: 1 })],
    ['a scanner that rates otherwise', violating(FINDING), violating({ ...FINDING, severity: 'high', fix: 'yes' })],
    ['another limit that is passed too', violating(AGE), violating({ ...AGE, limitDays: 20 })],
    ['what becomes due', COMPLIANT, { ...COMPLIANT, reasons: [{ ...AGE, effect: 'due' }] }],
    [
      'a waiver of what was due',
      { ...COMPLIANT, reasons: [{ ...AGE, effect: 'due' }] },
      { ...COMPLIANT, reasons: [{ ...AGE, effect: 'waived', waiverId: 'W-1' }] },
    ],
    ['what an upgrade adds', COMPLIANT, { ...COMPLIANT, covers: ['os'] }],
    ['the next breach', COMPLIANT, { ...COMPLIANT, nextBreachAtEpochMs: NOON_EPOCH_MS }],
    ['a verdict that is gone', violating(FINDING), undefined],
  ])('is not published: %s', (_, before, after) => {
    expect(typesOf(image(before), image(after))).toEqual([]);
  });

  test('nor what else changes on an image, nor that it is gone', () => {
    const before = image(violating(FINDING));
    expect(typesOf(before, image(violating(FINDING), { owner: 'other', inUse: false, locations: [] }))).toEqual([]);
    expect(typesOf(before, undefined)).toEqual([]);
  });

  test('has the image, its earlier status and the reasons', () => {
    const verdict: Verdict = {
      ...violating(FINDING, AGE),
      covers: ['os'],
      nextBreachAtEpochMs: NOON_EPOCH_MS + DAY_MS,
    };
    const { tier, stream, owner, locations } = record();
    expect(announce(image(COMPLIANT), image(verdict))).toEqual([
      {
        detailType: 'ImageVerdictChanged',
        resources: [digestOf('app')],
        detail: {
          schemaVersion: 1,
          digest: digestOf('app'),
          tier,
          stream,
          owner,
          locations,
          inUse: true,
          isHead: false,
          status: 'violating',
          previousStatus: 'compliant',
          reasons: [FINDING, AGE],
          reasonCount: 2,
          covers: ['os'],
          policyVersion: 'policy-1',
          nextBreachAtEpochMs: NOON_EPOCH_MS + DAY_MS,
        },
      },
    ]);
  });

  test('a listener that keeps the last event of each image knows the status of all', () => {
    fc.assert(
      fc.property(fc.array(anyImage, { minLength: 1, maxLength: 8 }), (life) => {
        let known: unknown;
        let before: LedgerRecord | undefined;
        for (const state of life) {
          const after: LedgerRecord = { kind: 'image', record: state };
          for (const { detail } of announce(before, after)) known = detail.status;
          if (state.verdict) expect(known).toBe(state.verdict.status);
          before = after;
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('RebuildNeeded', () => {
  const at = (version: number, changes: Partial<Cause> = {}): LedgerRecord => ({
    kind: 'cause',
    record: cause('stream', { version, ...changes }),
  });
  const taken = (version: number) => at(version, { state: 'taken', takenBy: { cascadeId: 'c-g1' } });
  const closed = (version: number) => at(version, { state: 'closed', facts: [] });

  test.each([
    ['a new cause', undefined, at(1), ['RebuildNeeded']],
    ['a new fact', at(1), at(2), ['RebuildNeeded']],
    ['a fact known since an earlier instant', at(2), at(2), []],
    ['an older version', at(2), at(1), []],
    ['a cause that is gone', at(2), undefined, []],
    ['a cause that a cascade took', at(1), taken(1), []],
    ['a cause that is given back', taken(1), at(1), []],
    ['a new fact of a cause that a cascade took', taken(1), at(2), ['RebuildNeeded']],
    ['a cause that is settled', at(1), closed(1), []],
    ['a new fact of a cause that was settled', closed(1), at(2), ['RebuildNeeded']],
    ['a cause that is settled at its first sight', undefined, closed(1), []],
  ])('%s', (_, before, after, expected) => {
    expect(typesOf(before, after)).toEqual(expected);
  });

  test('has the stream and its facts', () => {
    const { facts: imageProperties } = cause('stream');
    expect(announce(undefined, at(3))).toEqual([
      {
        detailType: 'RebuildNeeded',
        resources: ['stream'],
        detail: {
          schemaVersion: 1,
          stream: 'stream',
          version: 3,
          sinceEpochMs: NOON_EPOCH_MS,
          facts: imageProperties,
          factCount: 1,
        },
      },
    ]);
  });
});

describe('RebuildRefused and RebuildWaiting', () => {
  const at = (answer?: NodeAnswer, changes: Partial<Cause> = {}): LedgerRecord => ({
    kind: 'cause',
    record: cause('stream', { ...(answer && { answer }), ...changes }),
  });
  const wait: NodeAnswer = { answer: 'wait', reason: 'cool-down', detail: 'until noon', recheckAtEpochMs: 12 };
  const refuse: NodeAnswer = { answer: 'refuse', reason: 'ineffective', detail: 'it survived' };

  test.each<[string, LedgerRecord | undefined, LedgerRecord | undefined, string[]]>([
    ['the first answer', at(), at(wait), ['RebuildWaiting']],
    ['another reason', at(wait), at({ ...wait, reason: 'paused' }), ['RebuildWaiting']],
    ['what was awaited is refused', at(wait), at(refuse), ['RebuildRefused']],
    ['the same reason, refused', at(wait), at({ ...wait, answer: 'refuse' }), ['RebuildRefused']],
    ['another instant', at(wait), at({ ...wait, recheckAtEpochMs: 13 }), []],
    ['other words', at(wait), at({ ...wait, detail: 'until one' }), []],
    ['an answer that is gone', at(wait), at(), []],
    ['a cause that a cascade took', at(), at(wait, { state: 'taken', takenBy: { cascadeId: 'c-g1' } }), []],
    ['a new fact and its answer', at(undefined, { version: 0 }), at(refuse), ['RebuildNeeded', 'RebuildRefused']],
    ['a cause that is gone', at(wait), undefined, []],
  ])('%s', (_, before, after, expected) => {
    expect(typesOf(before, after)).toEqual(expected);
  });

  test('has the answer and the facts', () => {
    const { facts: imageProperties } = cause('stream');
    expect(announce(at(), at(wait))).toEqual([
      {
        detailType: 'RebuildWaiting',
        resources: ['stream'],
        detail: {
          ...{ schemaVersion: 1, stream: 'stream', version: 1, reason: 'cool-down', detail: 'until noon' },
          ...{ recheckAtEpochMs: 12, facts: imageProperties, factCount: 1 },
        },
      },
    ]);
  });
});

describe('RebuildVerified and RebuildIneffective', () => {
  const [one, two] = [findingFact('CVE-1'), findingFact('CVE-2')];
  const imageProperties = [one, two];
  const record: Rebuild = {
    ...{ rebuildId: 'r-1', stream: 'stream', cascadeId: 'c-g1', attempt: 2, facts: imageProperties },
    ...{ reservedAtEpochMs: 1, deadlineEpochMs: 2, pipeline: PIPELINE, executionId: 'secret' },
    ...{ headBefore: digestOf('old'), output: digestOf('new') },
  };
  const at = (outcome?: RebuildOutcome, changes: Partial<Rebuild> = {}): LedgerRecord => ({
    kind: 'rebuild',
    record: { ...record, ...(outcome && { outcome }), ...changes },
  });
  const reason = 'exit code 1';
  const common = {
    ...{ schemaVersion: 1, stream: 'stream', rebuildId: 'r-1', cascadeId: 'c-g1', attempt: 2 },
    ...{ headBefore: digestOf('old'), output: digestOf('new') },
  };

  test.each<[RebuildOutcome, string, object]>([
    [{ result: 'fixed' }, 'RebuildVerified', { facts: imageProperties, factCount: 2 }],
    [
      { result: 'ineffective', left: [two] },
      'RebuildIneffective',
      { result: 'ineffective', facts: [two], factCount: 1 },
    ],
    [{ result: 'worse', added: [one] }, 'RebuildIneffective', { result: 'worse', facts: [one], factCount: 1 }],
    [
      { result: 'unverified', reason },
      'RebuildIneffective',
      { result: 'unverified', reason, facts: imageProperties, factCount: 2 },
    ],
    [
      { result: 'no-output', reason },
      'RebuildIneffective',
      { result: 'no-output', reason, facts: imageProperties, factCount: 2 },
    ],
    [
      { result: 'failed', reason },
      'RebuildIneffective',
      { result: 'failed', reason, facts: imageProperties, factCount: 2 },
    ],
  ])('%j is published as %s', (outcome, detailType, detail) => {
    expect(announce(at(), at(outcome))).toEqual([
      { detailType, resources: ['stream'], detail: { ...common, ...detail } },
    ]);
  });

  test.each<[string, LedgerRecord | undefined, LedgerRecord | undefined, number]>([
    ['a rebuild begins', undefined, at(), 0],
    ['a build goes on', at(), at(undefined, { build: { state: 'running' } }), 0],
    ['an end is written again', at({ result: 'fixed' }), at({ result: 'fixed' }, { endedAtEpochMs: 3 }), 0],
    ['other words of the same end', at({ result: 'failed', reason }), at({ result: 'failed', reason: 'x' }), 0],
    ['another end after all', at({ result: 'unverified', reason }), at({ result: 'fixed' }), 1],
    ['an old rebuild expires', at({ result: 'fixed' }), undefined, 0],
  ])('%s', (_, before, after, expected) => {
    expect(announce(before, after)).toHaveLength(expected);
  });
});

describe('CascadeClosed', () => {
  const open: Closure = {
    ...{ cascadeId: 'c-g1', stream: 'stream', facts: [findingFact()], output: digestOf('new'), state: 'open' },
    ...{ sinceEpochMs: 1, deadlineEpochMs: 9 },
  };
  const proof = { runId: 'run-1', nothingRunsSinceEpochMs: 3, closedAtEpochMs: 5, scopes: 4, usagesOfOutput: 2 };
  const disagreement = {
    ...{ runId: 'run-1', atEpochMs: 5 },
    witnessed: [{ repository: 'a/b/web', digest: digestOf('old'), count: 1, lastAtEpochMs: 4 }],
  };
  const at = (changes: Partial<Closure> = {}): LedgerRecord => ({ kind: 'closure', record: { ...open, ...changes } });
  const closed = at({ state: 'closed', proof });

  test.each<[string, LedgerRecord | undefined, LedgerRecord | undefined, string[]]>([
    ['it begins', undefined, at(), []],
    ['it waits', at(), at({ waitingFor: 'a scope' }), []],
    ['nothing runs any more, and something may start', at(), at({ nothingRunsSinceEpochMs: 3, mayStart: true }), []],
    ['it closes', at(), closed, ['CascadeClosed']],
    [
      'only AWS still sees an image in use',
      at(),
      at({ state: 'witness-disagrees', disagreement }),
      ['WitnessDisagrees'],
    ],
    [
      'that is written again',
      at({ state: 'witness-disagrees', disagreement }),
      at({ state: 'witness-disagrees', disagreement }),
      [],
    ],
    ['it is written again', closed, closed, []],
    ['it is gone', closed, undefined, []],
  ])('%s', (_, before, after, expected) => {
    expect(typesOf(before, after)).toEqual(expected);
  });

  test('has the proof', () => {
    expect(announce(at(), closed)).toEqual([
      {
        detailType: 'CascadeClosed',
        resources: ['stream'],
        detail: {
          ...{ schemaVersion: 1, cascadeId: 'c-g1', stream: 'stream', output: digestOf('new'), sinceEpochMs: 1 },
          ...{ ...proof, facts: [findingFact()], factCount: 1 },
        },
      },
    ]);
  });

  test('has one instant where version 0.2.0 wrote the proof', () => {
    const { nothingRunsSinceEpochMs: _, ...earlier } = proof;
    expect(announce(at(), at({ state: 'closed', proof: earlier }))).toMatchObject([
      { detail: { nothingRunsSinceEpochMs: 5, closedAtEpochMs: 5 } },
    ]);
  });
});

describe('ImageExpiryExpected', () => {
  const when = (expiresAtEpochMs: number) => ({ by: 'age', expiresAtEpochMs }) as const;
  const lost = (rule: number, at = 5): ExpiryState => ({
    state: 'expires',
    expiry: { rule, action: 'expire', when: when(at) },
  });
  const expiry = (expiryState: ExpiryState): LedgerRecord => ({
    kind: 'expiry',
    record: {
      ...{ digest: digestOf('a'), location: LOCATION, use: 'ancestor', running: 2, workloads: ['w'], expiryState },
      foundAtEpochMs: 1,
    },
  });
  const gone = expiry({ state: 'gone', how: 'deleted' });

  test.each<[string, LedgerRecord | undefined, LedgerRecord | undefined, number]>([
    ['it is found', undefined, expiry(lost(1)), 1],
    ['the instant moves', expiry(lost(1)), expiry(lost(1, 6)), 0],
    ['another rule takes it', expiry(lost(1)), expiry(lost(2)), 1],
    ['it is gone', expiry(lost(1)), gone, 1],
    ['it is unknown from now on', expiry(lost(1)), expiry({ state: 'unknown', reason: 'r' }), 1],
    ['it is kept after all', expiry(lost(1)), undefined, 0],
  ])('%s', (_, before, after, expected) => {
    expect(announce(before, after)).toHaveLength(expected);
  });

  test('has the rule, the time and the users', () => {
    const through = digestOf('index');
    const pushes = { by: 'pushes', afterPushes: 3, expectedAtEpochMs: 9 } as const;
    const expiryState: ExpiryState = {
      state: 'expires',
      expiry: { rule: 1, action: 'archive', through, when: pushes },
    };
    expect(announce(undefined, expiry(expiryState))).toEqual([
      {
        detailType: 'ImageExpiryExpected',
        resources: [digestOf('a')],
        detail: {
          ...{ schemaVersion: 1, digest: digestOf('a'), location: LOCATION, use: 'ancestor', running: 2 },
          ...{ workloads: ['w'], state: 'expires', rule: 1, action: 'archive', through, ...pushes, foundAtEpochMs: 1 },
        },
      },
    ]);
  });
});

describe('WillBeDenied', () => {
  const place = { account: '111122223333', region: 'eu-west-1', cluster: 'prod', namespace: 'shop' };
  const denial = (deniedFromEpochMs: number, workloads = ['eks-deployment shop/web']): LedgerRecord => ({
    kind: 'expected-denial',
    record: {
      ...{ place, digest: digestOf('a'), owner: 'shop', workloads, workloadCount: workloads.length },
      ...{ ruleId: 'age-limit', message: 'Deploy a newer image before.', deniedFromEpochMs, foundAtEpochMs: 1 },
    },
  });

  test.each<[string, LedgerRecord | undefined, LedgerRecord | undefined, number]>([
    ['it is found', undefined, denial(5), 1],
    ['it is found again', denial(5), denial(5), 0],
    ['another workload runs the image', denial(5), denial(5, ['eks-job shop/other']), 0],
    ['the instant moves', denial(5), denial(6), 1],
    ['it is allowed after all', denial(5), undefined, 0],
  ])('%s', (_, before, after, expected) => {
    expect(announce(before, after)).toHaveLength(expected);
  });

  test('has the place, the owner and what to do', () => {
    expect(announce(undefined, denial(5))).toEqual([
      {
        detailType: 'WillBeDenied',
        resources: [digestOf('a')],
        detail: {
          ...{ schemaVersion: 1, digest: digestOf('a'), ...place, owner: 'shop', ruleId: 'age-limit' },
          ...{ workloads: ['eks-deployment shop/web'], workloadCount: 1, message: 'Deploy a newer image before.' },
          ...{ deniedFromEpochMs: 5, foundAtEpochMs: 1 },
        },
      },
    ]);
  });
});

describe('FleetReviewed', () => {
  const run = (state: ReviewRecord['state'], changes: Partial<ReviewRecord> = {}): LedgerRecord => ({
    kind: 'run',
    record: review('run-1', { state, ...changes }),
  });

  test.each([
    ['a review begins', undefined, run('running'), []],
    ['a review goes on', run('running'), run('running', { leaseUntilEpochMs: 1 }), []],
    ['a review succeeds', run('running'), run('succeeded'), ['FleetReviewed']],
    ['a review fails', run('running'), run('failed'), ['FleetReviewed']],
    ['an end is written again', run('failed'), run('failed', { endedAtEpochMs: 2 }), []],
    ['a review fails after all', run('succeeded'), run('failed'), ['FleetReviewed']],
    ['a review is over at its first sight', undefined, run('failed'), ['FleetReviewed']],
    ['an old review expires', run('succeeded'), undefined, []],
  ])('%s', (_, before, after, expected) => {
    expect(typesOf(before, after)).toEqual(expected);
  });

  test('has the result, and not where it ran', () => {
    const failure = { error: 'FleetReviewIncomplete', detail: '1 scope failed' };
    const totals = sumRun(
      { scopes: ['a/b'], registries: [], lineages: [], scanBatches: [], verdictBatches: [] },
      [],
    ).totals;
    const endedAtEpochMs = NOON_EPOCH_MS + DAY_MS;
    const ended = run('failed', { endedAtEpochMs, totals, failure, executionArn: 'execution' });
    expect(announce(run('running'), ended)).toEqual([
      {
        detailType: 'FleetReviewed',
        resources: ['run-1'],
        detail: {
          schemaVersion: 1,
          runId: 'run-1',
          mode: 'review',
          state: 'failed',
          policyVersion: 'policy-1',
          startedAtEpochMs: NOON_EPOCH_MS,
          endedAtEpochMs,
          totals,
          failure,
        },
      },
    ]);
  });
});

describe('PolicyChanged', () => {
  const pointer = (version: string, replaces?: string): LedgerRecord => ({
    kind: 'policy',
    record: { version, author: 'jo', atEpochMs: NOON_EPOCH_MS, ...(replaces !== undefined && { replaces }) },
  });

  test.each([
    ['the first policy', undefined, pointer('one'), {}],
    ['another policy', pointer('one'), pointer('two', 'one'), { replaces: 'one' }],
    ['what stood there counts', pointer('one'), pointer('two', 'zero'), { replaces: 'one' }],
    ['without what stood there', undefined, pointer('two', 'one'), { replaces: 'one' }],
  ])('%s', (_, before, after, replaces) => {
    const version = after.kind === 'policy' ? after.record.version : '';
    expect(announce(before, after)).toEqual([
      {
        detailType: 'PolicyChanged',
        resources: [version],
        detail: { schemaVersion: 1, version, author: 'jo', atEpochMs: NOON_EPOCH_MS, ...replaces },
      },
    ]);
  });

  test('the same policy applied again is no news', () => {
    expect(typesOf(pointer('one'), pointer('one', 'zero'))).toEqual([]);
  });
});

test('an unpublished item', () => {
  expect(announce(undefined, { kind: 'other' })).toEqual([]);
  expect(announce({ kind: 'other' }, { kind: 'other' })).toEqual([]);
});

test('a change delivered twice gives the same event; no change gives none', () => {
  const any = fc.option(anyRecord, { nil: undefined });
  fc.assert(
    fc.property(any, any, (before, after) => {
      expect(announce(structuredClone(before), structuredClone(after))).toEqual(announce(before, after));
      expect(announce(after, after)).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test('a denied start is one event, and a denied task one for each state', () => {
  const start = { kind: 'start-denial', record: startDenialOf() } as const;
  expect(announce(undefined, start).map(({ detailType }) => detailType)).toEqual(['StartDenied']);
  expect(announce(start, { ...start, record: startDenialOf({ message: 'again' }) })).toEqual([]);
  const [running, stopped] = (['running', 'stopped'] as const).map((state) => ({
    ...({ kind: 'denied-task', record: deniedTaskOf({ state }) } as const),
  }));
  expect(announce(undefined, running)).toHaveLength(1);
  expect(announce(running, running)).toEqual([]);
  expect(announce(running, stopped)).toMatchObject([{ detailType: 'TaskDenied', detail: { state: 'stopped' } }]);
});
