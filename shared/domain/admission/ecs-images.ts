import { type Digest, isDigest } from '../image/image.ts';
import type { RunningContainer } from '../image/usage.ts';
import { isAwsSidecar } from '../stream/tier.ts';

/** A container of ECS and the image that it starts. */
export interface ContainerImage {
  readonly container: string;
  /** By its digest if anything proves which one starts; absent if ECS names none. */
  readonly reference?: string;
}

/** A container as a task definition has it. */
export interface ContainerToStart {
  readonly name: string;
  readonly image?: string;
  /** ECS starts what the tag names at each start, and not the image that the service began with. */
  readonly followsTag: boolean;
}

/** The image that ECS found for a container of a service revision. */
export interface ResolvedImage {
  readonly container: string;
  readonly image?: string;
  readonly digest?: string;
}

/**
 * The images that a service revision starts. A tag counts as the digest that ECS found for it, because ECS starts that one
 * from then on. A container that only the revision has is decided too.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html#deployment-container-image-stability
 */
export function imagesOfRevision(
  defined: readonly ContainerToStart[],
  resolved: readonly ResolvedImage[],
): readonly ContainerImage[] {
  const own = defined.map(({ name, image, followsTag }) => {
    const found = followsTag ? undefined : resolved.find((one) => one.container === name && one.image === image);
    return containerImage(name, image, found?.digest);
  });
  const others = resolved.filter(({ container }) => !defined.some(({ name }) => name === container));
  return [...own, ...others.map(({ container, image, digest }) => containerImage(container, image, digest))];
}

/** The images that a task runs, by the digests that its agent reports. Only AWS chooses those of its own sidecars. */
export const imagesOfTask = (containers: readonly RunningContainer[]): readonly ContainerImage[] =>
  containers
    .filter((container) => !isAwsSidecar(container))
    .map(({ name, image, digest }) => containerImage(name, image, digest, 'reported'));

/** @param evidence what an agent reported runs, whatever the reference says; a reference that has a digest starts that one */
function containerImage(
  container: string,
  image: string | undefined,
  digest: string | undefined,
  evidence: 'found' | 'reported' = 'found',
): ContainerImage {
  if (image === undefined) return { container };
  if (!isDigest(digest) || (evidence === 'found' && image.includes('@'))) return { container, reference: image };
  return { container, reference: referenceByDigest(image, digest) };
}

/** What starts by a reference if a digest is known for it. */
export const referenceByDigest = (image: string, digest: Digest): string => `${image.split('@', 1)[0]}@${digest}`;
