import { outcomeText } from '../../cli/acting/render-acting.ts';
import type { CliContext } from '../../cli/command.ts';
import { collect } from '../../shared/concurrency.ts';
import type { Cascade, CascadeNode } from '../../shared/domain/cause/cascade.ts';
import type { Rebuild } from '../../shared/domain/cause/rebuild.ts';
import { factText } from '../../shared/domain/guard/guard-facts.ts';
import type { CallCount } from '../cloud/admin-types.ts';
import { callRows } from './collect.ts';
import { isOwnFault } from './reason-words.ts';
import type { ActResult } from './result-act.ts';

type Ledger = Pick<CliContext, 'dump' | 'causes' | 'cascades' | 'rebuilds' | 'rollouts'>;
type FromLedger = Pick<ActResult, 'answers' | 'cascades' | 'rebuilds' | 'deployments' | 'closures'>;

/** Everything that was done since the installation, from the ledger: the oldest plan first. */
export async function collectAct(ledger: Ledger): Promise<FromLedger> {
  const causes = await collect(ledger.causes.open());
  const found: FromLedger = { answers: [], cascades: [], rebuilds: [], deployments: [], closures: [] };
  for (const { stream, answer: held } of causes) {
    if (!held) continue;
    const { answer, reason, detail } = held;
    found.answers.push({ stream, answer, reason, detail });
  }
  for (const cascade of await everyCascade(ledger)) await addCascade(ledger, cascade, found);
  return found;
}

/** The ports list only open cascades; the demo also shows ended ones. */
async function everyCascade({ dump, cascades }: Ledger): Promise<Cascade[]> {
  const found: Cascade[] = [];
  for await (const { kind, cascadeId } of dump()) {
    const cascade = kind === 'cascade' ? await cascades.get(String(cascadeId)) : undefined;
    if (cascade) found.push(cascade);
  }
  return found.sort((one, other) => one.plannedAtEpochMs - other.plannedAtEpochMs);
}

async function addCascade({ cascades, rebuilds, rollouts }: Ledger, cascade: Cascade, found: FromLedger) {
  const { cascadeId, executionArn, state, failure } = cascade;
  const nodes = await collect(cascades.nodes(cascadeId));
  const detail = failure && `${failure.error}: ${failure.detail}`;
  found.cascades.push({
    ...{ cascadeId, state, nodes: nodes.sort((one, other) => one.wave - other.wave).map(nodeRow) },
    ...(executionArn !== undefined && { executionArn }),
    ...(detail !== undefined && { detail }),
  });
  for (const { stream, rebuildId } of nodes) {
    const rebuild = rebuildId === undefined ? undefined : await rebuilds.get(stream, rebuildId);
    if (rebuild) found.rebuilds.push(rebuildRow(rebuild));
  }
  for await (const { service, mode, state, deploymentId, detail } of rollouts.deployments(cascadeId)) {
    found.deployments.push({
      ...{ cascadeId, service, mode, state },
      ...(deploymentId !== undefined && { deploymentId }),
      ...(detail !== undefined && { detail }),
    });
  }
  for await (const { stream, output, state, waitingFor, proof } of rollouts.closures(cascadeId)) {
    found.closures.push({
      ...{ cascadeId, stream, output, state },
      ...(waitingFor !== undefined && { waitingFor }),
      ...(proof && { proof: { ...proof } }),
    });
  }
}

function nodeRow(node: CascadeNode): ActResult['cascades'][number]['nodes'][number] {
  const { stream, work, wave, parents = [], facts, state, outcome, answer, headBefore, output } = node;
  const detail = outcome ? outcomeText(outcome) : answer?.detail;
  return {
    ...{ stream, work, wave, parents: [...parents], facts: facts.map(factText), state },
    atFault: work === 'rebuild' && parents.length === 0 && isOwnFault(facts),
    ...(answer && { reason: answer.reason }),
    ...(detail !== undefined && { detail }),
    ...(headBefore !== undefined && { before: headBefore }),
    ...(output !== undefined && { after: output }),
  };
}

function rebuildRow(rebuild: Rebuild): ActResult['rebuilds'][number] {
  const { stream, rebuildId, cascadeId, pipeline, executionId, facts, headBefore, output, outcome } = rebuild;
  const { account, region, name } = pipeline;
  return {
    ...{ stream, rebuildId, cascadeId, pipeline: { account, region, name } },
    facts: facts.map(factText),
    ...(executionId !== undefined && { executionId }),
    ...(headBefore !== undefined && { headBefore }),
    ...(output !== undefined && { output }),
    ...(outcome && { outcome: outcomeText(outcome) }),
  };
}

/** Calls by which Patchwave changes resources of others. */
const CHANGING = [
  ['codepipeline', 'StartPipelineExecution'],
  ['ecr', 'PutImage'],
  ['ecs', 'RegisterTaskDefinition'],
  ['ecs', 'UpdateService'],
  ['kubernetes', 'patch deployments'],
  ['kubernetes', 'patch statefulsets'],
  ['kubernetes', 'patch daemonsets'],
] as const;

export function changingCalls(calls: readonly CallCount[]): ActResult['calls'] {
  const made = new Map(callRows(calls).map(({ service, operation, count }) => [`${service}:${operation}`, count]));
  return CHANGING.map(([service, operation]) => ({
    service,
    operation,
    count: made.get(`${service}:${operation}`) ?? 0,
  }));
}
