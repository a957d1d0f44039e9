import { CONSTRAINT_NAMES, WHOLE } from '../../shared/domain/admission/allowed-images.ts';
import type { MissedReason } from '../../shared/domain/admission/enrolled-clusters.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import { clusterKey } from '../../shared/domain/image/workload-kind.ts';

const MISSED: Readonly<Record<MissedReason, (cluster: Cluster) => string>> = {
  unknown: () => 'no review has found it. Start a review of its account, or correct `Clusters` of door-publisher.yaml',
  'never-read': ({ account, region }) =>
    `no review has read it completely, so nothing is known of what runs there. \`patchwave status ${account}/${region}\` says why`,
  unreadable: () => 'its item in the ledger cannot be read. `patchwave doctor` says more',
};

/** A cluster of `Clusters` gets no lists, because the inventory does not know enough of it. */
export class ClusterNotPublishedError extends Error {
  override readonly name = 'ClusterNotPublishedError';
  constructor(cluster: Cluster, reason: MissedReason) {
    super(`EKS cluster ${clusterKey(cluster)} gets no lists of images: ${MISSED[reason](cluster)}.`);
  }
}

/** A list would be larger than an object of the cluster may be. It stays as it is, and refuses nothing once it is too old. */
export class ListTooLargeError extends Error {
  override readonly name = 'ListTooLargeError';
  constructor(cluster: Cluster, list: string, excess: string) {
    super(`The list ${list} of EKS cluster ${clusterKey(cluster)} cannot be published: ${excess}. ${adviceFor(list)}`);
  }
}

function adviceFor(list: string): string {
  if (list === WHOLE.name)
    return 'Write the manifests of the cluster again with `--shards 16`, apply them, and delete the policies and the list of `all`.';
  if ((CONSTRAINT_NAMES as readonly string[]).includes(list))
    return 'Give the cluster admission-policies.yaml of `--shards 16`, or the webhook, in place of gatekeeper.yaml.';
  return 'Give the cluster the webhook in place of lists.';
}

/** Something else wrote the list during each attempt. */
export class ListContendedError extends Error {
  override readonly name = 'ListContendedError';
  constructor(cluster: Cluster, list: string, attempts: number) {
    super(
      `The list ${list} of EKS cluster ${clusterKey(cluster)} changed during each of ${attempts} attempts to publish it. The next publication tries again. If that does not help, find out what else writes it.`,
    );
  }
}

/** Not every cluster has its lists. Each failure was logged before. */
export class PublicationIncompleteError extends Error {
  override readonly name = 'PublicationIncompleteError';
  constructor(failing: number, clusters: number) {
    super(
      `Patchwave published no lists to ${failing} of ${counted(clusters, 'cluster')}. A log line for each says why. The next publication tries again.`,
    );
  }
}
