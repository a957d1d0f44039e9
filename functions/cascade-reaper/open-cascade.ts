import { type Cascade, hasEnded, isOpen } from '../../shared/domain/cause/cascade.ts';
import { type OwnExecution, ownCascade } from '../../shared/lambda/own-cascade.ts';
import type { CascadeLedger } from '../../shared/ports/cascades.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import { cascadeFileKeys } from '../../shared/rebuilding/cascade-files.ts';
import { policyOfCascade } from '../../shared/review/policy-in-force.ts';
import { CascadeEndedError } from './errors.ts';

export interface OpenCascadePorts {
  readonly cascades: Pick<CascadeLedger, 'get' | 'nodes' | 'changeCascade'>;
  readonly policies: Pick<PolicyStore, 'load' | 'current'>;
  readonly files: Pick<RunFiles, 'put'>;
}

export interface OpenedCascade {
  readonly cascadeId: string;
  /** In order, none empty. */
  readonly waves: readonly { readonly wave: number; readonly key: string; readonly count: number }[];
  /** So many nodes the machine works on at a time. */
  readonly concurrency: number;
}

/** Nodes that wait for a slot cost nothing: twice as many as may build keep every slot in use. */
const NODES_FOR_EACH_SLOT = 2;
/** https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html: what a map may run at once. */
const MOST_AT_ONCE = 1000;

/**
 * Begins a cascade: it runs from now on, and its waves lie in the run bucket. Where no policy can be read its nodes wait for
 * one, each by itself.
 * @throws InvalidInputError, CascadeEndedError
 */
export async function openCascade(ports: OpenCascadePorts, input: OwnExecution): Promise<OpenedCascade> {
  const { cascadeId, executionArn } = input;
  await ownCascade(ports.cascades, input);
  const cascade = await ports.cascades.changeCascade(cascadeId, (before) => begun(before, executionArn));
  if (!isOpen(cascade)) throw new CascadeEndedError(cascadeId);
  const { policy } = await policyOfCascade(ports.policies, cascade.policyVersion);
  const concurrency = Math.min(policy.caps.concurrentRebuilds * NODES_FOR_EACH_SLOT, MOST_AT_ONCE);
  return { cascadeId, waves: await writeWaves(ports, cascadeId), concurrency };
}

function begun(cascade: Cascade, executionArn: string): Cascade | undefined {
  if (!isOpen(cascade)) return undefined;
  if (cascade.state === 'running' && cascade.executionArn === executionArn) return undefined;
  return { ...cascade, state: 'running', executionArn };
}

async function writeWaves({ cascades, files }: OpenCascadePorts, cascadeId: string): Promise<OpenedCascade['waves']> {
  const streams = new Map<number, string[]>();
  for await (const node of cascades.nodes(cascadeId)) {
    if (hasEnded(node)) continue;
    const wave = streams.get(node.wave) ?? [];
    wave.push(node.stream);
    streams.set(node.wave, wave);
  }
  const waves: OpenedCascade['waves'][number][] = [];
  for (const [wave, members] of [...streams].sort(([one], [other]) => one - other)) {
    const key = cascadeFileKeys(cascadeId).wave(wave);
    await files.put(
      key,
      members.map((stream) => ({ cascadeId, stream })),
    );
    waves.push({ wave, key, count: members.length });
  }
  return waves;
}
