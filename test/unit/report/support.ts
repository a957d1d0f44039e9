import type { ReportPorts } from '../../../functions/report/write-report.ts';
import type { Digest, Tier } from '../../../shared/domain/image/image.ts';
import { type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import type { RunPart } from '../../../shared/domain/review/run.ts';
import type { Reason, VerdictStatus } from '../../../shared/domain/verdict/verdict.ts';
import { runFileKeys } from '../../../shared/review/documents.ts';
import { parse } from '../../../shared/schema.ts';
import { fakeWorld, START_EPOCH_MS } from '../../support/fakes/world.ts';

export const DAY_MS = 86_400_000;
export const RUN = 'run-1';
export const hub = { account: '111122223333', region: 'us-east-1' };
export const STREAM = '111122223333/us-east-1/apps/web:^v1$';

export const digestOf = (number: number): Digest => `sha256:${number.toString(16).padStart(64, '0')}`;

const policy: PolicyDocument = {
  version: 1,
  ages: { default: { limitDays: 30 } },
  streams: [
    {
      ...{ id: 'web', tier: 'application', account: hub.account, regions: [hub.region] },
      ...{ repositories: ['apps/*'], headTags: ['^v1$'], owner: 'web' },
    },
  ],
  severities: [{ id: 'no-critical', severities: ['critical'], graceDays: 0 }],
};

export type World = Awaited<ReturnType<typeof worldWith>>;

/** A review of one scope that runs, up to the report. */
export async function worldWith(
  batches: readonly (readonly Digest[])[] = [],
  changes: Partial<PolicyDocument> = {},
  scopeKey = 'fleet',
) {
  const world = fakeWorld();
  const policyVersion = await world.policies.publish(parse(policySchema, { ...policy, ...changes }), {});
  await world.runs.begin({
    ...{ runId: RUN, mode: 'review', scopeKey, policyVersion, state: 'running' },
    ...{ startedAtEpochMs: START_EPOCH_MS, leaseUntilEpochMs: START_EPOCH_MS + DAY_MS },
  });
  const keys = runFileKeys(RUN);
  await world.runFiles.put(keys.scopes, [{ scope: hub }]);
  await world.runFiles.put(keys.registries, []);
  await world.runFiles.put(
    keys.batches,
    batches.map((digests, index) => ({ batch: String(index + 1), digests })),
  );
  const inventory = { clusters: 1, tasks: 1, containers: 1, usages: 1, unresolved: 0 };
  const key = `${hub.account}/${hub.region}`;
  await world.runs.recordPart(RUN, { kind: 'scope', key, result: { scope: hub, status: 'complete', inventory } });
  await world.runs.recordPart(RUN, { kind: 'lineage', key: 'fleet', images: 0, failures: [], failed: 0 });
  world.advance(600_000);
  const ports: ReportPorts = { ...world, files: world.runFiles };
  return { ...world, ports, policyVersion };
}

export async function judged(
  world: World,
  digest: Digest,
  status: VerdictStatus | undefined,
  {
    tier = 'application',
    owner,
    stream,
    reasons = [],
    nextBreachAtEpochMs,
    judgedAtEpochMs = START_EPOCH_MS + 1,
  }: {
    readonly tier?: Tier;
    readonly owner?: string;
    readonly stream?: string;
    readonly reasons?: readonly Reason[];
    readonly nextBreachAtEpochMs?: number;
    readonly judgedAtEpochMs?: number;
  } = {},
): Promise<void> {
  await world.images.recordProperties({
    digest,
    tier,
    ...(owner !== undefined && { owner }),
    ...(stream !== undefined && { stream }),
    birth: { known: true, bornAtEpochMs: START_EPOCH_MS - DAY_MS, evidence: [] },
    locations: [{ ...hub, repository: 'apps/web' }],
  });
  await world.images.recordPresence(digest, { inUse: true });
  if (!status) return;
  await world.images.recordJudgement({
    digest,
    scan: { state: 'complete', completedAtEpochMs: START_EPOCH_MS, coverage: ['os'] },
    verdict: {
      status,
      reasons,
      policyVersion: world.policyVersion,
      ...(nextBreachAtEpochMs !== undefined && { nextBreachAtEpochMs }),
    },
    judgedAtEpochMs,
  });
}

const verdicts = { compliant: 0, violating: 0, unknown: 0, failed: 0 };

/** The parts that a batch leaves when all its images came to these outcomes. */
export async function reported(
  world: World,
  batch: string,
  outcomes: Partial<typeof verdicts>,
  failures: Extract<RunPart, { kind: 'verdict' }>['failures'] = [],
): Promise<void> {
  const all = { ...verdicts, ...outcomes };
  const requested = Object.values(all).reduce((sum, count) => sum + count, 0);
  const scans = { requested, fresh: 0, later: 0, refused: {} };
  await world.runs.recordPart(RUN, { kind: 'scan', key: batch, scans });
  await world.runs.recordPart(RUN, { kind: 'verdict', key: batch, outcomes: all, failures });
}

export const tooOld: Reason = {
  ...{ ruleId: 'age-limit', effect: 'violates', kind: 'age', limitDays: 30 },
  ...{ bornAtEpochMs: START_EPOCH_MS - 31 * DAY_MS, deadlineEpochMs: START_EPOCH_MS - DAY_MS },
};
