/**
 * What the API server adds to a workload that leaves it out, and what it leaves out of a status: counts of 0, where the
 * Go type has `omitempty`. https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/
 */

import { type ApiResource, isObject, type JsonDocument, type KubernetesObject, RESOURCES } from './objects.ts';

/** Counts that are never left out, by kind. Every other count of 0 is. */
const ALWAYS_THERE: Readonly<Record<string, readonly string[]>> = {
  Deployment: [],
  ReplicaSet: ['replicas'],
  StatefulSet: ['replicas', 'availableReplicas'],
  DaemonSet: ['currentNumberScheduled', 'numberMisscheduled', 'desiredNumberScheduled', 'numberReady'],
};

const ROLLING = 'RollingUpdate';

export function withDefaults(resource: ApiResource, object: KubernetesObject): KubernetesObject {
  const { spec, status } = object;
  const always = ALWAYS_THERE[resource.kind];
  return {
    ...object,
    ...(spec !== undefined && { spec: specWithDefaults(resource, spec) }),
    ...(status !== undefined && always !== undefined && { status: withoutZeros(status, always) }),
  };
}

function specWithDefaults(resource: ApiResource, spec: JsonDocument): JsonDocument {
  const withTemplate = isObject(spec.template) ? { ...spec, template: templateWithDefaults(spec.template) } : spec;
  switch (resource) {
    case RESOURCES.deployments:
      return {
        ...{ replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 },
        ...withTemplate,
        strategy: strategyOf(spec.strategy, { maxUnavailable: '25%', maxSurge: '25%' }),
      };
    case RESOURCES.statefulSets:
      return {
        ...{ replicas: 1, revisionHistoryLimit: 10, podManagementPolicy: 'OrderedReady' },
        ...withTemplate,
        updateStrategy: strategyOf(spec.updateStrategy, { partition: 0 }),
      };
    case RESOURCES.daemonSets:
      return {
        revisionHistoryLimit: 10,
        ...withTemplate,
        updateStrategy: strategyOf(spec.updateStrategy, { maxUnavailable: 1, maxSurge: 0 }),
      };
    case RESOURCES.replicaSets:
      return { replicas: 1, ...withTemplate };
    case RESOURCES.pods:
      return podSpecWithDefaults(spec);
    default:
      return withTemplate;
  }
}

function strategyOf(given: unknown, rolling: JsonDocument): JsonDocument {
  const strategy = isObject(given) ? given : {};
  const type = strategy.type ?? ROLLING;
  if (type !== ROLLING) return { ...strategy, type };
  return {
    ...strategy,
    type,
    rollingUpdate: { ...rolling, ...(isObject(strategy.rollingUpdate) && strategy.rollingUpdate) },
  };
}

const templateWithDefaults = (template: JsonDocument): JsonDocument =>
  isObject(template.spec) ? { ...template, spec: podSpecWithDefaults(template.spec) } : template;

function podSpecWithDefaults(spec: JsonDocument): JsonDocument {
  const containers = (list: unknown): unknown => (Array.isArray(list) ? list.map(containerWithDefaults) : list);
  return {
    restartPolicy: 'Always',
    ...spec,
    ...(spec.containers !== undefined && { containers: containers(spec.containers) }),
    ...(spec.initContainers !== undefined && { initContainers: containers(spec.initContainers) }),
  };
}

/** https://kubernetes.io/docs/concepts/containers/images/#imagepullpolicy-defaulting */
function containerWithDefaults(container: unknown): unknown {
  if (!isObject(container) || typeof container.image !== 'string') return container;
  const [name = '', digest] = container.image.split('@');
  const tag = /:([^/:]+)$/.exec(name)?.[1];
  const isLatest = tag === 'latest' || (tag === undefined && digest === undefined);
  return { imagePullPolicy: isLatest ? 'Always' : 'IfNotPresent', ...container };
}

const withoutZeros = (status: JsonDocument, always: readonly string[]): JsonDocument =>
  Object.fromEntries(Object.entries(status).filter(([name, value]) => value !== 0 || always.includes(name)));
