import type { Deployment } from '../../shared/domain/cause/cascade.ts';
import { readImageReference } from '../../shared/domain/image/reference.ts';
import { meaningAt } from '../../shared/domain/image/tag-history.ts';
import { begunSince, type SeenDeployment } from '../../shared/domain/rollout/deployment.ts';
import { unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import type { ServiceRef, ServiceState } from '../../shared/ports/rollouts.ts';
import { digestsUnder, type RolloutPorts } from './ports.ts';
import type { ServiceDocument } from './service-file.ts';

type Container = ServiceDocument['containers'][number];

interface Question {
  readonly ref: ServiceRef;
  readonly planned: ServiceDocument;
  readonly seen: ServiceState;
  /** When this deployment was claimed. */
  readonly startingAtEpochMs: Deployment['startingAtEpochMs'];
  /** The service names the verified image in each container that is registered anew. */
  readonly isAsWanted: boolean;
  /** By then a deployment has replaced all tasks, or failed. */
  readonly deploymentMs: number;
}

/**
 * The primary deployment of a service, where it brings what was verified: a step of a cascade that was stopped, an earlier
 * cascade, or a team began it. A second one beside it changes nothing. The ledger shows the old image until the next review
 * reads the service, so a cause of that image plans a restart meanwhile.
 */
export async function sameDeployment(ports: RolloutPorts, question: Question): Promise<SeenDeployment | undefined> {
  const { planned, seen, startingAtEpochMs, isAsWanted } = question;
  const primary = seen.deployments.find(({ isPrimary }) => isPrimary);
  if (!primary) return undefined;
  const isNew = begunSince([primary], startingAtEpochMs).length > 0;
  if (planned.mode === 'register') return isNew && isAsWanted ? primary : undefined;
  return isNew || (await hasPulledVerified(ports, primary, question)) ? primary : undefined;
}

/**
 * Whether all tasks of a deployment pulled what was verified: since it began each tag meant nothing else, by its push
 * history. Where a review that began long after the deployment still saw the old image, ECS did not pull anew.
 */
async function hasPulledVerified(
  ports: RolloutPorts,
  { state, createdAtEpochMs }: SeenDeployment,
  { ref, planned, seen, deploymentMs }: Question,
): Promise<boolean> {
  if (state !== 'completed' && state !== 'in-progress') return false;
  const { account, region } = ref;
  const scope = await unlessUnreadable(ports.scopes.get({ account, region }), undefined);
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
  if (!location || tag === undefined || digest !== undefined || output === undefined) return false;
  const pushes = await unlessUnreadable(places.pushesOf(location, tag), []);
  const meaning = meaningAt({ pushes }, { beganAtEpochMs: sinceEpochMs, endedAtEpochMs: clock() });
  return meaning?.source === 'push-history' && (await digestsUnder({ places }, output)).has(meaning.digest);
}
