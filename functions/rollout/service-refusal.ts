import type { Digest } from '../../shared/domain/image/image.ts';
import { readImageReference } from '../../shared/domain/image/reference.ts';
import { isAsPlanned, mayRestart, pinnedReference } from '../../shared/domain/rollout/rollout.ts';
import { RegistryUnreachableError } from '../../shared/ports/errors.ts';
import type { DefinedContainer, ServiceState } from '../../shared/ports/rollouts.ts';
import { meaningOf, serviceChanged } from './named-stream.ts';
import { digestsUnder, type RolloutPorts } from './ports.ts';
import { deferred, postponed, type Refusal, refused } from './refusal.ts';
import type { ServiceDocument } from './service-file.ts';

type Container = ServiceDocument['containers'][number];
type Deployable = Container & { readonly output: Digest };
type Ports = Pick<RolloutPorts, 'registry' | 'places'>;

/** Why a service cannot be deployed as it is; nothing if it can. */
export async function refusalOf(
  ports: Ports,
  { controller, containers, obstacles = [] }: ServiceState,
  planned: ServiceDocument,
): Promise<Refusal | undefined> {
  const obstacle = obstacles.find(({ onlyNewImages }) => planned.mode === 'register' || !onlyNewImages);
  if (obstacle) return refused(obstacle.detail);
  if (controller !== 'ECS' && controller !== 'KUBERNETES')
    return refused(
      `foreign-controller: the deployment controller of the service is ${controller}, not ECS. Deploy the service with its own pipeline.`,
    );
  for (const container of planned.containers) {
    const defined = containers.find(({ name }) => name === container.container);
    const refusal = defined
      ? (staleImage(defined, container) ?? (await refusalOfImage(ports, defined.image, container)))
      : refused(controller === 'KUBERNETES' ? notInTemplate(container) : gone(container));
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

const gone = ({ container }: Container): string =>
  `container-gone: the task definition of the service no longer has container ${container}. If the container was removed on purpose, nothing is left to deploy. If it moved to another service, the next review finds it there.`;

const notInTemplate = ({ container }: Container): string =>
  `container-gone: the pod template of the workload has no container ${container}. An ephemeral container ends with its pod. A container that a webhook adds gets its image from that webhook. If the container was removed on purpose, nothing is left to deploy.`;

/** A node that has an image of the tag starts that one, unless each new pod asks the registry. */
function staleImage({ pullPolicy }: DefinedContainer, { container, mode }: Container): Refusal | undefined {
  if (mode !== 'restart' || pullPolicy === undefined || pullPolicy === 'Always') return undefined;
  return refused(
    `pull-policy: container ${container} has imagePullPolicy ${pullPolicy}, so after a restart a node may start the old image that it has. Set imagePullPolicy to Always, or \`rollout: register\` for the stream.`,
  );
}

function onlyElsewhere({ container, stream, ran }: Container): string {
  if (ran.some(({ platform }) => platform === undefined))
    return `wrong-platform: the platform on which container ${container} ran is unknown, so Patchwave cannot choose one of the verified images of stream ${stream}. Deploy the service yourself, or build the stream as an index.`;
  const platforms = [...new Set(ran.map(({ platform }) => platform))].join(' and ');
  return `wrong-platform: container ${container} ran on ${platforms}, but stream ${stream} has no verified image for it. Build the stream for each platform that its services use, preferably as an index.`;
}

async function refusalOfImage(ports: Ports, image: string, container: Container): Promise<Refusal | undefined> {
  const { output } = container;
  if (output === undefined) return refused(onlyElsewhere(container));
  const deployable = { ...container, output };
  try {
    const detail =
      container.mode === 'restart'
        ? await refusalToRestart(ports, image, deployable)
        : await refusalToRegister(ports, image, deployable);
    return typeof detail === 'string' ? refused(detail) : detail;
  } catch (error) {
    if (error instanceof RegistryUnreachableError) return deferred(`registry-unreachable: ${error.message}`);
    throw error;
  }
}

/** A restart helps only if the tag means the verified image in the registry that the service pulls from. */
async function refusalToRestart(
  ports: Ports,
  image: string,
  { container, stream, output }: Deployable,
): Promise<string | undefined> {
  const { location, tag, digest } = readImageReference(image) ?? {};
  const isTag = location !== undefined && tag !== undefined && digest === undefined;
  const means = isTag ? await ports.registry.resolveTag(location, tag) : undefined;
  const answer = mayRestart(image, means, await digestsUnder(ports, output));
  return answer.allowed ? undefined : `${answer.reason}: container ${container} of stream ${stream}: ${answer.detail}`;
}

async function refusalToRegister(
  ports: Ports,
  image: string,
  { container, ran, output }: Deployable,
): Promise<string | Refusal | undefined> {
  const reference = pinnedReference(image, output);
  if (reference === undefined)
    return `pinned-reference: "${image}" of container ${container} is not a valid image reference. Correct it in the task definition or pod template.`;
  const means = await meaningOf(ports, image);
  if (!isAsPlanned(image, means, { ran, output: new Set([output]) }))
    return postponed(serviceChanged(container, image));
  const { location } = readImageReference(image) ?? {};
  const { found } = location ? await ports.registry.manifests(location, [output]) : { found: [] };
  if (found.some(({ digest }) => digest === output)) return undefined;
  return `not-in-registry: the repository that container ${container} pulls from does not have the verified image (${reference} does not exist). Copy the image to that repository, then deploy the service.`;
}
