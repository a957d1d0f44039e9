import {
  controllerIn,
  cut,
  cutOwner,
  LONGEST,
  type ObjectMetadata,
  type PodSpecification,
  templateContainers,
} from './kubernetes-pod.ts';
import type { RunningContainer, RunningTask } from './usage.ts';
import { type KubernetesOwner, kubernetesWorkload, type WorkloadKind } from './workload-kind.ts';

/*
 * Templates of a Kubernetes cluster that may start pods without a deployment, although no pod of them exists now. Every field
 * may be missing or `null`. https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/
 */

interface PodTemplate {
  readonly spec?: PodSpecification | null;
}

interface Condition {
  readonly type?: unknown;
  readonly status?: unknown;
}

/** An object that has a pod template. */
export interface TemplateObject {
  readonly metadata?: ObjectMetadata | null;
  readonly spec?: {
    readonly replicas?: number | null;
    readonly template?: PodTemplate | null;
    readonly jobTemplate?: { readonly spec?: { readonly template?: PodTemplate | null } | null } | null;
    readonly jobTargetRef?: { readonly template?: PodTemplate | null } | null;
  } | null;
  readonly status?: {
    readonly replicas?: number | null;
    readonly currentNumberScheduled?: number | null;
    readonly active?: number | null;
    readonly conditions?: readonly (Condition | null)[] | null;
  } | null;
}

/** A workload that may start, and the images of its template. */
export interface TemplateFacts {
  readonly namespace: string;
  readonly name: string;
  /** The controller of a Job: what it starts belongs to that, as the pods of its Jobs do. */
  readonly owner?: KubernetesOwner;
  /** Of a Deployment: its ReplicaSets say since when it names its images. */
  readonly uid?: string;
  readonly containers: readonly RunningContainer[];
}

interface TemplateTraits {
  /** Group and kind of the objects. */
  readonly object: Pick<KubernetesOwner, 'group' | 'kind'>;
  /** As rules of RBAC name the objects. */
  readonly resource: string;
  readonly templateIn: (object: TemplateObject) => PodTemplate | null | undefined;
  /** Whether it may start although none of its pods runs. */
  readonly mayStart: (object: TemplateObject) => boolean;
}

const hasNoPod = ({ spec, status }: TemplateObject): boolean => spec?.replicas === 0 || !status?.replicas;
const ofSpec = ({ spec }: TemplateObject) => spec?.template;

/**
 * Every list with templates that may start. A workload with pods is left out: its pods say more. The ReplicaSets of old revisions
 * are left out, too: what ran within the grace of the doors is known from its usages. A ScaledObject of KEDA has no template: it
 * names a workload, which is read anyway.
 */
const TEMPLATES = {
  deployments: {
    object: { group: 'apps', kind: 'Deployment' },
    resource: 'deployments',
    templateIn: ofSpec,
    mayStart: hasNoPod,
  },
  statefulsets: {
    object: { group: 'apps', kind: 'StatefulSet' },
    resource: 'statefulsets',
    templateIn: ofSpec,
    mayStart: hasNoPod,
  },
  // A DaemonSet without a node starts its pods with the first node that fits.
  daemonsets: {
    object: { group: 'apps', kind: 'DaemonSet' },
    resource: 'daemonsets',
    templateIn: ofSpec,
    mayStart: ({ status }) => !status?.currentNumberScheduled,
  },
  cronjobs: {
    object: { group: 'batch', kind: 'CronJob' },
    resource: 'cronjobs',
    templateIn: ({ spec }) => spec?.jobTemplate?.spec?.template,
    // Also a suspended one: a person starts it with `kubectl create job --from`.
    mayStart: () => true,
  },
  // Suspended, or without a pod yet.
  'waiting-jobs': {
    object: { group: 'batch', kind: 'Job' },
    resource: 'jobs',
    templateIn: ofSpec,
    mayStart: (job) => !job.status?.active && !isFinished(job),
  },
  scaledjobs: {
    object: { group: 'keda.sh', kind: 'ScaledJob' },
    resource: 'scaledjobs',
    templateIn: ({ spec }) => spec?.jobTargetRef?.template,
    mayStart: () => true,
  },
} as const satisfies Readonly<Record<string, TemplateTraits>>;

export type TemplateList = keyof typeof TEMPLATES;
export const TEMPLATE_LISTS = Object.keys(TEMPLATES) as readonly TemplateList[];

export const isTemplateList = (list: string): list is TemplateList => Object.hasOwn(TEMPLATES, list);

/** As rules of RBAC name the objects of a list. */
export const resourceOf = (list: TemplateList): string => TEMPLATES[list].resource;

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/#JobStatus */
export const isFinished = ({ status }: Pick<TemplateObject, 'status'>): boolean => {
  const conditions: unknown = status?.conditions;
  return (
    Array.isArray(conditions) &&
    conditions.some((one: Condition | null) => /^(Complete|Failed)$/.test(String(one?.type)) && one?.status === 'True')
  );
};

/** `undefined` if its pods are known, none of it starts again, or it names no image. */
export function templateFacts(list: TemplateList, object: TemplateObject): TemplateFacts | undefined {
  const { templateIn, mayStart }: TemplateTraits = TEMPLATES[list];
  const { metadata } = object;
  const containers = mayStart(object) ? templateContainers(templateIn(object)?.spec) : [];
  if (containers.length === 0) return undefined;
  const owner = list === 'waiting-jobs' ? controllerIn(metadata) : undefined;
  return {
    namespace: cut(metadata?.namespace, LONGEST.namespace),
    name: cut(metadata?.name, LONGEST.name),
    ...(owner && { owner: cutOwner(owner) }),
    ...(list === 'deployments' && metadata?.uid && { uid: cut(metadata.uid, LONGEST.uid) }),
    containers,
  };
}

/**
 * A template as a task that may start. Its architecture is known once a node is.
 * @param notBeforeEpochMs as in `RunningTask`
 */
export const possibleTask = (
  list: TemplateList,
  { namespace, name, owner, containers }: TemplateFacts,
  notBeforeEpochMs?: number,
): RunningTask => ({
  ...kubernetesWorkload(namespace, name, owner ?? { ...TEMPLATES[list].object, name }),
  ...(notBeforeEpochMs !== undefined && { notBeforeEpochMs }),
  isPossible: true,
  containers,
});

/** The lists that may show a possible usage of Kubernetes again: that of its kind, and that of Jobs, which anything may own. */
export const templateListsShowing = (workloadKind: WorkloadKind): readonly TemplateList[] =>
  TEMPLATE_LISTS.filter(
    (list) =>
      list === 'waiting-jobs' ||
      kubernetesWorkload('', '', { ...TEMPLATES[list].object, name: 'any' }).workloadKind === workloadKind,
  );
