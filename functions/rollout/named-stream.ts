import type { Artifact, Digest } from '../../shared/domain/image/image.ts';
import { readImageReference } from '../../shared/domain/image/reference.ts';
import { isAsPlanned } from '../../shared/domain/rollout/rollout.ts';
import { RegistryUnreachableError } from '../../shared/ports/errors.ts';
import type { ServiceState } from '../../shared/ports/rollouts.ts';
import { digestsUnder, type RolloutPorts } from './ports.ts';
import { deferred, postponed, type Refusal, refused } from './refusal.ts';
import type { ServiceDocument } from './service-file.ts';

type Container = ServiceDocument['containers'][number];
type Ports = Pick<RolloutPorts, 'registry' | 'places'>;

/**
 * Resolves one stream for each container. If a container ran images of several streams, such as two release lines of
 * one repository, the image in its current definition decides; if that matches no single stream, nothing is deployed.
 */
export async function withNamedStreams(
  ports: Ports,
  { containers }: ServiceState,
  planned: ServiceDocument,
): Promise<ServiceDocument | Refusal> {
  const named: Container[] = [];
  for (const [name, candidates] of Map.groupBy(planned.containers, ({ container }) => container)) {
    const [first, ...others] = candidates;
    const image = containers.find((one) => one.name === name)?.image;
    // A missing container is refused with all others.
    const one = first && others.length > 0 && image !== undefined ? await namedOf(ports, image, candidates) : first;
    if (one && 'state' in one) return one;
    if (one) named.push(one);
  }
  return { mode: named.some(({ mode }) => mode === 'register') ? 'register' : 'restart', containers: named };
}

async function namedOf(ports: Ports, image: string, candidates: readonly Container[]): Promise<Container | Refusal> {
  try {
    const means = await meaningOf(ports, image);
    const found: Container[] = [];
    for (const candidate of candidates) {
      const { ran, output } = candidate;
      const verified = output === undefined ? new Set<Digest>() : await digestsUnder(ports, output);
      if (isAsPlanned(image, means, { ran, output: verified })) found.push(candidate);
    }
    const [one, ...others] = found;
    if (!one) return postponed(serviceChanged(candidates[0]?.container ?? '', image));
    if (others.length === 0) return one;
    const streams = found.map(({ stream }) => stream).join(' and ');
    return refused(
      `ambiguous-stream: "${image}" of container ${one.container} may be of several streams: ${streams}. Name the image by a tag or digest of one stream, or deploy the service yourself.`,
    );
  } catch (error) {
    if (error instanceof RegistryUnreachableError) return deferred(`registry-unreachable: ${error.message}`);
    throw error;
  }
}

/** The container names neither what it ran at planning nor the verified image. */
export const serviceChanged = (container: string, image: string): string =>
  `service-changed: container ${container} now names "${image}". That is neither the image that it ran when the deployment was planned nor the verified image, so Patchwave leaves it as it is. The next review plans the service again if it still has the cause.`;

/** The image as it is in its registry now: an index with its images, or an image; empty if missing. */
export async function meaningOf({ registry }: Pick<Ports, 'registry'>, image: string): Promise<readonly Digest[]> {
  const { location, tag, digest } = readImageReference(image) ?? {};
  const named = digest ?? (location && tag !== undefined ? await registry.resolveTag(location, tag) : undefined);
  if (named === undefined) return [];
  const { found } = location ? await registry.manifests(location, [named]) : { found: [] };
  return [named, ...childrenOf(named, found)];
}

const childrenOf = (named: Digest, found: readonly Artifact[]): readonly Digest[] => {
  const artifact = found.find(({ digest }) => digest === named);
  return artifact?.kind === 'index' ? artifact.children.map(({ digest }) => digest) : [];
};
