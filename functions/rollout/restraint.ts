import type { Cascade } from '../../shared/domain/cause/cascade.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { stricterRollout } from '../../shared/domain/policy/rollout-mode.ts';
import { isOwners } from '../../shared/domain/rollout/postponed.ts';
import { modeIn, streamPolicy } from '../../shared/domain/stream/stream-policy.ts';
import type { ServiceRef } from '../../shared/ports/rollouts.ts';
import { policyInForce } from '../../shared/review/policy-in-force.ts';
import type { RolloutPorts } from './ports.ts';
import { deferred, postponed, type Refusal } from './refusal.ts';
import type { ServiceDocument } from './service-file.ts';

/** Why a deployment may not start now: it waits, or is refused with the reason. */
export type Pause = 'wait' | Refusal | undefined;

const PAUSED_TO_THE_END = deferred(
  'paused: the deadline of the cascade passed while Patchwave or the stream was paused, or while the policy could not be read. `patchwave status` shows which. After you have ended it, Patchwave plans the deployment again.',
);

const REPORT_ONLY = postponed(
  'report-only: the mode of a stream in this service, or of an account that the deployment uses, is `report-only` in the policy. Set that mode to `enforce`, or deploy the service yourself.',
);

/** The service as the policy in force allows it, and the current obstacle. */
export interface AllowedService {
  readonly planned: ServiceDocument;
  readonly pause: Pause;
  /** The policy in force; absent if unreadable, which counts as a pause. */
  readonly policy?: Policy;
}

/**
 * Reads the kill switch and the policy in force: a person may have changed either since the plan. An unreadable policy
 * counts as a pause.
 */
export async function allowedService(
  { killSwitch, policies, clock }: Pick<RolloutPorts, 'killSwitch' | 'policies' | 'clock'>,
  { deadlineEpochMs }: Cascade,
  { account }: ServiceRef,
  document: ServiceDocument,
): Promise<AllowedService> {
  const [{ rebuilding }, { policy, unreadable }] = await Promise.all([killSwitch.read(), policyInForce(policies)]);
  const paused = clock() < deadlineEpochMs ? 'wait' : PAUSED_TO_THE_END;
  if (unreadable) return { planned: document, pause: paused };
  const allowed = rolloutOf(policy, document);
  if ('state' in allowed) return { planned: document, pause: allowed, policy };
  const modes = new Set(document.containers.map(({ stream }) => modeIn(policy, stream, account)));
  if (rebuilding === 'paused' || modes.has('paused')) return { planned: allowed, pause: paused, policy };
  return { planned: allowed, pause: modes.has('report-only') ? REPORT_ONLY : undefined, policy };
}

/** Each container in the stricter mode of the planned one and the one in force. */
function rolloutOf(policy: Policy, { containers }: ServiceDocument): ServiceDocument | Refusal {
  const allowed: ServiceDocument['containers'][number][] = [];
  for (const container of containers) {
    const mode = stricterRollout(container.mode, streamPolicy(policy, container.stream).rollout);
    // The owner may undo that: the next review then plans the service again.
    if (isOwners(mode))
      return postponed(
        `rollout-changed: the policy now sets \`rollout: ${mode}\` for stream ${container.stream}. Deploy the service yourself, or with its pipeline.`,
      );
    allowed.push({ ...container, mode });
  }
  return { mode: allowed.some(({ mode }) => mode === 'register') ? 'register' : 'restart', containers: allowed };
}
