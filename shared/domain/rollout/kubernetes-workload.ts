import { shortHash } from '../cause/rebuild.ts';
import { canonicalJson } from '../common/canonical-json.ts';
import { HOUR_MS, MINUTE_MS } from '../common/time.ts';
import { controllerIn, type ObjectMetadata } from '../image/kubernetes-pod.ts';
import type { KubernetesService } from '../image/workload-kind.ts';
import type { SeenDeployment } from './deployment.ts';

/*
 * A Deployment, StatefulSet or DaemonSet as the Kubernetes API returns it. Every field may be missing, because the
 * document is data of the cluster. https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/
 */

/** The annotation of a pod template that names the cascade which changed it. A restart changes nothing else. */
export const RESTART_ANNOTATION = 'patchwave.dev/cascade';

/** Annotations of a pod template that only restart its pods. `kubectl rollout restart` and Argo CD write the first. */
const RESTART_ANNOTATIONS: readonly string[] = ['kubectl.kubernetes.io/restartedAt', RESTART_ANNOTATION];

type Texts = Readonly<Record<string, string>>;

interface TemplateContainer {
  readonly name?: string;
  readonly image?: string;
  readonly imagePullPolicy?: string;
}

interface PodTemplate {
  readonly metadata?: { readonly labels?: Texts; readonly annotations?: Texts };
  readonly spec?: {
    readonly containers?: readonly TemplateContainer[];
    readonly initContainers?: readonly TemplateContainer[];
    readonly volumes?: readonly {
      readonly name?: string;
      readonly image?: { readonly reference?: string; readonly pullPolicy?: string };
    }[];
  };
}

interface Condition {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface WorkloadMetadata extends ObjectMetadata {
  readonly generation?: number;
  /** Its deletion was asked for. It stays until each of its finalizers is removed. */
  readonly deletionTimestamp?: string;
  readonly annotations?: Texts;
  readonly managedFields?: readonly { readonly manager?: string }[];
}

export interface KubernetesWorkload {
  readonly metadata?: WorkloadMetadata;
  readonly spec?: {
    /** 1 if it is absent; a DaemonSet has none. */
    readonly replicas?: number;
    readonly paused?: boolean;
    readonly minReadySeconds?: number;
    readonly selector?: { readonly matchLabels?: Texts };
    readonly template?: PodTemplate;
    readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly currentRevision?: string;
    readonly updateRevision?: string;
    readonly desiredNumberScheduled?: number;
    readonly updatedNumberScheduled?: number;
    readonly numberAvailable?: number;
    readonly conditions?: readonly Condition[];
  };
}

/** An image that a pod template names. */
export interface TemplateImage {
  /** Of the container or init container; `volume:<name>` for an image volume. */
  readonly name: string;
  readonly image: string;
  /** `Always`, `IfNotPresent`, `Never`. */
  readonly pullPolicy: string;
  /** The JSON pointer of the reference in the workload. */
  readonly path: string;
}

/** Every image of the pod template of a workload. Pods may have more containers: ephemeral ones, and those of webhooks. */
export function templateImages({ spec: { template } = {} }: KubernetesWorkload): readonly TemplateImage[] {
  const { containers = [], initContainers = [], volumes = [] } = template?.spec ?? {};
  const inList = (list: string, all: readonly TemplateContainer[]) =>
    all.map(({ name = '', image = '', imagePullPolicy = defaultPullPolicy(image) }, at) => ({
      ...{ name, image, pullPolicy: imagePullPolicy },
      path: `/spec/template/spec/${list}/${at}/image`,
    }));
  return [
    ...inList('containers', containers),
    ...inList('initContainers', initContainers),
    ...volumes.flatMap(({ name = '', image }, at) => {
      if (!image) return [];
      const { reference = '', pullPolicy = defaultPullPolicy(reference) } = image;
      const path = `/spec/template/spec/volumes/${at}/image/reference`;
      return [{ name: `volume:${name}`, image: reference, pullPolicy, path }];
    }),
  ];
}

/** https://kubernetes.io/docs/concepts/containers/images/#imagepullpolicy-defaulting */
const defaultPullPolicy = (image: string): string => {
  const [, tag] = /^[^@]*?(?::([\w.-]+))?$/.exec(image) ?? [undefined, 'none'];
  return tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent';
};

/** The controller of Deployments gives this label a value of its own in each ReplicaSet. */
const HASH_LABEL = 'pod-template-hash';

/** Names one version of a pod template: two templates of one name are equal. */
export const templateId = ({ spec: { template = {} } = {} }: KubernetesWorkload): string =>
  `template-${shortHash(canonicalJson(withoutNulls(withoutHash(template))))}`;

/** Names what a pod template deploys: a restart keeps it. */
export function revisionId({ spec: { template = {} } = {} }: KubernetesWorkload): string {
  const { annotations = {}, ...metadata } = withoutHash(template).metadata ?? {};
  const kept = Object.entries(annotations).filter(([name]) => !RESTART_ANNOTATIONS.includes(name));
  const lasting = { ...metadata, ...(kept.length > 0 && { annotations: Object.fromEntries(kept) }) };
  return `revision-${shortHash(canonicalJson(withoutNulls({ ...template, metadata: lasting })))}`;
}

function withoutHash(template: PodTemplate): PodTemplate {
  const { metadata: { labels, ...metadata } = {} } = template;
  if (!labels || !(HASH_LABEL in labels)) return template;
  const { [HASH_LABEL]: _, ...others } = labels;
  return { ...template, metadata: { ...metadata, labels: others } };
}

/** Some versions of the API server write absent fields as `null`. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const present = Object.entries(value).filter(([, one]) => one !== null && one !== undefined);
  return Object.fromEntries(present.map(([name, one]) => [name, withoutNulls(one)]));
}

/** The cascade that changed the template last. */
export const changedBy = ({ spec: { template } = {} }: KubernetesWorkload): string | undefined =>
  template?.metadata?.annotations?.[RESTART_ANNOTATION];

/** Whether the controller has seen the present template. */
export const isObserved = ({ metadata = {}, status = {} }: KubernetesWorkload): boolean =>
  (status.observedGeneration ?? 0) >= (metadata.generation ?? 0);

type Progress = Pick<SeenDeployment, 'state' | 'detail' | 'unavailable' | 'isReplaced' | 'isUnobserved'>;

/**
 * How far the rollout of the present template is, as `kubectl rollout status` decides it. Only a Deployment has a deadline
 * of its own, `progressDeadlineSeconds`; no workload goes back to its earlier template by itself.
 */
export function progressOf(kind: KubernetesService['kind'], workload: KubernetesWorkload): Progress {
  const pods = podCounts(kind, workload);
  const unavailable = Math.max(0, pods.wanted - pods.available);
  if (!isObserved(workload)) return { state: 'in-progress', isUnobserved: true, unavailable };
  const state = rolloutState(kind, workload, pods);
  return {
    ...{ ...state, unavailable },
    ...(pods.updated >= pods.wanted && pods.old <= 0 && { isReplaced: true }),
  };
}

/** The pods of a workload, as its controller counts them. */
interface PodCounts {
  readonly wanted: number;
  readonly updated: number;
  readonly available: number;
  /** Known of a Deployment only, whose old pods may run beside all of the new ones. */
  readonly old: number;
}

function podCounts(kind: KubernetesService['kind'], { spec = {}, status = {} }: KubernetesWorkload): PodCounts {
  const { replicas: wanted = 1 } = spec;
  const { replicas = 0, updatedReplicas: updated = 0, readyReplicas = 0, availableReplicas } = status;
  switch (kind) {
    case 'Deployment':
      return { wanted, updated, available: availableReplicas ?? 0, old: replicas - updated };
    case 'StatefulSet':
      return { wanted, updated, available: availableReplicas ?? readyReplicas, old: 0 };
    case 'DaemonSet': {
      const { desiredNumberScheduled = 0, updatedNumberScheduled = 0, numberAvailable = 0 } = status;
      return { wanted: desiredNumberScheduled, updated: updatedNumberScheduled, available: numberAvailable, old: 0 };
    }
  }
}

function rolloutState(
  kind: KubernetesService['kind'],
  workload: KubernetesWorkload,
  pods: PodCounts,
): Pick<Progress, 'state' | 'detail'> {
  if (kind === 'Deployment') return deploymentState(workload, pods);
  const { currentRevision, updateRevision } = workload.status ?? {};
  const isEnded = kind === 'DaemonSet' || currentRevision === undefined || currentRevision === updateRevision;
  return areAllNew(pods) && isEnded ? { state: 'completed' } : { state: 'in-progress', detail: counts(pods) };
}

function deploymentState(
  { spec = {}, status = {} }: KubernetesWorkload,
  pods: PodCounts,
): Pick<Progress, 'state' | 'detail'> {
  const { conditions = [] } = status;
  const progressing = conditions.find(({ type }) => type === 'Progressing');
  if (progressing?.status === 'False' && progressing.reason === 'ProgressDeadlineExceeded')
    return { state: 'failed', detail: `ProgressDeadlineExceeded: ${progressing.message ?? 'no message'}` };
  // Its controller ends a rollout once: a pod that fails later, or that an autoscaler adds, begins no other one. The reason
  // may be that of the rollout before until the first new pod is there.
  const hasEnded = progressing?.reason === 'NewReplicaSetAvailable' && pods.updated > 0 && pods.old <= 0;
  if (hasEnded || areAllNew(pods)) return { state: 'completed' };
  if (spec.paused) return { state: 'in-progress', detail: 'somebody paused it (spec.paused)' };
  const failure = conditions.find(({ type, status: is }) => type === 'ReplicaFailure' && is === 'True');
  return { state: 'in-progress', detail: failure?.message ?? counts(pods) };
}

const areAllNew = ({ wanted, updated, available, old }: PodCounts): boolean =>
  updated >= wanted && old <= 0 && available >= Math.max(updated, wanted);

const counts = ({ updated, wanted, available }: PodCounts): string =>
  `${updated} of ${wanted} pods have the new template, ${available} are available`;

/** A slow pod: it is pulled, starts, and becomes ready within this time. */
const SLOW_POD_MS = MINUTE_MS;

/** The number of pods is data of the cluster, and a rollout without an end would keep others of its cascade from starting. */
const LONGEST_MS = 6 * HOUR_MS;

/**
 * How much longer than a usual deployment the rollout may take. Pods of a StatefulSet and a DaemonSet are replaced one
 * after the other; those of a Deployment in groups, each of which waits `minReadySeconds`.
 */
export function longerMs(kind: KubernetesService['kind'], { spec = {}, status = {} }: KubernetesWorkload): number {
  const readyMs = (spec.minReadySeconds ?? 0) * 1000;
  if (kind === 'Deployment') return Math.min(readyMs * (spec.replicas ?? 1), LONGEST_MS);
  const pods = kind === 'DaemonSet' ? (status.desiredNumberScheduled ?? 0) : (spec.replicas ?? 1);
  return Math.min(pods * (readyMs + SLOW_POD_MS), LONGEST_MS);
}

/** Why a workload cannot be deployed now. */
export interface WorkloadObstacle {
  /** `<reason>: <what its owner can do>`. */
  readonly detail: string;
  /** Only a new image is impossible, not a restart. */
  readonly onlyNewImages?: true;
}

export function obstaclesOf(
  kind: KubernetesService['kind'],
  workload: KubernetesWorkload,
): readonly WorkloadObstacle[] {
  const { metadata = {}, spec = {}, status = {} } = workload;
  const name = `${kind} ${metadata.namespace}/${metadata.name}`;
  const found: WorkloadObstacle[] = [];
  if (metadata.deletionTimestamp !== undefined)
    found.push({
      detail: `being-deleted: ${name} is being deleted, so its pods are not replaced. If it stays, remove its finalizers. If somebody creates it again, the next review plans the deployment again.`,
    });
  const owner = controllerIn(metadata);
  if (owner)
    found.push({
      detail: `managed-by-owner: ${name} is controlled by ${owner.kind} ${owner.name} (${owner.group}), whose controller may undo changes. Deploy the image through that object, or ask its owner.`,
    });
  const manager = managerOf(kind, metadata);
  if (manager !== undefined)
    found.push({
      detail: `managed-by-gitops: ${manager} manages ${name} and would set its image back. Change the image there, or ask its owner. With a moving tag and \`rollout: restart\` Patchwave can restart it.`,
      onlyNewImages: true,
    });
  const { type, rollingUpdate } = spec.updateStrategy ?? {};
  if (type === 'OnDelete')
    found.push({
      detail: `on-delete: ${name} has the update strategy OnDelete, so its pods stay until somebody deletes them. Deploy it yourself and delete its pods, or set the strategy to RollingUpdate.`,
    });
  const partition = rollingUpdate?.partition ?? 0;
  if (kind === 'StatefulSet' && partition > 0)
    found.push({
      detail: `partitioned: ${name} keeps the old template for its pods below ordinal ${partition} (\`partition\` of its update strategy). Set \`partition\` to 0. The next review plans the deployment again.`,
    });
  if (spec.paused)
    found.push({
      detail: `workload-paused: ${name} is paused (spec.paused), so a new template replaces no pod. Resume it. The next review plans the deployment again.`,
    });
  const isEmpty =
    kind === 'DaemonSet' ? isObserved(workload) && status.desiredNumberScheduled === 0 : spec.replicas === 0;
  if (isEmpty)
    found.push({
      detail: `scaled-to-zero: ${name} wants no pods, so there is nothing to replace. If it runs the old image again, the next review plans the deployment again.`,
    });
  return found;
}

const ARGO = 'argocd.argoproj.io/';
const FLUX = { kustomize: 'kustomize.toolkit.fluxcd.io/', helm: 'helm.toolkit.fluxcd.io/' } as const;
const HELM = 'meta.helm.sh/';

/**
 * The tool that writes a workload from a source of its own, with the name of the application or release.
 * https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/,
 * https://fluxcd.io/flux/components/kustomize/kustomizations/, https://helm.sh/docs/chart_best_practices/labels/
 */
function managerOf(kind: KubernetesService['kind'], metadata: WorkloadMetadata): string | undefined {
  const { labels = {}, annotations = {} } = metadata;
  const application = argoApplication(kind, metadata);
  if (application !== undefined) return `application ${application} of Argo CD`;
  for (const [tool, what] of [
    [FLUX.kustomize, 'Kustomization'],
    [FLUX.helm, 'HelmRelease'],
  ] as const) {
    const name = labels[`${tool}name`];
    if (name !== undefined) return `${what} ${[labels[`${tool}namespace`], name].filter(Boolean).join('/')} of Flux`;
  }
  const release = annotations[`${HELM}release-name`];
  if (release === undefined || labels['app.kubernetes.io/managed-by'] !== 'Helm') return undefined;
  return `release ${[annotations[`${HELM}release-namespace`], release].filter(Boolean).join('/')} of Helm`;
}

/**
 * Argo CD ignores a tracking id that names another object: somebody copied it. Its label for tracking is that of many
 * charts, too, so it counts only beside a sign of Argo CD itself.
 */
function argoApplication(
  kind: KubernetesService['kind'],
  { namespace, name, labels = {}, annotations = {}, managedFields = [] }: WorkloadMetadata,
): string | undefined {
  const id = annotations[`${ARGO}tracking-id`]?.split(':');
  if (id?.length === 3 && id[1] === `apps/${kind}` && id[2] === `${namespace}/${name}`) return id[0];
  const own = labels[`${ARGO}instance`];
  if (own !== undefined) return own;
  const { [`${ARGO}tracking-id`]: _, ...others } = annotations;
  const isArgos =
    Object.keys(others).some((key) => key.startsWith(ARGO)) ||
    managedFields.some(({ manager = '' }) => manager.startsWith('argocd'));
  return isArgos ? labels['app.kubernetes.io/instance'] : undefined;
}

/** https://www.rfc-editor.org/rfc/rfc6902 */
export interface JsonPatchOperation {
  readonly op: 'test' | 'add' | 'replace';
  readonly path: string;
  readonly value: unknown;
}

/**
 * The conditions of every patch: the object is the one that was read, and its `spec` has not changed since. A change of the
 * status leaves the generation as it is.
 */
const unchanged = ({ metadata: { uid, generation } = {} }: KubernetesWorkload): readonly JsonPatchOperation[] => [
  { op: 'test', path: '/metadata/uid', value: uid },
  { op: 'test', path: '/metadata/generation', value: generation },
];

/** Restarts all pods: a new annotation of the template, and no other change. */
export const restartPatch = (workload: KubernetesWorkload, cascadeId: string): readonly JsonPatchOperation[] => [
  ...unchanged(workload),
  ...annotated(workload, cascadeId),
];

function annotated(workload: KubernetesWorkload, cascadeId: string): readonly JsonPatchOperation[] {
  const annotations = '/spec/template/metadata/annotations';
  const { metadata } = workload.spec?.template ?? {};
  return [
    ...(metadata ? [] : [{ op: 'add', path: '/spec/template/metadata', value: {} } as const]),
    ...(metadata?.annotations ? [] : [{ op: 'add', path: annotations, value: {} } as const]),
    { op: 'add', path: `${annotations}/patchwave.dev~1cascade`, value: cascadeId },
  ];
}

/** Names new images for some containers, and the cascade. Empty if the workload names all of them already. */
export function imagePatch(
  workload: KubernetesWorkload,
  images: ReadonlyMap<string, string>,
  cascadeId: string,
): readonly JsonPatchOperation[] {
  const changes = templateImages(workload).flatMap(({ name, image, path }): JsonPatchOperation[] => {
    const value = images.get(name);
    return value === undefined || value === image ? [] : [{ op: 'replace', path, value }];
  });
  return changes.length === 0 ? [] : [...unchanged(workload), ...changes, ...annotated(workload, cascadeId)];
}

/** A ReplicaSet of a Deployment, or a ControllerRevision of another workload. */
export interface KubernetesRevision {
  readonly metadata?: WorkloadMetadata;
  /** Of a ReplicaSet. */
  readonly spec?: { readonly template?: PodTemplate };
  /** Of a ControllerRevision: a patch of its workload. */
  readonly data?: { readonly spec?: { readonly template?: PodTemplate & { readonly $patch?: string } } };
  /** Of a ControllerRevision. */
  readonly revision?: number;
}

const REVISION_ANNOTATION = 'deployment.kubernetes.io/revision';

/**
 * When the rollout of the present template began: its ReplicaSet or ControllerRevision was made. One that was brought back
 * (`kubectl rollout undo`) is older than its rollout. A template without one is of this moment, if the controller has not
 * seen the last change of the workload; that change may also be another one, such as a new number of replicas.
 */
export function rolloutBegunAtEpochMs(
  workload: KubernetesWorkload,
  revisions: readonly KubernetesRevision[],
  nowEpochMs: number,
): number {
  const newestFirst = ownRevisions(workload, revisions);
  const present = newestFirst.find((one) => templateId(workloadAt(one)) === templateId(workload));
  if (!present && !isObserved(workload)) return nowEpochMs;
  return createdAtEpochMs((present ?? newestFirst[0] ?? workload).metadata);
}

/** Templates of Patchwave that another one replaced, newest first, as far as the workload keeps its revisions. */
export function earlierChanges(
  workload: KubernetesWorkload,
  revisions: readonly KubernetesRevision[],
): readonly SeenDeployment[] {
  return ownRevisions(workload, revisions).flatMap((revision): SeenDeployment[] => {
    const kept = workloadAt(revision);
    const [cascadeId, deploymentId] = [changedBy(kept), templateId(kept)];
    if (cascadeId === undefined || deploymentId === templateId(workload)) return [];
    const replaced = { isPrimary: false, state: 'stopped', taskDefinition: revisionId(kept) } as const;
    return [{ ...replaced, deploymentId, cascadeId, createdAtEpochMs: createdAtEpochMs(revision.metadata) }];
  });
}

function ownRevisions(
  { metadata: { uid } = {} }: KubernetesWorkload,
  revisions: readonly KubernetesRevision[],
): readonly KubernetesRevision[] {
  const own = revisions.filter(({ metadata = {} }) => uid !== undefined && controllerIn(metadata)?.uid === uid);
  return own.toSorted((one, other) => revisionOf(other) - revisionOf(one));
}

function createdAtEpochMs({ creationTimestamp = '' }: WorkloadMetadata = {}): number {
  const created = Date.parse(creationTimestamp);
  return Number.isNaN(created) ? 0 : created;
}

/** The workload as a revision keeps it. */
function workloadAt({ spec, data }: KubernetesRevision): KubernetesWorkload {
  const { $patch: _, ...template } = { $patch: undefined, ...(spec?.template ?? data?.spec?.template) };
  return { spec: { template } };
}

const revisionOf = ({ metadata: { annotations = {} } = {}, revision }: KubernetesRevision): number =>
  revision ?? (Number(annotations[REVISION_ANNOTATION]) || 0);
