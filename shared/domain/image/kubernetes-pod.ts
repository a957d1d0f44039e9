import { cutText } from '../common/cut-text.ts';
import { type Digest, isDigest } from './image.ts';
import type { RunningContainer, RunningTask } from './usage.ts';
import { type KubernetesOwner, kubernetesWorkload } from './workload-kind.ts';

/*
 * Pods of a Kubernetes cluster, as its API returns them. Every field may be missing or `null`, which means the same,
 * because the document is data of the cluster. https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
 */

/** The annotation of a namespace that opens it: a JSON object with `author`, `reason` and `expires`. */
export const BREAK_GLASS_ANNOTATION = 'patchwave.dev/break-glass';

type Maybe<Value> = Value | null | undefined;

/** A custom resource may have something else where a list belongs. */
const listed = <Value>(list: Maybe<readonly Value[]>): readonly NonNullable<Value>[] =>
  (Array.isArray(list) ? (list as readonly Value[]) : []).filter((one) => one !== null && one !== undefined);

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
  readonly annotations?: Readonly<Record<string, string>> | null;
  readonly ownerReferences?: readonly OwnerEntry[];
}

interface ContainerSpec {
  readonly name?: string;
  readonly image?: string;
}

export interface PodSpecification {
  readonly nodeName?: string;
  readonly containers?: readonly ContainerSpec[];
  readonly initContainers?: readonly ContainerSpec[];
  readonly ephemeralContainers?: readonly ContainerSpec[];
  readonly volumes?: readonly { readonly name?: string; readonly image?: { readonly reference?: string } }[];
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
  readonly spec?: PodSpecification;
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
  /** When the Deployment of a ReplicaSet began to name what this one starts, at the earliest; absent if nothing says it. */
  readonly namedFrom: (uid: string) => number | undefined;
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

/** What Patchwave needs of a pod. Everything else, such as its environment variables, stays in the function that read it. */
export interface PodFacts {
  readonly namespace: string;
  readonly name: string;
  /** Absent if the API server does not say it. */
  readonly createdAtEpochMs?: number;
  /** Absent before the pod is scheduled. */
  readonly node?: string;
  readonly owner?: OwnerFacts;
  readonly containers: readonly RunningContainer[];
}

/** The controller of a pod. */
export type OwnerFacts = KubernetesOwner & { readonly uid: string };

/**
 * The most characters of a text in the facts. Kubernetes allows no longer names (RFC 1123, `volume:` before one), and no image
 * reference is as long. It checks neither references nor the names of owners: longer ones are cut, and a cut one is as invalid.
 */
export const LONGEST = { namespace: 63, name: 253, container: 70, image: 1024, uid: 64, owner: 254 } as const;

/**
 * The facts of a pod; `undefined` if it is over. All of its images count: containers, init containers and sidecars,
 * ephemeral containers that have not ended, and image volumes. A pod that is being deleted still runs.
 */
export function podFacts(pod: Pod): PodFacts | undefined {
  const { metadata, spec, status } = pod;
  if (OVER.has(status?.phase ?? '')) return undefined;
  const owner = controllerIn(metadata);
  return {
    namespace: cut(metadata?.namespace, LONGEST.namespace),
    name: cut(metadata?.name, LONGEST.name),
    ...createdAt(metadata),
    ...(spec?.nodeName && { node: cut(spec.nodeName, LONGEST.name) }),
    ...(owner && { owner: { ...cutOwner(owner), uid: cut(owner.uid, LONGEST.uid) } }),
    containers: [
      ...containersOf(spec?.containers, status?.containerStatuses),
      ...containersOf(spec?.initContainers, status?.initContainerStatuses),
      ...liveEphemeral(spec?.ephemeralContainers, status?.ephemeralContainerStatuses),
      ...imageVolumes(pod),
    ],
  };
}

/** Hostile text must not fill the memory, so the facts hold no longer one. */
export const cut = (text: Maybe<string>, most: number): string => (typeof text === 'string' ? cutText(text, most) : '');

export const cutOwner = ({ group, kind, name }: KubernetesOwner): KubernetesOwner => ({
  group: cut(group, LONGEST.owner),
  kind: cut(kind, LONGEST.owner),
  name: cut(name, LONGEST.owner),
});

/** A ReplicaSet or Job that has a controller itself. */
export interface OwnedFacts {
  readonly uid: string;
  /** Absent if the API server does not say it. */
  readonly createdAtEpochMs?: number;
  readonly owner: KubernetesOwner;
  /** Of the owner. */
  readonly ownerUid?: string;
  /** Of a ReplicaSet of a Deployment; absent if a rollback used it again, which gives it a new one. */
  readonly revision?: number;
}

/** https://kubernetes.io/docs/reference/labels-annotations-taints/ */
const REVISION = 'deployment.kubernetes.io/revision';

export function ownedFacts(metadata: Maybe<ObjectMetadata>): OwnedFacts | undefined {
  const owner = controllerIn(metadata);
  if (!owner || !metadata?.uid) return undefined;
  return {
    uid: cut(metadata.uid, LONGEST.uid),
    ...createdAt(metadata),
    owner: cutOwner(owner),
    ...(owner.uid !== '' && { ownerUid: cut(owner.uid, LONGEST.uid) }),
    ...revisionIn(metadata.annotations ?? {}),
  };
}

function revisionIn(annotations: Readonly<Record<string, string>>): { readonly revision?: number } {
  const revision = Number(annotations[REVISION]);
  const isUsedAgain = annotations[`${REVISION}-history`] !== undefined;
  return Number.isSafeInteger(revision) && !isUsedAgain ? { revision } : {};
}

function createdAt(metadata: Maybe<ObjectMetadata>): { readonly createdAtEpochMs?: number } {
  const createdAtEpochMs = Date.parse(metadata?.creationTimestamp ?? '');
  return Number.isFinite(createdAtEpochMs) ? { createdAtEpochMs } : {};
}

/**
 * When Deployments began to name what their ReplicaSets start, at the earliest: a change of anything else makes another ReplicaSet
 * with the same images, so the first one since the last reading counts. One of before may have been scaled up again at any time.
 * A Deployment deletes old ReplicaSets (`revisionHistoryLimit`), so the first that is left counts only if it is the very first, or
 * follows one of before. Jobs have no revision, and are deleted when they are over: they say nothing.
 */
export class NamedSince {
  readonly #afterEpochMs: number;
  readonly #owned = new Map<string, string>();
  readonly #first = new Map<string, Pick<OwnedFacts, 'revision'> & { readonly createdAtEpochMs: number }>();
  /** Revisions of before, each with its Deployment. */
  readonly #before = new Set<string>();

  constructor(afterEpochMs = Number.POSITIVE_INFINITY) {
    this.#afterEpochMs = afterEpochMs;
  }

  add({ uid, createdAtEpochMs = 0, ownerUid, ...known }: OwnedFacts): void {
    if (ownerUid === undefined) return;
    if (createdAtEpochMs <= this.#afterEpochMs) {
      this.#before.add(`${ownerUid} ${known.revision}`);
      return;
    }
    this.#owned.set(uid, ownerUid);
    const first = this.#first.get(ownerUid);
    if (!first || createdAtEpochMs < first.createdAtEpochMs) this.#first.set(ownerUid, { ...known, createdAtEpochMs });
  }

  /** Of a ReplicaSet; absent for one of before, and where an earlier one may be gone. */
  of(uid: string): number | undefined {
    return this.ofDeployment(this.#owned.get(uid) ?? '');
  }

  /** Of what a Deployment names now, also without a pod: its controller makes a ReplicaSet of no pods, too. */
  ofDeployment(ownerUid: string): number | undefined {
    const { createdAtEpochMs, revision } = this.#first.get(ownerUid) ?? {};
    if (revision === undefined) return undefined;
    return revision === 1 || this.#before.has(`${ownerUid} ${revision - 1}`) ? createdAtEpochMs : undefined;
  }
}

/** A node whose architecture is known: `amd64`, `arm64`. */
export interface NodeFacts {
  readonly name: string;
  readonly architecture: string;
}

export function nodeFacts(metadata: Maybe<ObjectMetadata>): NodeFacts | undefined {
  const architecture = metadata?.labels?.['kubernetes.io/arch'];
  if (!metadata?.name || !architecture) return undefined;
  return { name: cut(metadata.name, LONGEST.name), architecture: cut(architecture, LONGEST.uid) };
}

/** A pod as a task of its workload. */
export function podTask(pod: PodFacts, objects: ClusterObjects): RunningTask {
  const top = pod.owner && (objects.controllerOf(pod.owner.uid) ?? pod.owner);
  const architecture = pod.node === undefined ? undefined : objects.architectureOf(pod.node);
  // The age of a pod says nothing: another one may have run its image before.
  const notBeforeEpochMs = pod.owner && objects.namedFrom(pod.owner.uid);
  return {
    ...kubernetesWorkload(pod.namespace, pod.name, top),
    ...(architecture !== undefined && { architecture }),
    ...(pod.createdAtEpochMs !== undefined && { createdAtEpochMs: pod.createdAtEpochMs }),
    ...(notBeforeEpochMs !== undefined && { notBeforeEpochMs }),
    containers: pod.containers,
  };
}

/** The containers of a pod that does not exist yet. */
export const templateContainers = (spec: Maybe<PodSpecification>): RunningContainer[] => [
  ...containersOf(spec?.containers, []),
  ...containersOf(spec?.initContainers, []),
  ...imageVolumes({ ...(spec && { spec }) }),
];

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
  return {
    name: cut(name, LONGEST.container),
    ...(typeof image === 'string' && { image: cut(image, LONGEST.image) }),
    ...(digest !== undefined && { digest }),
  };
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
