import type { Deployment } from '../../shared/domain/cause/cascade.ts';
import { readImageReference } from '../../shared/domain/image/reference.ts';
import { meaningAt } from '../../shared/domain/image/tag-history.ts';
import { begunSince, type SeenDeployment } from '../../shared/domain/rollout/deployment.ts';
import { scopeOfService } from '../../shared/domain/rollout/rollout.ts';
import { unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import type { ServiceRef, ServiceState } from '../../shared/ports/rollouts.ts';
import { digestsUnder, type RolloutPorts } from './ports.ts';
import type { ServiceDocument } from './service-file.ts';

type Container = ServiceDocument['containers'][number];

interface Question {
  readonly ref: ServiceRef;
  readonly planned: ServiceDocument;
  readonly seen: ServiceState;
  readonly startingAtEpochMs: Deployment['startingAtEpochMs'];
  /** Whether the service names the verified image in each container that is registered anew. */
  readonly isAsWanted: boolean;
  /** Time limit by which a deployment has replaced all tasks, or failed. */
  readonly deploymentMs: number;
}

/**
 * Finds a primary deployment that already brings the verified images, from a stopped step, an earlier cascade or a
 * team. A second one would change nothing. The ledger shows the old image until the next review reads the service, so a
 * cause of that image plans a restart meanwhile.
 */
export async function sameDeployment(ports: RolloutPorts, question: Question): Promise<SeenDeployment | undefined> {
  const { planned, seen, startingAtEpochMs, isAsWanted } = question;
  const primary = seen.deployments.find(({ isPrimary }) => isPrimary);
  if (!primary) return undefined;
  const isNew = begunSince([primary], startingAtEpochMs).length > 0;
  const isEnough = isNew || seen.controller === 'KUBERNETES';
  if (planned.mode === 'register') return isEnough && isAsWanted ? primary : undefined;
  return isNew || (await hasPulledVerified(ports, primary, question)) ? primary : undefined;
}

/**
 * Whether all tasks of a deployment pulled the verified image: since the deployment started, no tag moved, by the push
 * history. If a review that started long after it still saw the old image, ECS did not pull again.
 */
async function hasPulledVerified(
  ports: RolloutPorts,
  { state, createdAtEpochMs }: SeenDeployment,
  { ref, planned, seen, deploymentMs }: Question,
): Promise<boolean> {
  if (state !== 'completed' && state !== 'in-progress') return false;
  const scope = await unlessUnreadable(ports.scopes.get(scopeOfService(ref)), undefined);
  const replacedByEpochMs = createdAtEpochMs + deploymentMs + (seen.bakeMs ?? 0);
  if ((scope?.completeAtEpochMs ?? 0) > replacedByEpochMs) return false;
  for (const container of planned.containers)
    if (!(await meantVerified(ports, container, seen, createdAtEpochMs))) return false;
  return true;
}

async function meantVerified(
  { places, clock }: Pick<RolloutPorts, 'places' | 'clock'>,
  { container, output }: Container,
  { containers }: ServiceState,
  sinceEpochMs: number,
): Promise<boolean> {
  const image = containers.find(({ name }) => name === container)?.image;
  const { location, tag, digest } = (image === undefined ? undefined : readImageReference(image)) ?? {};
  if (!location || output === undefined) return false;
  // A container beside it that got its image by digest pulled that one.
  if (digest !== undefined) return (await digestsUnder({ places }, output)).has(digest);
  if (tag === undefined) return false;
  const pushes = await unlessUnreadable(places.pushesOf(location, tag), []);
  const meaning = meaningAt({ pushes }, { beganAtEpochMs: sinceEpochMs, endedAtEpochMs: clock() });
  return meaning?.source === 'push-history' && (await digestsUnder({ places }, output)).has(meaning.digest);
}
