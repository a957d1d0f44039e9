import * as v from '../../shared/schema.ts';
import { account, daysAgo, handle, region, repositoryName, tag } from './schema-parts.ts';

/** Kubernetes clusters of a fleet file, and what runs on them. */

export const objectName = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must have only lower-case letters, digits and "-"'),
);
const clusterName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/, 'must be a cluster name that EKS allows'),
);
const architecture = v.picklist(['amd64', 'arm64']);

const nodeSchema = v.strictObject({ name: objectName, architecture: v.optional(architecture, 'amd64') });

const clusterAccess = v.picklist(['granted', 'no-role', 'no-entry']);

export const kubernetesClusterSchema = v.strictObject({
  account,
  region,
  name: clusterName,
  status: v.optional(
    v.pipe(v.picklist(['ACTIVE', 'CREATING']), v.description('the status of the EKS cluster')),
    'ACTIVE',
  ),
  endpoint: v.optional(
    v.pipe(
      v.picklist(['public', 'private']),
      v.description(
        'private: the endpoint accepts connections from its own VPC only, so Patchwave cannot connect without `inventoryInVpc`',
      ),
    ),
    'public',
  ),
  inventoryInVpc: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'the VPC of the cluster has the function of member-vpc.yaml, with an access entry; all clusters of an account and Region are in one VPC',
      ),
    ),
    false,
  ),
  access: v.optional(
    v.pipe(
      clusterAccess,
      v.description(
        'the access of the read role. no-entry: the cluster has no access entry for the role. no-role: there is an access entry, but no ClusterRole',
      ),
    ),
    'granted',
  ),
  rolloutAccess: v.optional(
    v.pipe(
      clusterAccess,
      v.description(
        'the access of the rollout role, with the values of `access`; only a fleet with pipelines has this role',
      ),
    ),
    'granted',
  ),
  podStartSeconds: v.optional(
    v.pipe(
      v.number(),
      v.minValue(0),
      v.description('how long the containers of a new pod take to start, once the fleet runs'),
    ),
    0,
  ),
  nodes: v.optional(v.pipe(v.array(nodeSchema), v.minLength(1)), [{ name: 'node-1' }]),
});

const imagePullPolicy = v.optional(
  v.pipe(
    v.picklist(['Always', 'IfNotPresent', 'Never']),
    v.description('if absent, as Kubernetes: Always for the tag latest, else IfNotPresent'),
  ),
);

const kubernetesContainerSchema = v.union([
  v.strictObject({
    name: objectName,
    imagePullPolicy,
    image: handle,
    reference: v.optional(v.picklist(['tag', 'digest']), 'tag'),
    tag: v.optional(v.pipe(tag, v.description('if absent, the first tag of the image in that repository'))),
    from: v.optional(
      v.pipe(
        v.strictObject({ account, region, repository: repositoryName }),
        v.description('the repository to pull from: that of a copy; if absent, that of the original'),
      ),
    ),
  }),
  v.strictObject({
    name: objectName,
    imagePullPolicy,
    external: v.pipe(v.text(), v.description('a reference to a registry that is not in this file')),
  }),
]);

export const kubernetesWorkloadSchema = v.strictObject({
  account,
  region,
  cluster: v.string(),
  namespace: v.optional(objectName, 'default'),
  name: objectName,
  kind: v.pipe(
    v.picklist(['deployment', 'statefulset', 'daemonset', 'job', 'cronjob', 'scaledjob', 'rollout', 'pod']),
    v.description(
      'rollout: a Rollout of Argo Rollouts, which owns a ReplicaSet. cronjob: a CronJob with one running Job. scaledjob: a ScaledJob of KEDA without a Job',
    ),
  ),
  replicas: v.optional(
    v.pipe(
      v.integer(),
      v.minValue(0),
      v.description(
        'the number of pods; a daemonset always has one for each node, and a pod is always one. 0: a deployment or statefulset at zero, or a cronjob between two runs; a scaledjob always has 0',
      ),
    ),
    1,
  ),
  architecture: v.optional(architecture, 'amd64'),
  startedDaysAgo: v.optional(
    v.pipe(daysAgo, v.description('when the pods started: decides which image a moving tag named then')),
    0,
  ),
  managedBy: v.optional(
    v.pipe(
      v.picklist(['argo-cd', 'flux', 'helm']),
      v.description('the tool that deploys the workload; if absent, none'),
    ),
  ),
  containers: v.pipe(v.array(kubernetesContainerSchema), v.minLength(1)),
  initContainers: v.optional(v.array(kubernetesContainerSchema), []),
});
