import type { ExpectedDenial } from '../../../shared/domain/admission/expected-denial.ts';
import { DENYING_DOORS, type DeniedTask, type StartDenial } from '../../../shared/domain/admission/start-denial.ts';
import type { Closure } from '../../../shared/domain/cause/cascade.ts';
import { ASKED_BY_PERSON, type CauseFact, PARENT_MOVED } from '../../../shared/domain/cause/cause.ts';
import type { NodeAnswer } from '../../../shared/domain/cause/node-answer.ts';
import type { Rebuild, RebuildOutcome } from '../../../shared/domain/cause/rebuild.ts';
import { type Digest, TIERS } from '../../../shared/domain/image/image.ts';
import type { LedgerRecord } from '../../../shared/domain/outbox/ledger-record.ts';
import { SEVERITIES } from '../../../shared/domain/policy/policy-parts.ts';
import type { PolicyPointer } from '../../../shared/domain/policy/policy-pointer.ts';
import type { ExpiryState, ImageExpiry } from '../../../shared/domain/retention/image-expiry.ts';
import type { ReviewRecord } from '../../../shared/domain/review/run.ts';
import { SCAN_STATES } from '../../../shared/domain/scan/scan.ts';
import type { StreamRecord } from '../../../shared/domain/stream/stream-record.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import { REASON_EFFECTS, type Reason, VERDICTS, type Verdict } from '../../../shared/domain/verdict/verdict.ts';
import { digestOf, imageProperties, LOCATION } from '../../support/samples.ts';
import { fc } from '../../support/seeded.ts';

/* Records as the ledger's stream hands them over; from few values, so that two of them are often nearly equal. */

const epochMs = fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_003 });
const ruleId = fc.constantFrom('critical', 'age-limit');
const name = fc.constantFrom('openssl', 'zlib1g');
const vulnerability = fc.constantFrom('CVE-2026-0001', 'CVE-2026-0002');

/** With any of the optional members left out, never `undefined`. */
const optional = <Members extends object>(members: { [Name in keyof Members]: fc.Arbitrary<Members[Name]> }) =>
  fc.record(members, { requiredKeys: [] }) as fc.Arbitrary<Partial<Members>>;

const judged = fc
  .tuple(
    fc.record({ ruleId, effect: fc.constantFrom(...REASON_EFFECTS) }),
    optional<{ deadlineEpochMs: number; waiverId: string; waivedThrough: Digest; waivedUntilEpochMs: number }>({
      ...{ deadlineEpochMs: epochMs, waiverId: fc.constant('W-1') },
      waivedThrough: fc.constant(digestOf('base')),
      waivedUntilEpochMs: epochMs,
    }),
  )
  .map(([one, other]) => ({ ...one, ...other }));

const fact = fc.oneof(
  fc
    .tuple(
      fc.oneof(
        fc.record({ kind: fc.constant('age' as const), bornAtEpochMs: epochMs, limitDays: fc.constantFrom(30, 60) }),
        fc.constantFrom(
          { kind: 'age-unknown' as const },
          { kind: 'age-unknown' as const, isLineageUnread: true as const },
        ),
      ),
      optional<{ decidedBy: Digest }>({ decidedBy: fc.constant(digestOf('base')) }),
    )
    .map(([one, other]) => ({ ...one, ...other })),
  fc
    .tuple(
      fc.record({
        kind: fc.constant('finding' as const),
        vulnerability,
        package: name,
        version: fc.constantFrom('1', '2'),
        severity: fc.constantFrom(...SEVERITIES),
        fix: fc.constantFrom('yes' as const, 'no' as const, 'unknown' as const),
        firstSeenAtEpochMs: epochMs,
      }),
      optional<{ layer: Digest }>({ layer: fc.constant(digestOf('layer')) }),
    )
    .map(([one, other]) => ({ ...one, ...other })),
  fc
    .tuple(
      fc.record({ kind: fc.constant('scan' as const), state: fc.constantFrom(...SCAN_STATES) }),
      optional<{ scanReason: 'archived' | 'enhanced' }>({ scanReason: fc.constantFrom('archived', 'enhanced') }),
    )
    .map(([one, other]) => ({ ...one, ...other })),
  fc.record({ kind: fc.constant('registry' as const), registry: fc.constantFrom('docker.io', 'ghcr.io') }),
);

export const anyReason: fc.Arbitrary<Reason> = fc.tuple(judged, fact).map(([one, other]) => ({ ...one, ...other }));

export const anyVerdict: fc.Arbitrary<Verdict> = fc
  .tuple(
    fc.record({
      status: fc.constantFrom(...VERDICTS),
      reasons: fc.array(anyReason, { maxLength: 4 }),
      policyVersion: fc.constantFrom('policy-1', 'policy-2'),
    }),
    optional<{ nextBreachAtEpochMs: number }>({ nextBreachAtEpochMs: epochMs }),
    optional<Pick<Verdict, 'covers'>>({
      covers: fc.constantFrom<NonNullable<Verdict['covers']>>([], ['os'], ['os', 'language']),
    }),
  )
  .map(([one, ...others]) => Object.assign({}, one, ...others) as Verdict);

/** One image through its life: only what tells of it changes. */
export const anyImage: fc.Arbitrary<ImageRecord> = fc
  .tuple(
    fc.record({
      tier: fc.constantFrom(...TIERS),
      inUse: fc.boolean(),
      isHead: fc.boolean(),
      locations: fc.constantFrom([], [LOCATION]),
    }),
    optional<{ verdict: Verdict }>({ verdict: anyVerdict }),
    fc.boolean(),
  )
  .map(([one, other, isOurs]) => {
    const { stream, owner, ...rest } = imageProperties('app');
    return {
      ...rest,
      ...(isOurs && stream !== undefined && owner !== undefined && { stream, owner }),
      scan: { state: 'complete', coverage: ['os'] },
      ...one,
      ...other,
    };
  });

const causeFact: fc.Arbitrary<CauseFact> = fc.oneof(
  fc.record({ kind: fc.constant('age' as const), ruleId, sinceEpochMs: epochMs }),
  fc.record({
    kind: fc.constant('finding' as const),
    ruleId,
    sinceEpochMs: epochMs,
    vulnerability,
    package: name,
    version: fc.constantFrom('1.2.3-1', ''),
    fix: fc.constantFrom('yes', 'no', 'unknown'),
  }),
  fc
    .tuple(
      fc.record({
        ...{ kind: fc.constant('parent-moved' as const), ruleId: fc.constant(PARENT_MOVED) },
        ...{ parent: fc.constant('parent'), sinceEpochMs: epochMs },
      }),
      optional<{ head: Digest }>({ head: fc.constant(digestOf('head')) }),
    )
    .map(([one, other]) => ({ ...one, ...other })),
  fc.record({
    kind: fc.constant('person' as const),
    ruleId: fc.constant(ASKED_BY_PERSON),
    sinceEpochMs: epochMs,
    by: fc.constant('jo'),
    reason: fc.constant('a fix of our own'),
  }),
);

const count = fc.nat({ max: 3 });
const outcomes = fc.record({ compliant: count, violating: count, unknown: count, failed: count });
const totals = fc.record({
  scopes: fc.record({ complete: count, skipped: count, failed: count }),
  inventory: fc.record({ clusters: count, tasks: count, containers: count, usages: count, unresolved: count }),
  found: count,
  scans: fc.record({ requested: count, fresh: count, later: count, refused: fc.constantFrom({}, { archived: 2 }) }),
  outcomes,
  ancestors: fc.record({ found: count, outcomes }),
});

type Ending = Pick<Required<ReviewRecord>, 'endedAtEpochMs' | 'totals' | 'failure' | 'executionArn'>;
const anyReview: fc.Arbitrary<ReviewRecord> = fc
  .tuple(
    fc.record({
      runId: fc.constant('20261124T030000000Z-3f2a9c10'),
      mode: fc.constantFrom('review' as const, 'preview' as const),
      scopeKey: fc.constant('organization'),
      policyVersion: fc.constant('policy-1'),
      state: fc.constantFrom('running' as const, 'succeeded' as const, 'failed' as const),
      startedAtEpochMs: epochMs,
      leaseUntilEpochMs: epochMs,
    }),
    optional<Ending>({
      endedAtEpochMs: epochMs,
      totals,
      failure: fc.record({ error: fc.constant('States.Timeout'), detail: fc.string() }),
      executionArn: fc.constant('secret'),
    }),
  )
  .map(([one, other]) => ({ ...one, ...other }));

const anyPointer: fc.Arbitrary<PolicyPointer> = fc
  .tuple(
    fc.record({ version: fc.constantFrom('policy-1', 'policy-2'), author: fc.constant('jo'), atEpochMs: epochMs }),
    optional<{ replaces: string }>({ replaces: fc.constantFrom('policy-1', 'policy-2') }),
  )
  .map(([one, other]) => ({ ...one, ...other }));

const anyAnswer: fc.Arbitrary<NodeAnswer> = fc
  .tuple(
    fc.record({
      answer: fc.constantFrom('wait' as const, 'refuse' as const),
      reason: fc.constantFrom('cool-down', 'ineffective'),
      detail: fc.constantFrom('until noon', 'for ever'),
    }),
    optional<{ recheckAtEpochMs: number }>({ recheckAtEpochMs: epochMs }),
  )
  .map(([one, other]) => ({ ...one, ...other }));

const someFacts = fc.array(causeFact, { maxLength: 4 });
const because = fc.constantFrom('exit code 1', '');
const anyOutcome: fc.Arbitrary<RebuildOutcome> = fc.oneof(
  fc.constant({ result: 'fixed' as const }),
  someFacts.map((left) => ({ result: 'ineffective' as const, left })),
  someFacts.map((added) => ({ result: 'worse' as const, added })),
  fc
    .tuple(fc.constantFrom('unverified' as const, 'no-output' as const, 'failed' as const), because)
    .map(([result, reason]) => ({ result, reason })),
);

type RebuildLeftOut = Pick<Required<Rebuild>, 'outcome' | 'output' | 'headBefore' | 'executionId' | 'endedAtEpochMs'>;
const anyRebuild: fc.Arbitrary<Rebuild> = fc
  .tuple(
    fc.record({
      rebuildId: fc.constant('20261124T030000Z-3f2a9c10aabb'),
      stream: fc.constant('stream'),
      cascadeId: fc.constant('3f2a9c10aabb-g1'),
      attempt: fc.constantFrom(1, 2),
      pipeline: fc.constant({ runner: 'codepipeline' as const, account: 'a', region: 'r', name: 'n' }),
      facts: someFacts,
      reservedAtEpochMs: epochMs,
      deadlineEpochMs: epochMs,
    }),
    optional<RebuildLeftOut>({
      outcome: anyOutcome,
      output: fc.constant(digestOf('new')),
      headBefore: fc.constant(digestOf('old')),
      executionId: fc.constant('execution'),
      endedAtEpochMs: epochMs,
    }),
  )
  .map(([one, other]) => ({ ...one, ...other }));

const anyClosure: fc.Arbitrary<Closure> = fc
  .tuple(
    fc.record({
      cascadeId: fc.constant('3f2a9c10aabb-g1'),
      stream: fc.constant('stream'),
      facts: someFacts,
      output: fc.constant(digestOf('new')),
      sinceEpochMs: epochMs,
      deadlineEpochMs: epochMs,
    }),
    fc.constantFrom<Closure['state']>('open', 'closed', 'witness-disagrees'),
    count,
    fc.boolean(),
  )
  .map(([one, state, usagesOfOutput, isConfirmed]): Closure => {
    const confirmed = [{ scope: '111122223333/eu-west-1', by: 'person', atEpochMs: one.sinceEpochMs }];
    const proof = {
      ...{ runId: 'run-1', closedAtEpochMs: one.sinceEpochMs, scopes: 2, usagesOfOutput },
      ...(!isConfirmed && { nothingRunsSinceEpochMs: one.sinceEpochMs }),
      ...(isConfirmed && { confirmed }),
    };
    if (state === 'open') return { ...one, state, waitingFor: 'a scope' };
    if (state === 'closed') return { ...one, state, proof };
    const place = { repository: '111122223333/eu-west-1/apps/web', digest: digestOf('old') };
    const witnessed = [{ ...place, count: usagesOfOutput, lastAtEpochMs: one.sinceEpochMs }];
    return { ...one, state, disagreement: { runId: 'run-1', atEpochMs: one.sinceEpochMs, witnessed } };
  });

const anyExpiry: fc.Arbitrary<ImageExpiry> = fc
  .record({
    digest: fc.constant(digestOf('app')),
    location: fc.constant(LOCATION),
    use: fc.constantFrom('running' as const, 'ancestor' as const),
    running: count,
    workloads: fc.constantFrom([], ['ecs-service web']),
    expiryState: fc.oneof(
      fc.constantFrom<ExpiryState>({ state: 'gone', how: 'deleted' }, { state: 'unknown', reason: 'rule 1' }),
      fc
        .tuple(
          fc.record({
            rule: fc.constantFrom(1, 2),
            action: fc.constantFrom('expire' as const, 'archive' as const),
            when: fc.oneof(
              fc.record({ by: fc.constantFrom('age' as const, 'count' as const), expiresAtEpochMs: epochMs }),
              fc.record({
                by: fc.constantFrom('pushes' as const, 'untagging' as const),
                afterPushes: count,
                expectedAtEpochMs: epochMs,
              }),
            ),
          }),
          optional<{ through: Digest }>({ through: fc.constant(digestOf('index')) }),
        )
        .map(([one, other]) => ({ state: 'expires' as const, expiry: { ...one, ...other } })),
    ),
    foundAtEpochMs: epochMs,
  })
  .map((expiry): ImageExpiry => expiry);

const anyDenial: fc.Arbitrary<ExpectedDenial> = fc
  .tuple(
    fc.record({
      digest: fc.constant(digestOf('app')),
      workloads: fc.constantFrom([], ['eks-deployment shop/web']),
      workloadCount: count,
      ruleId: fc.constantFrom('age-limit', 'critical'),
      message: fc.constant('Deploy a newer image before.'),
      deniedFromEpochMs: epochMs,
      foundAtEpochMs: epochMs,
    }),
    optional<{ owner: string }>({ owner: fc.constant('shop') }),
    optional<{ namespace: string }>({ namespace: fc.constant('shop') }),
  )
  .map(([denial, owner, namespace]) => ({
    ...{ ...denial, ...owner },
    place: { account: '111122223333', region: 'eu-west-1', cluster: 'prod', ...namespace },
  }));

const anyStartDenial: fc.Arbitrary<StartDenial> = fc
  .tuple(
    fc.record({
      door: fc.constantFrom(...DENYING_DOORS),
      ruleId: fc.constantFrom('age-limit', 'critical'),
      message: fc.constant('Deploy a newer image.'),
      deniedAtEpochMs: epochMs,
    }),
    optional<{ reference: string; owner: string; workload: string; headToDeploy: string }>({
      reference: fc.constantFrom('nginx:1', 'a\\u202e'),
      owner: fc.constant('shop'),
      workload: fc.constant('Pod/web-1'),
      headToDeploy: fc.constant(`shop/web@${digestOf('head')}`),
    }),
    optional<{ digest: Digest }>({ digest: fc.constant(digestOf('app')) }),
    optional<{ namespace: string }>({ namespace: fc.constant('shop') }),
  )
  .map(([denial, other, digest, namespace]) => ({
    ...{ ...denial, ...other, ...digest },
    place: { account: '111122223333', region: 'eu-west-1', cluster: 'prod', ...namespace },
  }));

const anyDeniedTask: fc.Arbitrary<DeniedTask> = fc
  .tuple(
    fc.record({
      ...{ account: fc.constant('111122223333'), region: fc.constant('eu-west-1'), cluster: fc.constant('prod') },
      taskArn: fc.constant('arn:aws:ecs:eu-west-1:111122223333:task/prod/1'),
      ruleId: fc.constant('critical'),
      message: fc.constant('Deploy a newer image.'),
      state: fc.constantFrom('running' as const, 'stopped' as const),
    }),
    optional<{ group: string; container: string; stopsAtEpochMs: number }>({
      ...{ group: fc.constant('service:web'), container: fc.constant('app'), stopsAtEpochMs: epochMs },
    }),
  )
  .map(([task, other]) => ({ ...task, ...other }));

export const anyRecord: fc.Arbitrary<LedgerRecord> = fc.oneof(
  anyImage.map((record) => ({ kind: 'image' as const, record })),
  fc
    .record({
      stream: fc.constant(digestOf('stream')),
      facts: fc.array(causeFact, { maxLength: 4 }),
      sinceEpochMs: epochMs,
      version: count,
      state: fc.constantFrom('open' as const, 'open' as const, 'taken' as const, 'closed' as const),
    })
    .chain((cause) => optional<{ answer: NodeAnswer }>({ answer: anyAnswer }).map((other) => ({ ...cause, ...other })))
    .map((record) => ({ kind: 'cause' as const, record })),
  fc
    .tuple(fc.constantFrom('base', 'platform', 'application'), fc.constantFrom('one', 'other'), fc.boolean())
    .map(([tier, image, isKnown]) => ({
      ...{ stream: 'stream', tier, owner: 'team', location: LOCATION, headTag: '^1$' },
      ...(isKnown && { head: { images: { 'linux/amd64': digestOf(image) } } }),
    }))
    .map((record) => ({ kind: 'stream' as const, record: record as StreamRecord })),
  anyRebuild.map((record) => ({ kind: 'rebuild' as const, record })),
  anyClosure.map((record) => ({ kind: 'closure' as const, record })),
  anyExpiry.map((record) => ({ kind: 'expiry' as const, record })),
  anyDenial.map((record) => ({ kind: 'expected-denial' as const, record })),
  anyStartDenial.map((record) => ({ kind: 'start-denial' as const, record })),
  anyDeniedTask.map((record) => ({ kind: 'denied-task' as const, record })),
  anyReview.map((record) => ({ kind: 'run' as const, record })),
  anyPointer.map((record) => ({ kind: 'policy' as const, record })),
  fc.constant({ kind: 'other' as const }),
);
