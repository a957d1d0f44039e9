import {
  type BuildEventPorts,
  type HandledBuildEvent,
  handleBuildEvents,
} from '../../../functions/build-result/build-events.ts';
import type { DispatchPorts } from '../../../functions/rebuild-dispatch/ports.ts';
import type { CascadeNode } from '../../../shared/domain/cause/cascade.ts';
import type { CauseFact } from '../../../shared/domain/cause/cause.ts';
import { type BuildStatus, rebuildIdOf } from '../../../shared/domain/cause/rebuild.ts';
import type { Pipeline } from '../../../shared/domain/policy/pipeline.ts';
import { type Policy, policySchema } from '../../../shared/domain/policy/policy.ts';
import { parse } from '../../../shared/schema.ts';
import { FakeExecutions } from '../../support/fakes/executions.ts';
import { interleave, type Turns } from '../../support/fakes/interleave.ts';
import { FakeRunner } from '../../support/fakes/runner.ts';
import { FakeWaitingStep } from '../../support/fakes/waiting-step.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { cascade, node } from '../../support/rebuild-samples.ts';
import { HOUR_MS } from '../../support/samples.ts';

export const LIMITS = { pollSeconds: 5, recheckAfterSeconds: 900 };
export const MINUTE_MS = 60_000;
const REGISTRY = { account: '111122223333', region: 'eu-west-1' };

/** The n-th of many streams, each with a pipeline of its own. */
export const streamOf = (n = 0): string => `${REGISTRY.account}/${REGISTRY.region}/team/app-${n}:^v.*$`;
export const pipelineOf = (n = 0): Pipeline => ({
  ...{ runner: 'codepipeline', account: '444455556666', region: 'eu-west-1', name: `app-${n}` },
  digestVariable: 'IMAGE_DIGEST',
});
export const STREAM = streamOf();
export const PIPELINE = pipelineOf();
export const CASCADE = '0123456789ab-g1';

export const criticalFact: CauseFact = {
  ...{ kind: 'finding', ruleId: 'critical', vulnerability: 'CVE-2026-1', package: 'openssl', version: '3.0.1' },
  ...{ fix: 'yes', packageKind: 'os', sinceEpochMs: 1_795_000_000_000 },
};
export const personFact: CauseFact = {
  ...{ kind: 'person', ruleId: 'asked-by-person', by: 'ann', reason: 'a new base' },
  sinceEpochMs: 1_795_000_000_000,
};

export interface DispatchPolicyChanges {
  readonly mode?: 'enforce' | 'paused' | 'report-only';
  readonly caps?: Partial<Policy['caps']>;
  readonly streams?: number;
  readonly pipelines?: number;
  readonly promotes?: boolean;
  readonly depth?: number;
}

/** A policy of streams with a pipeline each, in another account than their registry. */
export function policyOf({
  mode = 'enforce',
  caps = {},
  streams = 20,
  pipelines = streams,
  promotes = false,
  depth = 5,
}: DispatchPolicyChanges = {}): Policy {
  return parse(policySchema, {
    version: 1,
    mode,
    ages: { default: { limitDays: 30 } },
    streams: Array.from({ length: streams }, (_, n) => ({
      ...{ id: `app-${n}`, tier: 'application' as const, account: REGISTRY.account, regions: [REGISTRY.region] },
      ...{ repositories: [`team/app-${n}`], headTags: ['^v.*$'], owner: 'payments', promotes },
      ...(n < pipelines && { pipeline: { account: pipelineOf(n).account, name: pipelineOf(n).name } }),
    })),
    severities: [],
    caps: { concurrentRebuilds: 8, ...caps },
    guards: { depth },
  });
}

export type DispatchWorld = Awaited<ReturnType<typeof dispatchWorld>>;

export async function dispatchWorld(changes: DispatchPolicyChanges = {}) {
  const world = fakeWorld();
  const policyVersion = await world.policies.publish(policyOf(changes), {});
  const runner = new FakeRunner(world.clock);
  for (let n = 0; n < 20; n += 1) runner.create(pipelineOf(n));
  return {
    ...world,
    runner,
    executions: new FakeExecutions(),
    waitingStep: new FakeWaitingStep(),
    policyVersion,
  };
}

/** The ports of one Lambda invocation; a test may come between any two of its calls. */
export function portsOf(world: DispatchWorld, turns: Turns = {}): DispatchPorts & BuildEventPorts {
  const ports = {
    ...{ cascades: world.cascades, causes: world.causes, rebuilds: world.rebuilds, locks: world.locks },
    ...{ slots: world.slots, guards: world.guards, killSwitch: world.killSwitch, policies: world.policies },
    ...{ streams: world.streams, images: world.images, streamImages: world.streamImages },
    ...{ runner: world.runner, executions: world.executions, waitingStep: world.waitingStep },
    ...{ deadLetters: world.deadLetters, planner: world.wakings },
  };
  const interleaved = Object.entries(ports).map(([name, port]) => [name, interleave(name, port, turns)]);
  return { ...ports, ...Object.fromEntries(interleaved), clock: world.clock };
}

/** Plans a cascade of one node as the planner does: cascade, node, execution, cause taken. */
export async function plan(
  world: DispatchWorld,
  cascadeId = CASCADE,
  changes: Partial<CascadeNode> = {},
): Promise<NodeOf> {
  const stream = changes.stream ?? STREAM;
  const plannedAtEpochMs = world.clock();
  const facts = changes.facts ?? [criticalFact];
  const planned = cascade(cascadeId, {
    ...{ policyVersion: world.policyVersion, plannedAtEpochMs, deadlineEpochMs: plannedAtEpochMs + 24 * HOUR_MS },
    state: 'running',
  });
  await world.cascades.beginPlanning('planner', { nowEpochMs: plannedAtEpochMs, untilEpochMs: plannedAtEpochMs + 1 });
  await world.cascades.write('planner', planned, [node(cascadeId, stream, { facts, ...changes })]);
  await world.cascades.endPlanning('planner');
  const { executionArn } = await world.executions.start(cascadeId);
  await world.causes.change(stream, (before) => ({
    ...{ stream, facts, sinceEpochMs: plannedAtEpochMs, version: (before?.version ?? 0) + 1 },
    ...{ state: 'taken', takenBy: { cascadeId } },
  }));
  const rebuildId = changes.resumes ?? rebuildIdOf(cascadeId, plannedAtEpochMs, stream);
  return { cascadeId, stream, executionArn, rebuildId };
}

export interface NodeOf {
  readonly cascadeId: string;
  readonly stream: string;
  readonly executionArn: string;
  readonly rebuildId: string;
}

export const stepOf = ({ cascadeId, stream, executionArn }: NodeOf) => ({ cascadeId, stream, executionArn });

/** Owners of slots; with an instant, those whose lease has not lapsed by then. */
export async function slotsHeld(world: DispatchWorld, atEpochMs = 0): Promise<readonly string[]> {
  const scopes = ['fleet', `account/${PIPELINE.account}`];
  const held = await Promise.all(scopes.map((scope) => world.slots.held(scope)));
  return held.flat().flatMap(({ owner, untilEpochMs }) => (untilEpochMs > atEpochMs ? owner : []));
}

export async function nodeOf(world: DispatchWorld, { cascadeId, stream }: NodeOf): Promise<CascadeNode> {
  const found = await world.cascades.node(cascadeId, stream);
  if (!found) throw new Error(`the test planned no node ${stream} in ${cascadeId}`);
  return found;
}

export const historyOf = async (world: DispatchWorld, stream = STREAM) =>
  (await world.guards.get([stream])).get(stream);
export const causeOf = async (world: DispatchWorld, stream = STREAM) => (await world.causes.get([stream])).get(stream);

type End = Omit<BuildStatus, 'state'> & { readonly state: 'succeeded' | 'failed' | 'stopped' };

/** The run that was started last ends. */
export function finishLast(world: DispatchWorld, end: End): void {
  const last = world.runner.started.at(-1);
  if (!last) throw new Error('no run was started');
  world.runner.finish(last.pipeline, last.executionId, end);
}

/** The state change of a run, as EventBridge delivers it. */
export const eventOf = ({ account, region, name }: Pipeline, executionId: string, state = 'SUCCEEDED'): string =>
  JSON.stringify({
    ...{ version: '0', id: '1', source: 'aws.codepipeline', time: '2026-11-24T03:01:00Z', account, region },
    'detail-type': 'CodePipeline Pipeline Execution State Change',
    resources: [],
    detail: { pipeline: name, 'execution-id': executionId, state, version: 3 },
  });

/** Delivers the event of a run, by default of the one that was started last. */
export async function tellEvent(
  world: DispatchWorld,
  { executionId = world.runner.started.at(-1)?.executionId ?? 'none', pipeline = PIPELINE, turns = {} as Turns } = {},
): Promise<readonly HandledBuildEvent[]> {
  const body = eventOf(pipeline, executionId);
  return handleBuildEvents(portsOf(world, turns), [{ messageId: 'message-1', body }]);
}
