import { setTimeout as sleep } from 'node:timers/promises';
import { paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import { paginateGetExecutionHistory, SFNClient } from '@aws-sdk/client-sfn';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { CallCount } from '../local/cloud/admin-types.ts';
import { generateFleet } from '../local/fleet/generate.ts';
import { placeKey, pushesOf } from '../local/fleet/places.ts';
import type { Fleet } from '../local/fleet/schema.ts';
import { type Execution, type Installation, install } from '../local/installation.ts';
import type { ReviewRecord, RunPart } from '../shared/domain/review/run.ts';
import type { RequestUnits } from './capacity.ts';
import { callKey, isOfRole } from './counted.ts';
import { type Day, firstDay, steadyDay } from './day.ts';
import { type FunctionLog, functionLogs } from './logs.ts';
import { type MeteredFunctions, meterFunctions } from './metered-functions.ts';
import { passDay, passHalfAnHour } from './pass-day.ts';
import { type WorkerUse, watchWorkers } from './workers.ts';

/** The usage during a measured period. */
export interface MeasuredSpan {
  readonly calls: readonly CallCount[];
  readonly units: ReadonlyMap<string, RequestUnits>;
  readonly logs: readonly FunctionLog[];
  /** By function; empty on other systems than Linux. */
  readonly workers: ReadonlyMap<string, WorkerUse>;
  /** Queues that functions take their messages from. */
  readonly polledQueues: number;
  /** Entered states of executions that were asked for: that of a review without the children of its maps. */
  readonly transitions: number;
  /** Parts of a review by kind: scopes, registries, batches. */
  readonly parts: Readonly<Record<RunPart['kind'], number>>;
}

/** The usage of one review on one day. */
export interface MeasuredDay extends MeasuredSpan {
  readonly day: Day;
  readonly review: ReviewRecord;
}

export interface MeasuredDays {
  readonly fleet: Fleet;
  readonly first: MeasuredDay;
  readonly steady: MeasuredDay;
  /** One plan that the clock asks for within half an hour after the steady day's review, while nothing is new. */
  readonly planAfterReview: MeasuredSpan;
  /** One plan that the clock asks for later. */
  readonly planAtRest: MeasuredSpan;
  readonly functionsByRole: ReadonlyMap<string, string>;
  readonly stored: Stored;
}

/** The contents of table and buckets after both days. */
export interface Stored {
  readonly ledgerBytes: number;
  readonly evidenceBytes: number;
  readonly runBytes: number;
}

export class ReviewFailedError extends Error {
  override readonly name = 'ReviewFailedError';
  constructor({ arn, status, error, cause }: Execution) {
    super(`Review ${arn} ended ${status}: ${error ?? 'no error'}, ${cause ?? 'no cause'}. Correct the problem first.`);
  }
}

/** Calls without a meter would cost nothing. */
export class NothingMeteredError extends Error {
  override readonly name = 'NothingMeteredError';
  constructor({ name }: Day) {
    super(`The meter counted no ledger call of any function on the ${name} day. Check bench/metered-functions.ts.`);
  }
}

/** A plan that does not end cannot be measured. */
export class NoPlanError extends Error {
  override readonly name = 'NoPlanError';
  constructor() {
    super('The planner did not end its plan. Check the log of cascade-plan.');
  }
}

/**
 * Ten accounts in two Regions each and about three usages an image, as in the target fleet of the cost; two EKS
 * clusters with pages of pods; and schedules that run tasks.
 */
const FLEET = { seed: 11, accounts: 10, regions: 2, images: 400, tasks: 7000, schedules: 300, pods: 1200 } as const;

let measured: Promise<MeasuredDays> | undefined;

/** Two days of one fleet in the embedded cloud; measured once for all benchmarks of a run. */
export function measuredDays(): Promise<MeasuredDays> {
  measured ??= measureDays(generateFleet(FLEET));
  return measured;
}

/** @throws ReviewFailedError */
export async function measureDays(fleet: Fleet): Promise<MeasuredDays> {
  // The pace suits AWS; here it would only cost time.
  await using installation = await install(fleet, { build: true, parameters: { ScansPerSecond: '1000' } });
  await recallScansOnPush(installation);
  const functions = await meterFunctions(installation);
  try {
    const first = await measureDay(installation, functions, firstDay(fleet));
    await passDay(installation);
    const steady = await measureDay(installation, functions, steadyDay());
    const planAfterReview = await measure(installation, functions, () => wakePlanner(installation));
    await passHalfAnHour(installation);
    const planAtRest = await measure(installation, functions, () => wakePlanner(installation));
    const stored = await storedIn(installation);
    return { fleet, first, steady, planAfterReview, planAtRest, functionsByRole: functions.byRole, stored };
  } finally {
    await functions.stop();
  }
}

/** A scan on push was made when the image was pushed, and not when this fleet was set up. */
async function recallScansOnPush({ cloud, fleet, seeded }: Installation): Promise<void> {
  const scanning = new Set(
    fleet.repositories
      .filter(({ scanOnPush }) => scanOnPush)
      .map(({ account, region, name }) => placeKey({ account, region, repository: name })),
  );
  for (const image of fleet.images) {
    for (const { account, region, repository, pushedDaysAgo } of pushesOf(image)) {
      if (!scanning.has(placeKey({ account, region, repository })) || image.lastScannedDaysAgo !== undefined) continue;
      const lastScannedAt = new Date(seeded.nowEpochMs - pushedDaysAgo * 86_400_000);
      for (const digest of seeded.images.get(image.name)?.children.values() ?? []) {
        await cloud.admin.givePast({ account, region, repository, digest, lastScannedAt });
      }
    }
  }
}

async function measureDay(installation: Installation, functions: MeteredFunctions, day: Day): Promise<MeasuredDay> {
  const { cloud, fleet, context } = installation;
  let execution: Execution | undefined;
  const measured = await measure(installation, functions, async () => {
    execution = await installation.review();
  });
  if (execution?.status !== 'SUCCEEDED') throw new ReviewFailedError(execution as Execution);
  if (![...measured.units.values()].some(({ write }) => write > 0)) throw new NothingMeteredError(day);
  const { ended: review } = await context.runs.latest();
  if (review === undefined) throw new ReviewFailedError(execution);
  const sfn = new SFNClient(cloud.clients(fleet.hub.account, fleet.hub.region));
  const transitions = await transitionsOf(sfn, execution.arn);
  return { ...measured, day, review, transitions, parts: await partsOf(installation, review.runId) };
}

const NO_PARTS: MeasuredSpan['parts'] = { scope: 0, registry: 0, lineage: 0, scan: 0, verdict: 0, policy: 0 };

/** What is used from the beginning of something until everything is quiet again; transitions and parts of no review. */
export async function measure(
  installation: Installation,
  functions: MeteredFunctions,
  act: () => Promise<void>,
): Promise<MeasuredSpan> {
  const { cloud, fleet } = installation;
  await settle(installation);
  await cloud.admin.clearCalls();
  functions.take();
  const watch = await watchWorkers(cloud.pid);
  const sinceEpochMs = Date.now();
  await act();
  await settle(installation);
  const workers = await watch.stop();
  return {
    calls: await cloud.admin.calls(),
    units: functions.take(),
    logs: await functionLogs(cloud.clients(fleet.hub.account, fleet.hub.region), sinceEpochMs),
    workers,
    polledQueues: functions.polledQueues,
    transitions: 0,
    parts: NO_PARTS,
  };
}

/** As the schedule does every 15 minutes; done when the planner has given its lease back. */
async function wakePlanner({ cloud, fleet, deployment }: Installation): Promise<void> {
  const sqs = new SQSClient(cloud.clients(fleet.hub.account, fleet.hub.region));
  await sqs.send(new SendMessageCommand({ QueueUrl: deployment.outputs.PlanQueueUrl, MessageBody: '{}' }));
  const hasPlanned = async () =>
    (await cloud.admin.calls()).some(
      (call) => callKey(call) === 'dynamodb:DeleteItem' && call.principal.includes('CascadePlanRole'),
    );
  for (const giveUpAtMs = Date.now() + PLAN_LIMIT_MS; !(await hasPlanned()); await sleep(QUIET_MS)) {
    if (Date.now() > giveUpAtMs) throw new NoPlanError();
  }
}

const QUIET_MS = 3000;
const PLAN_LIMIT_MS = 2 * 60_000;

/** Waits until no role calls anything any more: events and the ledger's stream run on after a review. */
async function settle({ cloud }: Installation): Promise<void> {
  let before = -1;
  for (;;) {
    const now = sumOf((await cloud.admin.calls()).filter(isOfRole).map(({ count }) => count));
    if (now === before) return;
    before = now;
    await sleep(QUIET_MS);
  }
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

export async function transitionsOf(client: SFNClient, executionArn: string): Promise<number> {
  let entered = 0;
  for await (const { events = [] } of paginateGetExecutionHistory({ client }, { executionArn })) {
    entered += events.filter(({ type }) => type?.endsWith('StateEntered')).length;
  }
  return entered;
}

async function partsOf({ context }: Installation, runId: string): Promise<MeasuredDay['parts']> {
  const parts = { scope: 0, registry: 0, lineage: 0, scan: 0, verdict: 0, policy: 0 };
  for await (const { kind } of context.runs.parts(runId)) parts[kind] += 1;
  return parts;
}

async function storedIn({ cloud, fleet, context, deployment }: Installation): Promise<Stored> {
  const s3 = new S3Client({ ...cloud.clients(fleet.hub.account, fleet.hub.region), forcePathStyle: true });
  let ledgerBytes = 0;
  for await (const item of context.dump()) ledgerBytes += Buffer.byteLength(JSON.stringify(item));
  const bytesIn = async (Bucket: string) => {
    let bytes = 0;
    for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket })) {
      bytes += sumOf(Contents.map(({ Size = 0 }) => Size));
    }
    return bytes;
  };
  return {
    ledgerBytes,
    evidenceBytes: await bytesIn(deployment.evidenceBucket),
    runBytes: await bytesIn(deployment.runBucket),
  };
}
