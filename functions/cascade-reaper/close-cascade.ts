import { collect } from '../../shared/concurrency.ts';
import { type Cascade, type CascadeNode, isOpen } from '../../shared/domain/cause/cascade.ts';
import { summarizeCascade } from '../../shared/domain/rollout/cascade-end.ts';
import { type OwnExecution, ownCascade } from '../../shared/lambda/own-cascade.ts';
import type { CascadeLedger } from '../../shared/ports/cascades.ts';
import { endParts, type ReapPorts } from './reap.ts';
import { type WakePorts, wakePlanner } from './wake-planner.ts';

export interface CloseCascadePorts extends ReapPorts, WakePorts {
  readonly cascades: ReapPorts['cascades'] & Pick<CascadeLedger, 'get'>;
}

export interface ClosedCascade {
  readonly state: 'complete' | 'parked' | 'incomplete';
  /** What is missing, as a sentence for a person. */
  readonly detail: string;
}

/** https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html: what an execution shows of its end. */
const LONGEST_DETAIL = 2000;

const LEFT_OPEN = {
  error: 'NodeLeftOpen',
  detail: 'a child execution of the cascade ended unexpectedly',
} as const;

/**
 * Ends a cascade whose nodes are done. Nodes that a dead child left open are ended like those of a dead cascade. Then
 * the totals are compared with the plan, and the planner is woken, because the event of the execution's end may come
 * later or never. A cascade that has ended stays unchanged.
 * @throws InvalidInputError
 */
export async function closeCascade(ports: CloseCascadePorts, input: OwnExecution): Promise<ClosedCascade> {
  const cascade = await ownCascade(ports.cascades, input);
  const ended = isOpen(cascade) ? await sumUp(ports, cascade) : cascade;
  await wakePlanner(ports, ended.cascadeId);
  return closed(ended);
}

async function sumUp(ports: CloseCascadePorts, cascade: Cascade): Promise<Cascade> {
  const { lost, unreadable } = await endParts(ports, cascade, LEFT_OPEN);
  const { cascadeId } = cascade;
  const nodes: CascadeNode[] = [];
  // The nodes are read without their facts, which are many and not needed here.
  for await (const node of ports.cascades.nodes(cascadeId)) nodes.push({ ...node, facts: [], holders: [] });
  const deployments = await collect(ports.rollouts.deployments(cascadeId));
  const { state, failure } = summarizeCascade(nodes, deployments, lost, unreadable);
  const endedAtEpochMs = ports.clock();
  return ports.cascades.changeCascade(cascadeId, (before) =>
    isOpen(before) ? { ...before, state, endedAtEpochMs, ...(failure && { failure }) } : undefined,
  );
}

function closed({ state, streams, failure }: Cascade): ClosedCascade {
  if (state === 'complete')
    return {
      state,
      detail: `${streams === 1 ? 'The stream' : `Each of the ${streams} streams`} is verified, or needs no rebuild now.`,
    };
  const detail = (
    failure?.detail ??
    'The ledger does not say why the cascade is incomplete. See its execution and the logs of cascade-reaper.'
  ).slice(0, LONGEST_DETAIL);
  return { state: state === 'parked' ? state : 'incomplete', detail };
}
