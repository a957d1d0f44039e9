import { type Planned, planCauses } from '../../../functions/cascade-plan/plan.ts';
import type { PlanPorts } from '../../../functions/cascade-plan/ports.ts';
import { handleEndEvents } from '../../../functions/cascade-reaper/end-events.ts';
import type { Cascade, CascadeNode } from '../../../shared/domain/cause/cascade.ts';
import { type Cause, type CauseFact, type FindingFact, mergeCause } from '../../../shared/domain/cause/cause.ts';
import { emptyHistory, type RebuildHistory } from '../../../shared/domain/cause/rebuild.ts';
import type { Digest, ImageLocation, StreamTier } from '../../../shared/domain/image/image.ts';
import type { Pipeline } from '../../../shared/domain/policy/pipeline.ts';
import { type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import type { ScanState } from '../../../shared/domain/scan/scan.ts';
import type { Reason } from '../../../shared/domain/verdict/verdict.ts';
import { readRepository } from '../../../shared/inventory/repository.ts';
import { parse } from '../../../shared/schema.ts';
import { interleave, type Turns } from '../../support/fakes/interleave.ts';
import { type FakeWorld, fakeWorld, START_EPOCH_MS } from '../../support/fakes/world.ts';
import { reaperPortsOf } from '../../support/reaper-ports.ts';
import { alone, DAY_MS, digestOf, HOUR_MS } from '../../support/samples.ts';
import { answerRefreshes, messages } from '../registry-events/support.ts';

export const MINUTE_MS = 60_000;
const REGISTRY = { account: '111122223333', region: 'eu-west-1' };

/** The n-th of twenty application streams, each with a repository and a pipeline of its own. */
export const locationOf = (n = 0): ImageLocation => ({ ...REGISTRY, repository: `team/app-${n}` });
export const streamOf = (n = 0): string => `${REGISTRY.account}/${REGISTRY.region}/team/app-${n}:^v.*$`;
export const pipelineOf = (n = 0): Pipeline => ({
  ...{ runner: 'codepipeline', account: '444455556666', region: 'eu-west-1', name: `app-${n}` },
  digestVariable: 'IMAGE_DIGEST',
});
export const STREAM = streamOf();

export const fact = (changes: Partial<FindingFact> = {}): FindingFact => ({
  ...{ kind: 'finding', ruleId: 'critical', vulnerability: 'CVE-2026-1', package: 'openssl', version: '3.0.1' },
  ...{ fix: 'yes', packageKind: 'os', sinceEpochMs: START_EPOCH_MS - DAY_MS },
  ...changes,
});
export const urgentFact = fact({ ruleId: 'exploited', vulnerability: 'CVE-2026-2' });

export interface PlanPolicyChanges extends Partial<Pick<PolicyDocument, 'mode' | 'modes' | 'caps' | 'scopes'>> {
  readonly tier?: Tier;
  /** Of the first streams, where they differ. */
  readonly tiers?: readonly Tier[];
  /** Numbers of streams that the policy only reports. */
  readonly reportOnly?: readonly number[];
}
type Tier = StreamTier;

const policyOf = ({
  mode = 'enforce',
  tier = 'application',
  tiers = [],
  reportOnly = [],
  modes,
  caps,
  scopes,
}: PlanPolicyChanges) =>
  parse(policySchema, {
    version: 1,
    mode,
    ages: { default: { limitDays: 30 } },
    streams: Array.from({ length: 20 }, (_, n) => ({
      ...{ id: `app-${n}`, tier: tiers[n] ?? tier, account: REGISTRY.account, regions: [REGISTRY.region] },
      ...{ repositories: [`team/app-${n}`], headTags: ['^v.*$'] },
      owner: reportOnly.includes(n) ? 'watched' : 'payments',
      ...(tiers[n] !== 'mirrored' && { pipeline: { account: pipelineOf(n).account, name: pipelineOf(n).name } }),
    })),
    severities: [
      { id: 'critical', severities: ['critical'], graceDays: 0 },
      { id: 'exploited', severities: ['high'], graceDays: 0, urgent: true },
    ],
    ...(caps && { caps }),
    ...(scopes && { scopes }),
    ...((modes || reportOnly.length > 0) && { modes: { owners: { watched: 'report-only' as const }, ...modes } }),
  });

export type PlanWorld = FakeWorld;

export async function planWorld(changes: PlanPolicyChanges = {}): Promise<PlanWorld> {
  const world = fakeWorld();
  await world.policies.publish(policyOf(changes), {});
  for (let n = 0; n < 20; n += 1) world.runner.create(pipelineOf(n));
  return world;
}

/** Another policy is in force from now on. */
export async function setPolicy(world: PlanWorld, changes: PlanPolicyChanges): Promise<void> {
  const { version: replaces } = await world.policies.current();
  await world.policies.publish(policyOf(changes), { replaces });
}

/** The ports of one Lambda invocation; a test may come between any two of its calls. */
export function portsOf(world: PlanWorld, turns: Turns = {}): PlanPorts {
  const { cascades, causes, guards, locks, rebuilds, rollouts, slots, killSwitch } = world;
  const { images, contents, streams, streamImages, runs, policies, lateHeads } = world;
  const { executions, refreshes, ends, unreadable } = world;
  const ports = {
    ...{ cascades, causes, guards, locks, rebuilds, rollouts, slots, killSwitch },
    ...{ images, contents, streams, streamImages, runs, policies, lateHeads, executions, refreshes, ends },
  };
  const interleaved = Object.entries(ports).map(([name, port]) => [name, interleave(name, port, turns)]);
  const nobodyWaits = { attempts: 1, wait: async () => undefined };
  return {
    ...ports,
    ...Object.fromEntries(interleaved),
    unreadable,
    retry: nobodyWaits,
    clock: world.clock,
  };
}

let wakeUps = 0;
/** One plan; its requests to other functions are not handled. */
export const plan = (world: PlanWorld, turns: Turns = {}) => planCauses(portsOf(world, turns), `request-${++wakeUps}`);

const MACHINES = { cascadeMachineArn: 'a:cascades', reviewMachineArn: 'a:reviews' };
const MOST_ROUNDS = 10;

/**
 * Runs refreshes, ends of cascades and plans, which wake each other, until no message is left. A failure is thrown, and its
 * message is redelivered. @returns the plans that were made on the way
 */
export async function comeToRest(world: PlanWorld, turns: Turns = {}): Promise<readonly (Planned | undefined)[]> {
  const plans: (Planned | undefined)[] = [];
  while (!(world.refreshes.isEmpty && world.ends.isEmpty && world.wakings.isEmpty)) {
    if (plans.length === MOST_ROUNDS) throw new Error('they wake one another for ever');
    const [failed] = (await answerRefreshes(world, turns)).failed;
    if (failed) throw failed.error;
    await place(world, await headsOfAll(world));
    await endReported(world, turns);
    plans.push(...(await planIfWoken(world, turns)));
  }
  return plans;
}

async function endReported(world: PlanWorld, turns: Turns): Promise<void> {
  const bodies = world.ends.take();
  const handled = await handleEndEvents(reaperPortsOf(world, world.runs, turns), MACHINES, messages(bodies));
  const failed = handled.filter((one) => typeof one !== 'string');
  for (const { messageId } of failed) world.ends.deliverAgain(bodies[Number(messageId.slice(1))] ?? '');
  if (failed[0]) throw failed[0].error;
}

async function planIfWoken(world: PlanWorld, turns: Turns): Promise<readonly (Planned | undefined)[]> {
  const wakings = world.wakings.take();
  if (wakings.length === 0) return [];
  try {
    return [await plan(world, turns)];
  } catch (error) {
    for (const body of wakings) world.wakings.deliverAgain(body);
    throw error;
  }
}

/** A plan and all that follows from it. @returns the plan that started something; otherwise the last one */
export async function wakeUp(world: PlanWorld, turns: Turns = {}): Promise<Planned | undefined> {
  const plans = [await plan(world, turns), ...(await comeToRest(world, turns))];
  return plans.find((one) => one?.cascadeId !== undefined) ?? plans.at(-1);
}

export const reasonOf = ({ kind: _, sinceEpochMs, packageKind, ...others }: FindingFact): Reason => ({
  ...{ kind: 'finding', effect: 'violates', severity: 'critical', firstSeenAtEpochMs: sinceEpochMs },
  ...(packageKind === 'language' && { isLanguagePackage: true }),
  ...others,
});

/** An image that a registry keeps, as a look at the repository records it just now; judged where reasons are given. */
export async function pushed(
  world: PlanWorld,
  n: number,
  name: string,
  {
    tags = [],
    reasons,
    inUse = false,
    isPlaced = true,
    pushedAtEpochMs = START_EPOCH_MS - 10 * DAY_MS,
  }: PushedImage = {},
): Promise<Digest> {
  const digest = digestOf(name);
  push(world, n, name, { tags, pushedAtEpochMs });
  const { policy } = await world.policies.current();
  await readRepository(world, policy, { location: locationOf(n), isListed: true, digests: {}, tags: {} });
  await world.guards.change(streamOf(n), (history) => ({ ...history, headReadAtEpochMs: world.clock() }));
  if (isPlaced) await place(world, [digest]);
  await world.images.recordPresence(digest, { inUse });
  if (reasons) await judge(world, digest, reasons);
  return digest;
}

interface PushedImage {
  readonly tags?: readonly string[];
  readonly reasons?: readonly Reason[];
  readonly inUse?: boolean;
  /** Unless it says no, a search has found that no known image is below it. */
  readonly isPlaced?: boolean;
  readonly pushedAtEpochMs?: number;
}

/** A search for parents has found that no known image is below these. */
export async function place({ images }: PlanWorld, digests: readonly Digest[]): Promise<void> {
  for (const image of (await images.get(digests)).values())
    if (!image.lineage) await images.recordLineage(image.digest, alone(image));
}

async function headsOfAll({ streams }: PlanWorld): Promise<readonly Digest[]> {
  const all = await streams.streams(Array.from({ length: 20 }, (_, n) => streamOf(n)));
  return [...all.values()].flatMap(({ head }) => Object.values(head?.images ?? {}));
}

/** A push without an event. */
export function push(
  { registry }: PlanWorld,
  n: number,
  name: string,
  { tags, pushedAtEpochMs }: { readonly tags: readonly string[]; readonly pushedAtEpochMs: number },
): void {
  const digest = digestOf(name);
  registry.push(locationOf(n), {
    artifact: {
      ...{ kind: 'image', digest, layers: [], annotations: {}, configDigest: digest },
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
    },
    config: { createdAtEpochMs: pushedAtEpochMs, platform: 'linux/arm64', labels: {} },
    tags,
    pushedAtEpochMs,
  });
}

export async function judge(
  world: PlanWorld,
  digest: Digest,
  reasons: readonly Reason[],
  coverage: ScanState['coverage'] = ['os'],
): Promise<void> {
  const known = (await world.images.get([digest])).get(digest);
  const { policy: _, version: policyVersion } = await world.policies.current();
  await world.images.recordJudgement({
    digest,
    scan: { ...known?.scan, state: 'complete', completedAtEpochMs: world.clock(), coverage },
    verdict: { status: reasons.length > 0 ? 'violating' : 'compliant', reasons, policyVersion },
    judgedAtEpochMs: world.clock(),
  });
}

/** A review has seen what an image is built on. */
export function stands({ images }: PlanWorld, digest: Digest, on: Digest): void {
  const record = images.records.get(digest);
  if (!record) throw new Error(`the test pushed no ${digest}`);
  const parent = { digest: on, evidence: 'layers' } as const;
  images.records.set(digest, { ...record, lineage: { parent, age: { known: false, unknown: [] } } });
}

/** A stream whose head runs and holds a fact, with its open cause. */
export async function violating(world: PlanWorld, n = 0, ...facts: FindingFact[]): Promise<Digest> {
  const found = facts.length > 0 ? facts : [fact()];
  const tags = [`v${n}.1`];
  const head = await pushed(world, n, `app-${n}`, { tags, reasons: found.map(reasonOf), inUse: true });
  await tell(world, n, ...found);
  return head;
}

/** Facts are added to the cause of a stream, as its judgement does. */
export async function tell(world: PlanWorld, n: number, ...facts: CauseFact[]): Promise<void> {
  await world.causes.change(streamOf(n), (before) => mergeCause(streamOf(n), before, facts));
}

export async function causeOf({ causes }: PlanWorld, n = 0): Promise<Cause> {
  const cause = (await causes.get([streamOf(n)])).get(streamOf(n));
  if (!cause) throw new Error(`the test recorded no cause of ${streamOf(n)}`);
  return cause;
}

export const historyOf = async ({ guards }: PlanWorld, n = 0): Promise<RebuildHistory> =>
  (await guards.get([streamOf(n)])).get(streamOf(n)) ?? emptyHistory(streamOf(n));

/** The cascade that was started last, with its nodes. */
export async function lastStarted({ cascades, executions }: PlanWorld): Promise<{
  readonly cascade: Cascade;
  readonly nodes: readonly CascadeNode[];
}> {
  const cascade = await cascades.get(executions.started.at(-1) ?? 'none');
  if (!cascade) throw new Error('no cascade was started');
  const nodes: CascadeNode[] = [];
  for await (const node of cascades.nodes(cascade.cascadeId)) nodes.push(node);
  return { cascade, nodes };
}

/** No planner works, and no written plan is left to start. */
export async function isLeaseFree({ cascades, clock }: PlanWorld): Promise<boolean> {
  const lease = await cascades.beginPlanning('test', { nowEpochMs: clock(), untilEpochMs: clock() + 1 });
  await cascades.endPlanning('test');
  return lease !== undefined && lease.pendingCascadeId === undefined;
}

export { DAY_MS, HOUR_MS };
