import * as v from '../../shared/schema.ts';
import { account, daysAgo, handle, region, repositoryName, tag } from './schema-parts.ts';

/** Kubernetes clusters of a fleet file, and what runs on them. */

const objectName = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'a name in Kubernetes has lower-case letters, digits and "-"'),
);
const clusterName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/, 'not a cluster name as EKS allows it'),
);
const architecture = v.picklist(['amd64', 'arm64']);

const nodeSchema = v.strictObject({ name: objectName, architecture: v.optional(architecture, 'amd64') });

export const kubernetesClusterSchema = v.strictObject({
  account,
  region,
  name: clusterName,
  status: v.optional(v.pipe(v.picklist(['ACTIVE', 'CREATING']), v.description('of the EKS cluster')), 'ACTIVE'),
  endpoint: v.optional(
    v.pipe(
      v.picklist(['public', 'private']),
      v.description('private: only its own VPC reaches it, so that no connection is possible'),
    ),
    'public',
  ),
  access: v.optional(
    v.pipe(
      v.picklist(['granted', 'no-role', 'no-entry']),
      v.description(
        'of the read role. no-entry: the cluster has no access entry for it. no-role: it has one, but no ClusterRole',
      ),
    ),
    'granted',
  ),
  nodes: v.optional(v.pipe(v.array(nodeSchema), v.minLength(1)), [{ name: 'node-1' }]),
});

const kubernetesContainerSchema = v.union([
  v.strictObject({
    name: objectName,
    image: handle,
    reference: v.optional(v.picklist(['tag', 'digest']), 'tag'),
    tag: v.optional(v.pipe(tag, v.description('absent: the first tag of the image at that place'))),
    from: v.optional(
      v.pipe(
        v.strictObject({ account, region, repository: repositoryName }),
        v.description('a copy, else the original'),
      ),
    ),
  }),
  v.strictObject({
    name: objectName,
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
    v.picklist(['deployment', 'statefulset', 'daemonset', 'job', 'cronjob', 'rollout', 'pod']),
    v.description('rollout: one of Argo Rollouts, which owns a ReplicaSet. cronjob: with one job that runs'),
  ),
  replicas: v.optional(
    v.pipe(v.integer(), v.gtValue(0), v.description('a daemonset has one pod for each node, and a pod is one')),
    1,
  ),
  architecture: v.optional(architecture, 'amd64'),
  startedDaysAgo: v.optional(
    v.pipe(daysAgo, v.description('decides which image a moving tag named when the pods started')),
    0,
  ),
  managedBy: v.optional(
    v.pipe(v.picklist(['argo-cd', 'flux', 'helm']), v.description('by which tool it is deployed; absent: by none')),
  ),
  containers: v.pipe(v.array(kubernetesContainerSchema), v.minLength(1)),
  initContainers: v.optional(v.array(kubernetesContainerSchema), []),
});
