import type { ReaperServices } from '../../../functions/cascade-reaper/route.ts';
import type { CascadeNode } from '../../../shared/domain/cause/cascade.ts';
import type { Rebuild } from '../../../shared/domain/cause/rebuild.ts';
import type { Turns } from '../../support/fakes/interleave.ts';
import { FakeRunLedger } from '../../support/fakes/runs.ts';
import { reaperPortsOf } from '../../support/reaper-ports.ts';
import { cascade, lock, node, rebuild } from '../../support/rebuild-samples.ts';
import { HOUR_MS } from '../../support/samples.ts';
import { fact, type PlanWorld, pipelineOf, planWorld, streamOf, tell } from '../cascade-plan/support.ts';

/** As the samples of events name it. */
export const CASCADE = '3f9c0b7a1d42-g1';
export const ARN = 'arn:aws:states:eu-west-1:111122223333:execution:patchwave-rebuild-cascade:3f9c0b7a1d42-g1';
export const MACHINES = {
  cascadeMachineArn: 'arn:aws:states:eu-west-1:111122223333:stateMachine:patchwave-rebuild-cascade:live',
  reviewMachineArn: 'arn:aws:states:eu-west-1:111122223333:stateMachine:patchwave-fleet-review',
};

export interface ReaperWorld extends PlanWorld {
  /** Records of previews, by their run. */
  readonly previewRuns: FakeRunLedger;
}

export const reaperWorld = async (): Promise<ReaperWorld> => ({
  ...(await planWorld()),
  previewRuns: new FakeRunLedger(),
});

export function servicesOf(world: ReaperWorld, turns: Turns = {}): ReaperServices {
  return { ports: reaperPortsOf(world, world.previewRuns, turns), machines: MACHINES };
}

/** A running cascade of such nodes, whose causes it has taken. */
export async function runningCascade(world: ReaperWorld, ...changes: readonly Partial<CascadeNode>[]): Promise<void> {
  const { version: policyVersion } = await world.policies.current();
  const nodes = changes.map((change, n) => node(CASCADE, streamOf(n), { facts: [fact()], ...change }));
  const nowEpochMs = world.clock();
  await world.cascades.beginPlanning('test', { nowEpochMs, untilEpochMs: nowEpochMs + 1 });
  await world.cascades.write(
    'test',
    cascade(CASCADE, { policyVersion, plannedAtEpochMs: nowEpochMs, streams: nodes.length }),
    nodes,
  );
  await world.cascades.endPlanning('test');
  await world.cascades.changeCascade(CASCADE, (before) => ({ ...before, state: 'running', executionArn: ARN }));
  for (const [n] of changes.entries()) {
    await tell(world, n, fact());
    await world.causes.change(streamOf(n), (cause) =>
      cause ? { ...cause, state: 'taken', takenBy: { cascadeId: CASCADE } } : undefined,
    );
  }
}

/** What a node holds whose rebuild was reserved: lock, slot and record; and a run that was started, unless `changes` say otherwise. */
export async function reserved(world: ReaperWorld, n: number, changes: Partial<Rebuild> = {}): Promise<string> {
  const stream = streamOf(n);
  const rebuildId = `rebuild-${n}`;
  const nowEpochMs = world.clock();
  const deadlineEpochMs = nowEpochMs + HOUR_MS;
  const pipeline = pipelineOf(n);
  const own = { stream, cascadeId: CASCADE, deadlineEpochMs };
  await world.slots.take('fleet', 8, rebuildId, { nowEpochMs, untilEpochMs: deadlineEpochMs });
  await world.locks.take(lock(rebuildId, { ...own, executionArn: ARN }));
  const run = await world.runner.start({ pipeline, rebuildId, token: rebuildId });
  const executionId = run.outcome === 'started' ? run.executionId : '';
  const started = { startingAtEpochMs: nowEpochMs, executionId };
  await world.rebuilds.record(stream, rebuildId, () =>
    rebuild(rebuildId, { ...own, pipeline, facts: [fact()], ...started, ...changes }),
  );
  await world.cascades.changeNode(CASCADE, stream, (before) => ({ ...before, state: 'building', rebuildId }));
  return executionId;
}

export const nodeOf = ({ cascades }: ReaperWorld, n = 0) => cascades.node(CASCADE, streamOf(n));

/** What is held by anybody. */
export async function held({ locks, slots }: ReaperWorld): Promise<readonly string[]> {
  const owners = (await slots.held('fleet')).map(({ owner }) => `slot of ${owner}`);
  for await (const page of locks.all()) owners.push(...page.map(({ rebuildId }) => `lock of ${rebuildId}`));
  return owners.sort();
}
