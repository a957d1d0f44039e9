/** What the controllers of a cluster have in common: pods by a template, and statuses. */

import { isDeepStrictEqual } from 'node:util';
import type { ControlledCluster, WaitMs } from './controlled-cluster.ts';
import { startPod } from './kubelet.ts';
import { type ApiResource, type JsonDocument, type KubernetesObject, RESOURCES } from './objects.ts';
import { type PodTemplate, podOf } from './pod-template.ts';

const NO_NODE = 'node-1';

/** Makes a pod by a template, and starts it. */
export async function runPod(
  cluster: ControlledCluster,
  owner: KubernetesObject,
  template: PodTemplate,
  name: string,
  node?: string,
): Promise<WaitMs> {
  const [first = NO_NODE] = node === undefined ? await nodesFor(cluster, template) : [node];
  const pod = await cluster.api.create(RESOURCES.pods, podOf(owner, template, name, template.spec.nodeName ?? first));
  return await startPod(cluster, pod);
}

/** The nodes that have all labels of the template's node selector. */
export async function nodesFor({ api }: ControlledCluster, { spec }: PodTemplate): Promise<readonly string[]> {
  const wanted = Object.entries(spec.nodeSelector ?? {});
  const nodes = await api.list(RESOURCES.nodes, undefined);
  return nodes
    .filter(({ metadata }) => wanted.every(([label, value]) => metadata.labels?.[label] === value))
    .map(({ metadata }) => metadata.name);
}

export const childrenOf = (
  { api }: ControlledCluster,
  resource: ApiResource,
  { metadata: { namespace = '', uid = '' } }: KubernetesObject,
): Promise<readonly KubernetesObject[]> => api.children(resource, namespace, uid);

export const podsOf = (cluster: ControlledCluster, owner: KubernetesObject): Promise<readonly KubernetesObject[]> =>
  childrenOf(cluster, RESOURCES.pods, owner);

/** Writes a status where it differs, so that a workload at rest causes no writes. A count that is absent is 0. */
export async function report(
  { api }: ControlledCluster,
  resource: ApiResource,
  object: KubernetesObject,
  status: JsonDocument,
): Promise<void> {
  const isSame = ([name, value]: readonly [string, unknown]): boolean => {
    const present = object.status?.[name] ?? (value === 0 ? 0 : undefined);
    return isDeepStrictEqual(present, value);
  };
  if (!Object.entries(status).every(isSame)) await api.patchStatus(resource, object, status);
}

/** A number, or a share of all in per cent. */
export const countOf = (value: number | string, all: number, round: (share: number) => number): number =>
  typeof value === 'number' ? value : round((Number.parseFloat(value) / 100) * all);

const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';
export const suffix = (): string =>
  Array.from({ length: 5 }, () => LETTERS[Math.floor(Math.random() * LETTERS.length)]).join('');
