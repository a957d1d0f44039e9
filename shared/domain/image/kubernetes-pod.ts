import { type Digest, isDigest } from './image.ts';
import type { RunningContainer, RunningTask } from './usage.ts';
import { type KubernetesOwner, kubernetesWorkload } from './workload-kind.ts';

/*
 * Pods of a Kubernetes cluster, as its API returns them. Every field may be missing or `null`, which means the same,
 * because the document is data of the cluster. https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
 */

type Maybe<Value> = Value | null | undefined;

const listed = <Value>(list: Maybe<readonly Value[]>): readonly NonNullable<Value>[] =>
  (list ?? []).filter((one) => one !== null && one !== undefined);

/** An entry of `ownerReferences`. */
export interface OwnerEntry {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly controller?: boolean;
}

export interface ObjectMetadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly creationTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerEntry[];
}

interface ContainerSpec {
  readonly name?: string;
  readonly image?: string;
}

interface ContainerStatus {
  readonly name?: string;
  readonly imageID?: string;
  readonly state?: { readonly terminated?: object };
  readonly volumeMounts?: readonly {
    readonly name?: string;
    readonly volumeStatus?: { readonly image?: { readonly imageRef?: string } };
  }[];
}

export interface Pod {
  readonly metadata?: ObjectMetadata;
  readonly spec?: {
    readonly nodeName?: string;
    readonly containers?: readonly ContainerSpec[];
    readonly initContainers?: readonly ContainerSpec[];
    readonly ephemeralContainers?: readonly ContainerSpec[];
    readonly volumes?: readonly { readonly name?: string; readonly image?: { readonly reference?: string } }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly ephemeralContainerStatuses?: readonly ContainerStatus[];
  };
}

/** What is known of a cluster besides its pods. */
export interface ClusterObjects {
  /** The controller of a ReplicaSet or Job, by the uid of that; absent if it has none or is gone. */
  readonly controllerOf: (uid: string) => KubernetesOwner | undefined;
  /** `amd64`, `arm64`; absent if the node is unknown. */
  readonly architectureOf: (nodeName: string) => string | undefined;
}

/** The object that manages another one: at most one of its owners. */
export function controllerIn(metadata: Maybe<ObjectMetadata>): (KubernetesOwner & { uid: string }) | undefined {
  const owner = listed(metadata?.ownerReferences).find(({ controller }) => controller === true);
  if (!owner?.kind || !owner.name) return undefined;
  const [group = '', version] = (owner.apiVersion ?? '').split('/');
  return { group: version === undefined ? '' : group, kind: owner.kind, name: owner.name, uid: owner.uid ?? '' };
}

/** Phases in which no container of a pod runs, or will run again. */
const OVER = new Set(['Succeeded', 'Failed']);

/**
 * A pod as a task of its workload; `undefined` if it is over. All of its images count: containers, init containers and
 * sidecars, ephemeral containers that have not ended, and image volumes. A pod that is being deleted still runs.
 */
export function podTask(pod: Pod, objects: ClusterObjects): RunningTask | undefined {
  const { metadata, spec, status } = pod;
  if (OVER.has(status?.phase ?? '')) return undefined;
  const owner = controllerIn(metadata);
  const top = owner && (objects.controllerOf(owner.uid) ?? owner);
  const architecture = spec?.nodeName ? objects.architectureOf(spec.nodeName) : undefined;
  return {
    ...kubernetesWorkload(metadata?.namespace ?? '', metadata?.name ?? '', top),
    ...(architecture !== undefined && { architecture }),
    containers: [
      ...containersOf(spec?.containers, status?.containerStatuses),
      ...containersOf(spec?.initContainers, status?.initContainerStatuses),
      ...liveEphemeral(spec?.ephemeralContainers, status?.ephemeralContainerStatuses),
      ...imageVolumes(pod),
    ],
  };
}

function containersOf(
  specs: Maybe<readonly ContainerSpec[]>,
  statuses: Maybe<readonly ContainerStatus[]>,
): RunningContainer[] {
  const known = new Map(listed(statuses).map((status) => [status.name, status]));
  return listed(specs).map(({ name, image }) => containerOf(name ?? '', image, known.get(name)?.imageID));
}

/** An ephemeral container stays in its pod after it ended, and never starts again. */
function liveEphemeral(
  specs: Maybe<readonly ContainerSpec[]>,
  statuses: Maybe<readonly ContainerStatus[]>,
): RunningContainer[] {
  const ended = new Set(
    listed(statuses)
      .filter(({ state }) => state?.terminated)
      .map(({ name }) => name),
  );
  return containersOf(
    listed(specs).filter(({ name }) => !ended.has(name)),
    statuses,
  );
}

/**
 * Volumes whose content is an image (`volumes[].image`), as containers named `volume:<name>`. A cluster reports their
 * digest only with the feature gate `ImageVolumeWithDigest`, which EKS does not set: then only the reference is known.
 */
function imageVolumes({ spec, status }: Pod): RunningContainer[] {
  const statuses = [...listed(status?.containerStatuses), ...listed(status?.initContainerStatuses)];
  const references = new Map(
    statuses
      .flatMap(({ volumeMounts }) => listed(volumeMounts))
      .flatMap(({ name, volumeStatus }) =>
        volumeStatus?.image?.imageRef ? [[name, volumeStatus.image.imageRef] as const] : [],
      ),
  );
  return listed(spec?.volumes).flatMap(({ name, image }) =>
    image ? [containerOf(`volume:${name ?? ''}`, image.reference, references.get(name))] : [],
  );
}

function containerOf(name: string, image: Maybe<string>, imageId: Maybe<string>): RunningContainer {
  const digest = digestInImageId(imageId);
  return { name, ...(typeof image === 'string' && { image }), ...(digest !== undefined && { digest }) };
}

/**
 * The digest in an `imageID`: `<repository>@sha256:<hex>`, of the index if the reference names one, also after
 * `docker-pullable://`. A bare `sha256:<hex>`, also after `docker://`, is the id of an image config, which no registry
 * knows as a digest; before the pull it is empty. The repository may be another one with the same image.
 */
export function digestInImageId(imageId: Maybe<string>): Digest | undefined {
  const [, digest] = /^[^@]+@([^@]+)$/.exec(imageId ?? '') ?? [];
  return isDigest(digest) ? digest : undefined;
}
