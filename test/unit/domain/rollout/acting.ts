import type { Cause, CauseFact, FindingFact } from '../../../../shared/domain/cause/cause.ts';
import { mergeCause } from '../../../../shared/domain/cause/cause.ts';
import type { JudgedImage } from '../../../../shared/domain/cause/fact-status.ts';
import { emptyHistory, type Rebuild, type StreamLock } from '../../../../shared/domain/cause/rebuild.ts';
import type { GuardInputs } from '../../../../shared/domain/guard/guard.ts';
import type { PlanContext, PlannedStream } from '../../../../shared/domain/plan/plan-model.ts';
import type { GuardSettings } from '../../../../shared/domain/policy/guard-settings.ts';
import { MODES } from '../../../../shared/domain/policy/policy.ts';
import type { Reason, Verdict } from '../../../../shared/domain/verdict/verdict.ts';
import { fc } from '../../../support/seeded.ts';
import { DAY, digestOf, HOUR, NOW } from '../arbitraries.ts';

/* Small valid inputs of the guards and the planner, of which a test changes what it is about. */

export const STREAM = '111122223333/us-east-1/apps/web:^v.*$';
export const OTHER = '111122223333/us-east-1/apps/shop:^v.*$';
export const MINUTE = 60_000;

export const findingFact = (vulnerability = 'CVE-1', changes: Partial<FindingFact> = {}): FindingFact => ({
  kind: 'finding',
  ruleId: 'critical',
  vulnerability,
  package: 'openssl',
  version: '3.0',
  fix: 'yes',
  packageKind: 'os',
  sinceEpochMs: NOW - 2 * DAY,
  ...changes,
});
export const ageFact: CauseFact = { kind: 'age', ruleId: 'age-limit', sinceEpochMs: NOW - DAY };
export const personFact = (sinceEpochMs = NOW - HOUR): CauseFact => ({
  kind: 'person',
  ruleId: 'asked-by-person',
  by: 'jo',
  reason: 'a fix of our own',
  sinceEpochMs,
});

export const SETTINGS: GuardSettings = {
  attempts: 3,
  coolDownMinutes: 60,
  retryUnknownFixDays: 7,
  depth: 5,
  verifyMinutes: 120,
  cascadeHours: 24,
  approvalHours: 168,
  closureHours: 72,
  deploymentHours: 2,
};

export const PIPELINE = { runner: 'codepipeline', account: '111122223333', region: 'us-east-1', name: 'web' } as const;
export const ACTIVE = { rebuilding: 'active', by: 'nobody', atEpochMs: 0, reason: 'never touched' } as const;
export const PAUSED = { rebuilding: 'paused', by: 'jo', atEpochMs: NOW, reason: 'an incident' } as const;

export const lock = (cascadeId: string, changes: Partial<StreamLock> = {}): StreamLock => ({
  stream: STREAM,
  rebuildId: 'rebuild-1',
  cascadeId,
  executionArn: 'execution',
  attempt: 1,
  deadlineEpochMs: NOW + HOUR,
  ...changes,
});

export const guardInputs = (changes: Partial<GuardInputs> = {}): GuardInputs => ({
  stream: STREAM,
  facts: [findingFact()],
  mode: 'enforce',
  killSwitch: ACTIVE,
  pipeline: PIPELINE,
  history: emptyHistory(STREAM),
  ancestors: [],
  ...changes,
});

export const reasonOf = (fact: CauseFact, effect: Reason['effect'] = 'violates'): Reason =>
  fact.kind === 'finding'
    ? {
        kind: 'finding',
        ruleId: fact.ruleId,
        effect,
        vulnerability: fact.vulnerability,
        package: fact.package,
        version: fact.version,
        severity: 'critical',
        fix: fact.fix,
        ...(fact.packageKind === 'language' && { isLanguagePackage: true }),
        firstSeenAtEpochMs: fact.sinceEpochMs,
      }
    : { kind: 'age', ruleId: 'age-limit', effect, bornAtEpochMs: NOW - 31 * DAY, limitDays: 30 };

export const NOT_SCANNED: Reason = { kind: 'scan', ruleId: 'scan-required', effect: 'unknown', state: 'requested' };
export const NO_AGE: Reason = { kind: 'age-unknown', ruleId: 'age-known', effect: 'unknown' };

/** An image that was judged now, by those reasons. */
export const looked = (name: string, ...reasons: Reason[]): JudgedImage => ({
  digest: digestOf(name),
  verdict: verdictOf(reasons),
  judgedAtEpochMs: NOW,
});
const verdictOf = (reasons: readonly Reason[]): Verdict => ({
  status: reasons.some(({ effect }) => effect === 'violates') ? 'violating' : 'compliant',
  reasons,
  policyVersion: 'policy-1',
});

export const causeOf = (stream: string, ...facts: CauseFact[]): Cause => {
  const cause = mergeCause(stream, undefined, facts);
  if (!cause) throw new Error('a cause has facts');
  return cause;
};

export const rebuild = (changes: Partial<Rebuild> = {}): Rebuild => ({
  rebuildId: 'rebuild-1',
  stream: STREAM,
  cascadeId: 'c-g1',
  attempt: 1,
  pipeline: PIPELINE,
  facts: [findingFact()],
  reservedAtEpochMs: NOW - HOUR,
  deadlineEpochMs: NOW + HOUR,
  ...changes,
});

/** A stream whose head holds the one fact of its cause. */
export const planned = (changes: Partial<PlannedStream> = {}): PlannedStream => {
  const cause = changes.cause ?? causeOf(STREAM, findingFact());
  return {
    cause,
    heads: [looked(`head of ${cause.stream}`, reasonOf(findingFact()))],
    headDigest: digestOf(`head of ${cause.stream}`),
    inUse: [],
    closing: [],
    mode: 'enforce',
    pipeline: PIPELINE,
    history: emptyHistory(cause.stream),
    ancestors: [],
    ...changes,
  };
};

export const CONTEXT: PlanContext = {
  policyVersion: 'policy-1',
  guards: SETTINGS,
  killSwitch: ACTIVE,
  begunToday: new Set(),
};

export const anyFact: fc.Arbitrary<CauseFact> = fc.oneof(
  fc.constant(ageFact),
  fc.constantFrom(NOW - 3 * HOUR, NOW - HOUR).map(personFact),
  fc
    .tuple(
      fc.constantFrom('CVE-1', 'CVE-2', 'CVE-3'),
      fc.record({
        ruleId: fc.constantFrom('critical', 'urgent'),
        version: fc.constantFrom('3.0', '3.1'),
        fix: fc.constantFrom('yes', 'no', 'unknown'),
      }),
    )
    .map(([vulnerability, changes]) => findingFact(vulnerability, changes)),
);

const anyReason = fc.oneof(
  fc.tuple(anyFact, fc.constantFrom('violates', 'due', 'waived')).map(([fact, effect]) => reasonOf(fact, effect)),
  fc.constantFrom(NOT_SCANNED, NO_AGE),
);
export const anyJudgedImage: fc.Arbitrary<JudgedImage> = fc.oneof(
  { weight: 5, arbitrary: anyJudged() },
  { weight: 1, arbitrary: fc.constantFrom('new', 'newer').map((name) => ({ digest: digestOf(name) })) },
);
function anyJudged() {
  return fc
    .tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.array(anyReason, { maxLength: 3 }))
    .map(([name, reasons]) => looked(name, ...reasons));
}

const anyMemory = fc
  .record({
    generation: fc.integer({ min: 1, max: 3 }),
    failuresInARow: fc.constantFrom(0, 0, 1, 3),
    lastEndedAtEpochMs: fc.constantFrom(NOW - 2 * HOUR, NOW - 3 * HOUR, NOW - MINUTE),
    survived: fc.array(
      fc.record({
        fact: fc.constant('finding' as const),
        kind: fc.constantFrom('trial' as const, 'rebuild' as const),
        vulnerability: fc.constantFrom('CVE-1', 'CVE-2'),
        package: fc.constant('openssl'),
        version: fc.constant('3.0'),
        atEpochMs: fc.constantFrom(NOW - 8 * DAY, NOW - DAY),
      }),
      { maxLength: 2 },
    ),
  })
  .map((history) => ({ ...emptyHistory(STREAM), ...history }));

/** With one of these values, or mostly without: so that not everything is in the way of everything. */
const rarely = <Value, Name extends string>(name: Name, ...values: Value[]) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant({}) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(...values).map((value) => ({ [name]: value }) as { [Key in Name]: Value }),
    },
  );

/** All that decides on one stream except its cause, its mode and the kill switch. */
const anyObstacles = fc
  .tuple(
    anyMemory,
    rarely('lock', lock('other-g1')),
    rarely('openCascadeId', 'other-g1'),
    rarely('lockBuild', 'waiting-approval' as const),
    rarely('fullCaps', ['fleet']),
    rarely('runnerBusyUntilEpochMs', NOW + HOUR),
    fc.constantFrom([], [], [], [OTHER], [OTHER, STREAM]),
    fc.constantFrom({ pipeline: PIPELINE }, { pipeline: PIPELINE }, { pipeline: PIPELINE }, {}),
  )
  .map(([history, one, two, three, four, five, ancestors, pipeline]) => ({
    ...{ history, ancestors, ...one, ...two, ...three, ...four, ...five, ...pipeline },
  }));

export const anyMode = fc.constantFrom(...MODES, 'enforce', 'enforce', 'enforce');
export const anyKillSwitch = fc.constantFrom(ACTIVE, ACTIVE, ACTIVE, PAUSED);

export const anyGuardInputs: fc.Arbitrary<GuardInputs> = fc
  .tuple(
    fc.array(anyFact, { maxLength: 4 }),
    anyMode,
    anyKillSwitch,
    anyObstacles,
    rarely('unknown', 'nobody can tell'),
    rarely('cascadeId', 'other-g1'),
  )
  .map(([facts, mode, killSwitch, obstacles, unknown, cascade]) => ({
    ...{ stream: STREAM, facts, mode, killSwitch, ...obstacles, ...unknown, ...cascade },
  }));

const anyStream = (stream: string): fc.Arbitrary<PlannedStream> =>
  fc
    .tuple(
      fc.array(anyFact, { minLength: 1, maxLength: 4 }),
      fc.constantFrom<Cause['state'][]>('open', 'open', 'open', 'taken'),
      fc.option(fc.array(anyJudgedImage, { maxLength: 2 }), { freq: 9, nil: undefined }),
      fc.array(anyJudgedImage, { maxLength: 2 }),
      anyMode,
      anyObstacles,
      fc.array(anyFact, { maxLength: 2 }),
      rarely('latestRebuild', rebuild({ outcome: { result: 'fixed' } })),
    )
    .map(([facts, state, heads, inUse, mode, obstacles, closing, latest]) => ({
      cause: { ...causeOf(stream, ...facts), state, ...(state === 'taken' && { takenBy: { cascadeId: 'other-g1' } }) },
      ...(heads && { heads, ...(heads[0] && { headDigest: heads[0].digest }) }),
      ...{ inUse, mode, ...obstacles, closing, ...latest },
    }));

const numbered = (number: number): string => `111122223333/us-east-1/apps/${number}:^v.*$`;

/** Streams, each once. */
export const anyStreams: fc.Arbitrary<readonly PlannedStream[]> = fc
  .uniqueArray(fc.nat({ max: 9 }), { maxLength: 6 })
  .chain((numbers) => fc.tuple(...numbers.map((number) => anyStream(numbered(number)))));

const anyBegun: fc.Arbitrary<ReadonlySet<string>> = fc
  .array(fc.nat({ max: 9 }), { maxLength: 2 })
  .map((numbers) => new Set(numbers.map(numbered)));

export const anyContext: fc.Arbitrary<PlanContext> = fc
  .tuple(anyKillSwitch, anyBegun, rarely('ramp', 1, 2, 3), rarely('urgentRules', new Set(['urgent'])))
  .map(([killSwitch, begunToday, rampOf, urgent]) => ({
    ...{ policyVersion: 'policy-1', guards: SETTINGS, killSwitch, begunToday, ...rampOf, ...urgent },
  }));
