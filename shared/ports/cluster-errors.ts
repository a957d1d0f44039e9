import type { Cluster } from '../domain/image/usage.ts';
import type { Scope } from '../domain/review/run.ts';

/* Why a Kubernetes cluster could not be read. A cluster is a scope of its own: it fails with one of these names, and
 * the rest of its account is read. */

/** A cluster that could not be read. Each reason has a class and a name of its own. */
export class ClusterUnreachableError extends Error {
  override readonly name = 'ClusterUnreachableError' as string;
  readonly cluster: Cluster;
  /** @param advice the next step, as a sentence */
  constructor(cluster: Cluster, problem: string, advice: string, cause?: unknown) {
    const { account, region, cluster: name } = cluster;
    super(`EKS cluster ${account}/${region}/${name} cannot be read: ${problem}. ${advice}`, { cause });
    this.cluster = { account, region, cluster: name };
  }
}

/** The clusters of an account and Region could not be listed, so some may be unknown. */
export class ClustersUnlistedError extends Error {
  override readonly name = 'ClustersUnlistedError';
  constructor({ account, region }: Scope, cause: Error) {
    const reason = cause.cause instanceof Error ? `${cause.cause.name}: ${cause.cause.message}` : cause.message;
    super(
      `The EKS clusters of account ${account} in ${region} cannot be listed: ${reason}. Update the member stack of the ` +
        'account. If Patchwave should read no EKS cluster anywhere, set the parameter ReadEks of the hub to false.',
      { cause },
    );
  }
}

/** The time for one cluster, or that of the invocation, was over before the cluster was read. */
export class ClusterUnfinishedError extends ClusterUnreachableError {
  override readonly name = 'ClusterUnfinishedError';
  constructor(cluster: Cluster) {
    const scope = `${cluster.account}/${cluster.region}`;
    const advice =
      `Start a review of this account and Region alone: \`patchwave review ${scope}\`. If that does not help, find out ` +
      'why the API server of the cluster is slow.';
    super(cluster, 'Patchwave ran out of time for it', advice);
  }
}

/** The cluster is created, deleted or has failed, so it has no API to read. */
export class ClusterNotActiveError extends ClusterUnreachableError {
  override readonly name = 'ClusterNotActiveError';
  constructor(cluster: Cluster, status: string) {
    super(cluster, `its status is ${status}`, 'The next review reads it if it is ACTIVE by then.');
  }
}

/** EKS refuses to describe the cluster. */
export class ClusterAccessDeniedError extends ClusterUnreachableError {
  override readonly name = 'ClusterAccessDeniedError';
  constructor(cluster: Cluster, cause: Error) {
    const problem = `EKS refuses to describe it: ${cause.name}: ${cause.message}`;
    super(cluster, problem, 'Deploy member-account.yaml in the account, of the same version as the hub.', cause);
  }
}

/** The endpoint has no public access, and no connection to it was possible. */
export class ClusterEndpointPrivateError extends ClusterUnreachableError {
  override readonly name = 'ClusterEndpointPrivateError';
  constructor(cluster: Cluster, cause: Error) {
    super(
      cluster,
      `its endpoint is private, and Patchwave has no route to it (${cause.message})`,
      'Enable public access to its endpoint, or waive `scope-readable` for the cluster.',
      cause,
    );
  }
}

/** No connection, or no answer in time. */
export class ClusterConnectionError extends ClusterUnreachableError {
  override readonly name = 'ClusterConnectionError';
  constructor(cluster: Cluster, problem: string, cause?: unknown) {
    const advice =
      'Check that the public access CIDRs of its endpoint admit AWS Lambda, whose addresses are not fixed. Otherwise waive `scope-readable` for the cluster.';
    super(cluster, problem, advice, cause);
  }
}

/** The server's certificate is not of the certificate authority that EKS names for the cluster. */
export class ClusterCertificateError extends ClusterUnreachableError {
  override readonly name = 'ClusterCertificateError';
  constructor(cluster: Cluster, cause: Error) {
    super(
      cluster,
      `the certificate of its API server is not valid for it: ${cause.message}`,
      'Something between Patchwave and the cluster answers in its place: check proxies and DNS.',
      cause,
    );
  }
}

/** Status 401: the cluster does not know the role, or does not accept its token. */
export class ClusterUnauthorizedError extends ClusterUnreachableError {
  override readonly name = 'ClusterUnauthorizedError';
  constructor(cluster: Cluster) {
    super(
      cluster,
      'it does not accept the read role (401 Unauthorized)',
      'Create an access entry for the read role of the account, with the group `patchwave:read`, and apply enforcement/access/read.yaml. A cluster in authentication mode CONFIG_MAP has no access entries: change the mode first.',
    );
  }
}

/** Status 403: the role may not list a resource. */
export class ClusterForbiddenError extends ClusterUnreachableError {
  override readonly name = 'ClusterForbiddenError';
  readonly resource: string;
  constructor(cluster: Cluster, verb: string, resource: string) {
    super(
      cluster,
      `the read role may not ${verb} ${resource} (403 Forbidden)`,
      'Apply enforcement/access/read.yaml to the cluster, and give the access entry the group `patchwave:read`.',
    );
    this.resource = resource;
  }
}

/** The API server fails, or its answer is not one of Kubernetes. */
export class ClusterFailingError extends ClusterUnreachableError {
  override readonly name = 'ClusterFailingError';
  constructor(cluster: Cluster, problem: string, cause?: unknown) {
    super(cluster, problem, 'The next review tries again.', cause);
  }
}
