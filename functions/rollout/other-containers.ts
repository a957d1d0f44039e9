import { serviceKey } from '../../shared/domain/cause/cascade.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { readImageReference } from '../../shared/domain/image/reference.ts';
import { meaningAt } from '../../shared/domain/image/tag-history.ts';
import { isProof, type Usage } from '../../shared/domain/image/usage.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import {
  restrainedContainer,
  restraintOfImage,
  type StartedAnew,
} from '../../shared/domain/rollout/other-containers.ts';
import { scopeOfService, serviceOf } from '../../shared/domain/rollout/rollout.ts';
import { unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import { RegistryUnreachableError } from '../../shared/ports/errors.ts';
import type { ServiceRef, ServiceState } from '../../shared/ports/rollouts.ts';
import { meaningOf } from './named-stream.ts';
import type { RolloutPorts } from './ports.ts';
import { postponed, type Refusal } from './refusal.ts';
import type { ServiceDocument } from './service-file.ts';

interface Question {
  readonly ref: ServiceRef;
  readonly planned: ServiceDocument;
  readonly seen: ServiceState;
  readonly policy: Policy | undefined;
  /** The longest time that a deployment takes. */
  readonly deploymentMs: number;
}

/**
 * Why a service may not be deployed because of a container that only restarts with the others. Containers that
 * Patchwave may deploy need no read.
 */
export async function restrainedOther(ports: RolloutPorts, question: Question): Promise<Refusal | undefined> {
  const { ref, planned, seen, policy } = question;
  if (!policy) return undefined;
  const others: StartedAnew[] = [];
  for (const { name: container, image } of seen.containers) {
    const isPlanned = planned.containers.some((one) => one.container === container);
    if (isPlanned || !restraintOfImage(policy, image, ref.account)) continue;
    try {
      const means = await meaningOf(ports, image);
      const stream = await streamOf(ports, means);
      const restraint = restraintOfImage(policy, image, ref.account, stream);
      const runs = restraint ? await runningOf(ports, question, { container, image, means }) : [];
      others.push({ container, image, means, runs, restraint });
    } catch (error) {
      // Access may be missing for weeks: the next review plans the service again, not the next hour.
      if (error instanceof RegistryUnreachableError) return postponed(`registry-unreachable: ${error.message}`);
      throw error;
    }
  }
  const restrained = restrainedContainer(others);
  return restrained === undefined ? undefined : postponed(restrained);
}

/** The stream of an image, or of the images of an index. */
async function streamOf(
  { images }: Pick<RolloutPorts, 'images'>,
  means: readonly Digest[],
): Promise<string | undefined> {
  const records = await images.get(means);
  return [...records.values()].find(({ stream }) => stream !== undefined)?.stream;
}

/**
 * Which image of a tag the container runs. The push history decides if the tag did not move since the tasks were
 * deployed. Otherwise a read of the whole scope decides that began when no task of an earlier deployment was left, and
 * only if all tasks run that image: ECS may replace a task between two deployments, and a new pod pulls the tag again.
 */
async function runningOf(
  ports: RolloutPorts,
  question: Question,
  { container, image, means }: Pick<StartedAnew, 'container' | 'image' | 'means'>,
): Promise<readonly Digest[]> {
  const { places, scopes, clock } = ports;
  const { ref, seen, deploymentMs } = question;
  const [now] = means;
  const { location, tag } = readImageReference(image) ?? {};
  const primary = seen.deployments.find(({ isPrimary }) => isPrimary);
  if (!primary || now === undefined || !location || tag === undefined) return [];
  const { createdAtEpochMs } = primary;
  const pushes = await unlessUnreadable(places.pushesOf(location, tag), []);
  const meaning = meaningAt({ pushes, now }, { beganAtEpochMs: createdAtEpochMs, endedAtEpochMs: clock() });
  if (meaning?.source === 'push-history') return [meaning.digest];
  const scope = await unlessUnreadable(scopes.get(scopeOfService(ref)), undefined);
  if ((scope?.completeAtEpochMs ?? 0) <= createdAtEpochMs + deploymentMs + (seen.bakeMs ?? 0)) return [];
  const used = await usagesOf(ports, ref, container);
  const isSame = used?.every((usage) => isProof(usage) && means.includes(usage.digest)) ?? false;
  return isSame && used ? used.map(({ digest }) => digest) : [];
}

/** Live usages of one container of the service; `undefined` if one of its scope cannot be read. */
async function usagesOf(
  { usages }: Pick<RolloutPorts, 'usages'>,
  ref: ServiceRef,
  container: string,
): Promise<readonly Usage[] | undefined> {
  const key = serviceKey(ref);
  const found: Usage[] = [];
  for await (const usage of usages.all(scopeOfService(ref), 'live')) {
    if ('unreadable' in usage) return undefined;
    if (usage.container === container && serviceKey(serviceOf(usage)) === key) found.push(usage);
  }
  return found;
}
