import type { Cascade, CascadeNode } from '../../shared/domain/cause/cascade.ts';
import { pollAfterSeconds } from '../../shared/domain/common/polling.ts';
import { InvalidInputError } from '../../shared/lambda/errors.ts';
import type { CascadeLedger } from '../../shared/ports/cascades.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { CascadeExecutions, WaitingStep } from '../../shared/ports/executions.ts';
import type { SwitchLedger } from '../../shared/ports/kill-switch.ts';
import type { CauseLedger, ImageLedger, StreamLedger } from '../../shared/ports/ledger.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import type { GuardLedger, LockLedger, RebuildLedger, SlotLedger } from '../../shared/ports/rebuilds.ts';
import type { PipelineRunner } from '../../shared/ports/runner.ts';
import type { StreamImages } from '../../shared/ports/stream-images.ts';

export interface DispatchPorts {
  readonly cascades: Pick<CascadeLedger, 'get' | 'node' | 'changeNode'>;
  readonly causes: Pick<CauseLedger, 'change'>;
  readonly rebuilds: RebuildLedger;
  readonly locks: Pick<LockLedger, 'get' | 'take' | 'adopt' | 'release'>;
  readonly slots: Pick<SlotLedger, 'take' | 'release' | 'held'>;
  readonly guards: GuardLedger;
  readonly killSwitch: Pick<SwitchLedger, 'read'>;
  readonly streams: Pick<StreamLedger, 'streams'>;
  readonly images: Pick<ImageLedger, 'get'>;
  readonly streamImages: Pick<StreamImages, 'of'>;
  readonly policies: Pick<PolicyStore, 'current' | 'load'>;
  readonly runner: PipelineRunner;
  readonly executions: Pick<CascadeExecutions, 'state'>;
  readonly waitingStep: WaitingStep;
  readonly clock: Clock;
}

export interface DispatchLimits {
  /** Shortest wait before a waiting node tries again. */
  readonly pollSeconds: number;
  /** How long a step waits for an event before it polls. */
  readonly recheckAfterSeconds: number;
}

/** @throws InvalidInputError if the cascade has no such node. */
export async function plannedNode(
  { cascades }: Pick<DispatchPorts, 'cascades'>,
  cascadeId: string,
  stream: string,
): Promise<{ readonly cascade: Cascade; readonly node: CascadeNode }> {
  const [cascade, node] = await Promise.all([cascades.get(cascadeId), cascades.node(cascadeId, stream)]);
  if (cascade && node) return { cascade, node };
  throw new InvalidInputError([`stream: cascade ${cascadeId} has no node ${stream}`]);
}

/** Wait before the next attempt; it grows with the time since the cascade was planned. */
export const nodeWaitSeconds = (
  { clock }: Pick<DispatchPorts, 'clock'>,
  { pollSeconds }: DispatchLimits,
  { plannedAtEpochMs, deadlineEpochMs }: Cascade,
  recheckAtEpochMs = Number.POSITIVE_INFINITY,
): number =>
  pollAfterSeconds({
    sinceEpochMs: plannedAtEpochMs,
    nowEpochMs: clock(),
    untilEpochMs: Math.min(recheckAtEpochMs, deadlineEpochMs),
    pollSeconds,
  });
