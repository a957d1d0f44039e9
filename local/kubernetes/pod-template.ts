import { createHash } from 'node:crypto';
import { canonicalJson } from '../../shared/domain/common/canonical-json.ts';
import { controllerOf, type JsonDocument, type KubernetesObject } from './objects.ts';

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy?: string;
  /** `Always` in an init container makes it a sidecar, which goes on running. */
  readonly restartPolicy?: string;
}

export interface PodSpec {
  readonly containers: readonly ContainerSpec[];
  readonly initContainers?: readonly ContainerSpec[];
  readonly nodeName?: string;
  readonly nodeSelector?: Readonly<Record<string, string>>;
}

export interface PodTemplate {
  readonly metadata?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: PodSpec;
}

/** How old pods give way to new ones. A limit is a number of pods or a share of all, such as `25%`. */
export interface UpdateStrategy {
  readonly type?: string;
  readonly rollingUpdate?: {
    readonly maxSurge?: number | string;
    readonly maxUnavailable?: number | string;
    /** Of a StatefulSet: the pods below this ordinal stay. */
    readonly partition?: number;
  };
}

/** The `spec` of what runs pods. */
export interface WorkloadSpec {
  readonly replicas?: number;
  readonly parallelism?: number;
  /** Of a Job. */
  readonly suspend?: boolean;
  readonly paused?: boolean;
  readonly progressDeadlineSeconds?: number;
  readonly minReadySeconds?: number;
  /** Of a Deployment. */
  readonly strategy?: UpdateStrategy;
  /** Of a StatefulSet or DaemonSet. */
  readonly updateStrategy?: UpdateStrategy;
  readonly template: PodTemplate;
}

/** The label that tells the pods of one version of a template from those of another. */
export const HASH_LABEL = 'pod-template-hash';

/**
 * On a workload: the instant at which its first pods started, so that a fleet can have a past. kube-apiserver has no such
 * thing, and no client may read it.
 */
export const STARTED_AT = 'local.patchwave.dev/started-at';

export const workloadSpecOf = ({ spec }: KubernetesObject): WorkloadSpec => spec as unknown as WorkloadSpec;
export const podSpecOf = ({ spec }: KubernetesObject): PodSpec => spec as unknown as PodSpec;

/** Ten letters and digits that only an equal template has. */
export const hashOf = (template: PodTemplate): string =>
  createHash('sha256').update(canonicalJson(template)).digest('hex').slice(0, 10);

/** A pod by a template, owned by what runs it, on a node. */
export function podOf(
  owner: KubernetesObject,
  template: PodTemplate,
  name: string,
  nodeName: string,
): KubernetesObject {
  const { labels = {}, annotations } = template.metadata ?? {};
  const startedAt = owner.metadata.annotations?.[STARTED_AT];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      ...(owner.metadata.namespace !== undefined && { namespace: owner.metadata.namespace }),
      labels,
      ...((annotations !== undefined || startedAt !== undefined) && {
        annotations: { ...annotations, ...(startedAt !== undefined && { [STARTED_AT]: startedAt }) },
      }),
      ownerReferences: [controllerOf(owner)],
    },
    spec: { ...template.spec, nodeName } as unknown as JsonDocument,
  };
}
