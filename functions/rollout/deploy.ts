import { type Cascade, type Deployment, serviceKey } from '../../shared/domain/cause/cascade.ts';
import { pollAfterSeconds } from '../../shared/domain/common/polling.ts';
import { HOUR_MS } from '../../shared/domain/common/time.ts';
import { DEPLOYMENT_HOURS } from '../../shared/domain/policy/policy.ts';
import { answerOf, type DeploymentAnswer } from './answers.ts';
import { begin, leasedUntil, leaveStart } from './begin.ts';
import { checkDeployment } from './check.ts';
import { environmentStopped } from './environment-stop.ts';
import { DeploymentTakenError } from './errors.ts';
import type { RolloutStepInput } from './input.ts';
import { knownCascade, type RolloutLimits, type RolloutPorts } from './ports.ts';
import type { Refusal } from './refusal.ts';
import { allowedService } from './restraint.ts';
import { readServiceFile } from './service-file.ts';

/**
 * Starts, adopts or refuses the one deployment of a service in a cascade. A deployment that may not start yet is tried
 * again until the deadline of the cascade.
 */
export async function deploy(
  ports: RolloutPorts,
  limits: RolloutLimits,
  { cascadeId, service: ref }: RolloutStepInput<'deploy'>,
): Promise<DeploymentAnswer> {
  const service = serviceKey(ref);
  const [cascade, known] = await Promise.all([
    knownCascade(ports, cascadeId),
    ports.rollouts.deployment(cascadeId, service),
  ]);
  // A step that died after its call may have replaced another party's deployment, which ECS lists only for a while.
  if (known && known.state !== 'starting') return checkDeployment(ports, limits, { cascadeId, service: ref });
  const document = await readServiceFile(ports.files, cascadeId, ref);
  const { planned, pause, policy } = await allowedService(ports, cascade, ref, document);
  const { deploymentHours = DEPLOYMENT_HOURS } = policy?.guards ?? {};
  const own = ownDeployment(ports, deploymentHours * HOUR_MS, { cascadeId, service, mode: planned.mode });
  if (!known && pause === 'wait') return paused(limits, cascade, own);
  const stands = known ?? (await claim(ports, own, pause === 'wait' ? undefined : pause));
  if (stands.state !== 'starting') return answerOf(ports, limits, stands);
  if (stands.starter !== own.starter && own.startingAtEpochMs < leasedUntil(stands)) return leased(limits, stands, own);
  const { deadlineEpochMs } = cascade;
  const begun = await begin(ports, { ref, planned, stands, own, pause, policy, deadlineEpochMs }).catch(
    async (error: unknown) => {
      await leaveStart(ports, own, problemText(error));
      throw error;
    },
  );
  if ('isPaused' in begun) return paused(limits, cascade, own);
  if ('delay' in begun) {
    await leaveStart(ports, own);
    return later(limits, own, begun.delay, begun.delay.why);
  }
  // Checked again right after the call: another party may have deployed at the same instant.
  if (begun.deployment.state === 'running') return checkDeployment(ports, limits, { cascadeId, service: ref });
  return answerOf(ports, limits, begun.deployment);
}

function ownDeployment(
  { clock, ids }: RolloutPorts,
  deploymentMs: number,
  named: Pick<Deployment, 'cascadeId' | 'service' | 'mode'>,
): Deployment {
  const startingAtEpochMs = clock();
  const deadlineEpochMs = startingAtEpochMs + deploymentMs;
  return { ...named, state: 'starting', starter: ids(), startingAtEpochMs, deadlineEpochMs };
}

/** Claims the deployment or refuses it. Returns the recorded one. */
async function claim(ports: RolloutPorts, own: Deployment, pause: Refusal | undefined): Promise<Deployment> {
  const ended = pause ?? (await environmentStopped(ports, own));
  return ports.rollouts.beginDeployment(ended ? { ...own, ...ended, endedAtEpochMs: own.startingAtEpochMs } : own);
}

function paused(limits: RolloutLimits, cascade: Cascade, own: Deployment): DeploymentAnswer {
  const { plannedAtEpochMs: sinceEpochMs, deadlineEpochMs: untilEpochMs } = cascade;
  return later(limits, own, { sinceEpochMs, untilEpochMs }, 'paused');
}

/** If it has not started by the end of the lease, it is searched for and then started. */
const leased = (limits: RolloutLimits, stands: Deployment, own: Deployment): DeploymentAnswer => {
  const waiting = { sinceEpochMs: stands.startingAtEpochMs, untilEpochMs: leasedUntil(stands) };
  const why = stands.failing
    ? `the last attempt to start the deployment failed: ${stands.failing.problem}`
    : 'another step is starting the deployment';
  return later(limits, own, waiting, why);
};

const LONGEST_PROBLEM = 500;

/** What another step has taken fails by no problem of its own. */
const problemText = (error: unknown): string | undefined =>
  error instanceof DeploymentTakenError ? undefined : String(error).slice(0, LONGEST_PROBLEM);

const later = (
  { pollSeconds }: RolloutLimits,
  { service, startingAtEpochMs: nowEpochMs }: Deployment,
  waiting: { readonly sinceEpochMs: number; readonly untilEpochMs: number },
  why: string,
): DeploymentAnswer => ({
  decision: 'wait',
  waitSeconds: pollAfterSeconds({ ...waiting, nowEpochMs, pollSeconds }),
  state: 'starting',
  detail: `${service}: ${why}`,
});
