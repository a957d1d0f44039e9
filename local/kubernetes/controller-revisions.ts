/** The templates that a StatefulSet or DaemonSet has had, each as a ControllerRevision. */

import type { ControlledCluster } from './controlled-cluster.ts';
import { childrenOf } from './controller-work.ts';
import { controllerOf, isObject, type KubernetesObject, RESOURCES } from './objects.ts';
import { hashOf, type PodTemplate, workloadSpecOf } from './pod-template.ts';

/** The label of a pod that names its revision: in full for a StatefulSet, by its hash for a DaemonSet. */
export const REVISION_LABEL = 'controller-revision-hash';

/** The revision of the present template, with the highest number, also where it is an earlier template again. */
export async function presentRevision(
  cluster: ControlledCluster,
  owner: KubernetesObject,
): Promise<{ readonly name: string; readonly hash: string }> {
  const { template } = workloadSpecOf(owner);
  const hash = hashOf(template);
  const name = `${owner.metadata.name}-${hash}`;
  const known = await childrenOf(cluster, RESOURCES.controllerRevisions, owner);
  const found = known.find(({ metadata }) => metadata.name === name);
  const revision = 1 + Math.max(0, ...known.filter((one) => one !== found).map(numberOf));
  if (found === undefined) {
    const { namespace } = owner.metadata;
    const labels = { ...template.metadata?.labels, [REVISION_LABEL]: hash };
    await cluster.api.create(RESOURCES.controllerRevisions, {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: { name, ...(namespace !== undefined && { namespace }), labels, ownerReferences: [controllerOf(owner)] },
      data: { spec: { template: { ...template, $patch: 'replace' } } },
      revision,
    });
  } else if (numberOf(found) < revision) await cluster.api.patch(RESOURCES.controllerRevisions, found, { revision });
  return { name, hash };
}

const numberOf = ({ revision }: KubernetesObject): number => Number(revision ?? 0);

/** The template of a revision; `undefined` if there is no such revision any more. */
export async function templateOf(
  { api }: ControlledCluster,
  { metadata: { namespace } }: KubernetesObject,
  name: string,
): Promise<PodTemplate | undefined> {
  const found = await api.get(RESOURCES.controllerRevisions, namespace, name);
  const spec = isObject(found?.data) ? found.data.spec : undefined;
  if (!isObject(spec) || !isObject(spec.template)) return undefined;
  const { $patch: _, ...template } = spec.template;
  return template as unknown as PodTemplate;
}

export const withRevision = (template: PodTemplate, revision: string): PodTemplate => ({
  ...template,
  metadata: { ...template.metadata, labels: { ...template.metadata?.labels, [REVISION_LABEL]: revision } },
});

export const revisionLabelOf = ({ metadata }: KubernetesObject): string => metadata.labels?.[REVISION_LABEL] ?? '';
