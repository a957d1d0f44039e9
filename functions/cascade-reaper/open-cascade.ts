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
  /** Waves in order; none is empty. */
  readonly waves: readonly { readonly wave: number; readonly key: string; readonly count: number }[];
  /** Number of nodes that the state machine runs at a time. */
  readonly concurrency: number;
}

/** A node that waits for a slot costs nothing: twice the build cap keeps every slot in use. */
const NODES_FOR_EACH_SLOT = 2;
/** https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html: what a map may run at once. */
const MOST_AT_ONCE = 1000;

/**
 * Opens a cascade: its state becomes running, and its waves are in the run bucket. While the policy is unreadable, each
 * node waits by itself.
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
