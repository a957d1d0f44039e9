import type { Deployment } from '../../shared/domain/cascade.ts';
import type { Artifact, Digest } from '../../shared/domain/image.ts';
import { readImageReference } from '../../shared/domain/reference.ts';
import { isAsPlanned, mayRestart, pinnedReference } from '../../shared/domain/rollout.ts';
import { RegistryUnreachableError } from '../../shared/ports/errors.ts';
import type { ServiceState } from '../../shared/ports/rollouts.ts';
import { type RolloutPorts, withImages } from './ports.ts';
import type { ServiceDocument } from './service-file.ts';

type Container = ServiceDocument['containers'][number];
type Deployable = Container & { readonly output: Digest };
type Ports = Pick<RolloutPorts, 'registry' | 'places'>;

/** A deployment that never begins, and why: a short name, and what its owner can do. */
export type Refusal = Pick<Deployment, 'state' | 'detail' | 'abandoned' | 'postponed'>;

export const refused = (detail: string): Refusal => ({ state: 'refused', detail });

/** What stands in the way passes: nobody is asked to make it, and another cascade does. */
export const deferred = (detail: string): Refusal => ({ ...refused(detail), abandoned: true });

/** What stands in the way passes without a sign to us: the next review shows whether the service is to be deployed. */
export const postponed = (detail: string): Refusal => ({ ...refused(detail), postponed: true });

/** Why a service cannot be deployed as it is; nothing where it can. */
export async function refusalOf(
  ports: Ports,
  { controller, containers }: ServiceState,
  planned: ServiceDocument,
): Promise<Refusal | undefined> {
  if (controller !== 'ECS')
    return refused(`foreign-controller: its deployments are made by ${controller}. Deploy it with its own pipeline.`);
  for (const container of planned.containers) {
    const image = containers.find(({ name }) => name === container.container)?.image;
    const refusal = image === undefined ? refused(gone(container)) : await refusalOfImage(ports, image, container);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

const gone = ({ container }: Container): string =>
  `container-gone: its task definition has no container ${container} any more. Look whether it still runs.`;

const onlyElsewhere = ({ container, stream, ran }: Container): string => {
  const platforms = [...new Set(ran.map(({ platform = 'an unknown platform' }) => platform))].join(' and ');
  return `wrong-platform: container ${container} ran on ${platforms}, and nothing that was verified of stream ${stream} runs there. Build it for that, or as an index.`;
};

async function refusalOfImage(ports: Ports, image: string, container: Container): Promise<Refusal | undefined> {
  const { output } = container;
  if (output === undefined) return refused(onlyElsewhere(container));
  const deployable = { ...container, output };
  try {
    const detail =
      container.mode === 'restart'
        ? await refusalToRestart(ports, image, deployable)
        : await refusalToRegister(ports, image, deployable);
    return detail === undefined ? undefined : refused(detail);
  } catch (error) {
    if (error instanceof RegistryUnreachableError) return deferred(`registry-unreachable: ${error.message}`);
    throw error;
  }
}

/** A restart helps only where the tag means what was verified, in the registry that the service pulls from. */
async function refusalToRestart(
  ports: Ports,
  image: string,
  { container, stream, output }: Deployable,
): Promise<string | undefined> {
  const { location, tag, digest } = readImageReference(image) ?? {};
  const isTag = location !== undefined && tag !== undefined && digest === undefined;
  const means = isTag ? await ports.registry.resolveTag(location, tag) : undefined;
  const answer = mayRestart(image, means, await withImages(ports, output));
  return answer.allowed ? undefined : `${answer.reason}: container ${container} of stream ${stream}: ${answer.detail}`;
}

async function refusalToRegister({ registry }: Ports, image: string, planned: Deployable): Promise<string | undefined> {
  const { container, output } = planned;
  const reference = pinnedReference(image, output);
  if (reference === undefined) return `pinned-reference: "${image}" of container ${container} is no image reference.`;
  const { location, tag, digest } = readImageReference(image) ?? {};
  const named = digest ?? (location && tag !== undefined ? await registry.resolveTag(location, tag) : undefined);
  const asked = named === undefined ? [output] : [output, named];
  const { found } = location ? await registry.manifests(location, asked) : { found: [] };
  if (!isAsPlanned(image, named === undefined ? [] : meaningOf(named, found), planned))
    return `service-changed: container ${container} was deployed as "${image}" since this was planned, and stays so. The next review looks what that holds.`;
  if (found.some((artifact) => artifact.digest === output)) return undefined;
  return `not-in-registry: ${reference} of container ${container} is not there. Copy the image, then deploy it.`;
}

/** An index is its images too. */
function meaningOf(named: Digest, found: readonly Artifact[]): readonly Digest[] {
  const artifact = found.find(({ digest }) => digest === named);
  return [named, ...(artifact?.kind === 'index' ? artifact.children.map(({ digest }) => digest) : [])];
}
