import type { ClusterFailure } from '../domain/image/cluster-facts.ts';
import type { Cluster } from '../domain/image/usage.ts';
import type { Scope } from '../domain/review/run.ts';
import { ScopeUnreachableError } from './errors.ts';

/* Why a Kubernetes cluster could not be read or deployed to. A cluster is a scope of its own: it fails with one of these names, and
 * the rest of its account is read. */

/** What a role does in a cluster. */
export interface ClusterAccess {
  readonly purpose: 'read' | 'deployed to' | 'published to';
  /** Its name in texts. */
  readonly role: string;
  /** The manifest with the rights that it needs. */
  readonly manifest: string;
  /** The Kubernetes group to which the manifest gives them. */
  readonly group: string;
}

export const READS: ClusterAccess = {
  purpose: 'read',
  role: 'read role',
  manifest: 'enforcement/access/read.yaml',
  group: 'patchwave:read',
};

/** By the function of Patchwave in the VPC of a cluster whose endpoint is private. */
export const READS_IN_VPC: ClusterAccess = {
  ...READS,
  role: 'role of the function in its VPC',
};

export const DEPLOYS: ClusterAccess = {
  purpose: 'deployed to',
  role: 'rollout role',
  manifest: 'enforcement/access/write.yaml',
  group: 'patchwave:rollout',
};

/** To write the lists of images that may start. */
export const PUBLISHES: ClusterAccess = {
  purpose: 'published to',
  role: 'publish role',
  manifest: 'enforcement/access/publish.yaml',
  group: 'patchwave:publish',
};

/** By `patchwave doors check`, with the credentials of the person who runs it. */
export const CHECKS_DOORS: ClusterAccess = {
  ...READS,
  role: 'role that you use',
};

const AGAIN: Readonly<Record<ClusterAccess['purpose'], string>> = {
  read: 'The next review',
  'deployed to': 'The step',
  'published to': 'The next publication',
};
const AT_NEXT: Readonly<Record<ClusterAccess['purpose'], string>> = {
  read: 'The next review reads it',
  'deployed to': 'The next review plans its deployments again',
  'published to': 'The next publication writes its lists',
};

/** The next step after each failure. The hub never takes it from an answer: the text would be the words of another account. */
const ADVICE: Readonly<Record<ClusterFailure, (access: ClusterAccess, cluster: Cluster) => string>> = {
  ClusterAccessDeniedError: (access) => {
    const stacks = new Map([
      [DEPLOYS, 'member-account.yaml in the account with RolloutToEks=true'],
      [PUBLISHES, 'member-account.yaml in the account with PublishToEks=true'],
      [READS_IN_VPC, 'member-vpc.yaml in its VPC'],
    ]);
    return `Deploy ${stacks.get(access) ?? 'member-account.yaml in the account'}, of the same version as the hub.`;
  },
  ClusterCertificateError: () =>
    'Something between Patchwave and the cluster answers in its place: check proxies and DNS.',
  ClusterConnectionError: (access) => {
    const otherwise = new Map([
      [DEPLOYS, 'Otherwise deploy its workloads yourself.'],
      [PUBLISHES, 'Otherwise give it the webhook, and leave it out of `Clusters` of door-publisher.yaml.'],
    ]);
    return `Check that the public access CIDRs of its endpoint admit AWS Lambda, whose addresses are not fixed. ${
      otherwise.get(access) ?? 'Otherwise waive `scope-readable` for the cluster.'
    }`;
  },
  ClusterEndpointPrivateError: (access) => {
    const advices = new Map([
      [DEPLOYS, 'Enable public access to its endpoint, or deploy its workloads yourself.'],
      [
        PUBLISHES,
        'Enable public access to its endpoint. Or give it the webhook, and leave it out of `Clusters` of door-publisher.yaml.',
      ],
      [
        READS_IN_VPC,
        'Let a security group of the cluster accept port 443 from the security groups of the function (VpcSecurityGroupIds of member-vpc.yaml).',
      ],
    ]);
    const otherwise =
      'Deploy member-vpc.yaml in its VPC, and member-account.yaml with InventoryInVpc=true. Or enable public access to its endpoint, or waive `scope-readable` for the cluster.';
    return advices.get(access) ?? otherwise;
  },
  ClusterFailingError: ({ purpose }) => `${AGAIN[purpose]} tries again.`,
  ClusterForbiddenError: ({ manifest, group }) =>
    `Apply ${manifest} to the cluster, and give the access entry the group \`${group}\`.`,
  ClusterNotActiveError: ({ purpose }) => `${AT_NEXT[purpose]} if it is ACTIVE by then.`,
  ClusterObjectTooLargeError: (access) => {
    const otherwise = new Map([
      [DEPLOYS, 'Make that object smaller, or deploy the workload yourself.'],
      [PUBLISHES, 'Delete that object: the next publication makes it again.'],
    ]);
    return otherwise.get(access) ?? 'Make that object smaller, or waive `scope-readable` for the cluster.';
  },
  ClusterUnauthorizedError: ({ role, group, manifest }) =>
    `Create an access entry for the ${role} of the account, with the group \`${group}\`, and apply ${manifest}. A cluster in authentication mode CONFIG_MAP has no access entries: change the mode first.`,
  ClusterUnfinishedError: (access, { account, region }) =>
    access === PUBLISHES
      ? 'The next publication tries again. If that does not help, find out why the API server of the cluster is slow.'
      : `Start a review of this account and Region alone: \`patchwave review ${account}/${region}\`. If that does not help, find out ` +
        'why the API server of the cluster is slow.',
};

/** A cluster that could not be called. Each reason has a class and a name of its own. */
export class ClusterUnreachableError extends Error {
  override readonly name = 'ClusterUnreachableError' as string;
  readonly cluster: Cluster;
  readonly problem: string;
  readonly advice: string;
  constructor(cluster: Cluster, problem: string, advice: string, cause?: unknown, { purpose }: ClusterAccess = READS) {
    const { account, region, cluster: name } = cluster;
    super(`EKS cluster ${account}/${region}/${name} cannot be ${purpose}: ${problem}. ${advice}`, { cause });
    this.cluster = { account, region, cluster: name };
    this.problem = problem;
    this.advice = advice;
  }
}

/** The clusters of an account and Region could not be listed, so some may be unknown. */
export class ClustersUnlistedError extends Error {
  override readonly name = 'ClustersUnlistedError';
  /** @param cause a `ScopeUnreachableError` if EKS refuses the list */
  constructor({ account, region }: Scope, cause: Error) {
    const refusal = cause instanceof ScopeUnreachableError && cause.cause instanceof Error ? cause.cause : undefined;
    const { name, message } = refusal ?? cause;
    const advice = refusal
      ? 'Update the member stack of the account. If Patchwave should read no EKS cluster anywhere, set the parameter ReadEks of the hub to false.'
      : 'The next review tries again.';
    const reason = `${name}: ${message.replace(/\.$/, '')}`;
    super(`The EKS clusters of account ${account} in ${region} cannot be listed: ${reason}. ${advice}`, { cause });
  }
}

/** The time for one cluster, or that of the invocation, was over before the cluster was read. */
export class ClusterUnfinishedError extends ClusterUnreachableError {
  override readonly name = 'ClusterUnfinishedError';
  constructor(cluster: Cluster, access: ClusterAccess = READS) {
    const advice = ADVICE.ClusterUnfinishedError(access, cluster);
    super(cluster, 'Patchwave ran out of time for it', advice, undefined, access);
  }
}

/** The cluster is created, deleted or has failed, so it has no API to read. */
export class ClusterNotActiveError extends ClusterUnreachableError {
  override readonly name = 'ClusterNotActiveError';
  constructor(cluster: Cluster, status: string, access: ClusterAccess = READS) {
    const advice = ADVICE.ClusterNotActiveError(access, cluster);
    super(cluster, `its status is ${status}`, advice, undefined, access);
  }
}

/** EKS refuses to describe the cluster. */
export class ClusterAccessDeniedError extends ClusterUnreachableError {
  override readonly name = 'ClusterAccessDeniedError';
  constructor(cluster: Cluster, cause: Error, access: ClusterAccess = READS) {
    const problem = `EKS refuses to describe it: ${cause.name}: ${cause.message}`;
    super(cluster, problem, ADVICE.ClusterAccessDeniedError(access, cluster), cause, access);
  }
}

/** The endpoint has no public access, and no connection to it was possible. */
export class ClusterEndpointPrivateError extends ClusterUnreachableError {
  override readonly name = 'ClusterEndpointPrivateError';
  constructor(cluster: Cluster, cause: Error, access: ClusterAccess = READS) {
    const problem =
      access === READS_IN_VPC
        ? `its endpoint is private, and the function in its VPC has no route to it (${cause.message})`
        : `its endpoint is private, and Patchwave has no route to it (${cause.message})`;
    super(cluster, problem, ADVICE.ClusterEndpointPrivateError(access, cluster), cause, access);
  }
}

/** No connection, or no answer in time. */
export class ClusterConnectionError extends ClusterUnreachableError {
  override readonly name = 'ClusterConnectionError';
  constructor(cluster: Cluster, problem: string, cause?: unknown, access: ClusterAccess = READS) {
    super(cluster, problem, ADVICE.ClusterConnectionError(access, cluster), cause, access);
  }
}

/** The server's certificate is not of the certificate authority that EKS names for the cluster. */
export class ClusterCertificateError extends ClusterUnreachableError {
  override readonly name = 'ClusterCertificateError';
  constructor(cluster: Cluster, cause: Error, access: ClusterAccess = READS) {
    super(
      cluster,
      `the certificate of its API server is not valid for this cluster: ${cause.message}`,
      ADVICE.ClusterCertificateError(access, cluster),
      cause,
      access,
    );
  }
}

/** Status 401: the cluster does not know the role, or does not accept its token. */
export class ClusterUnauthorizedError extends ClusterUnreachableError {
  override readonly name = 'ClusterUnauthorizedError';
  constructor(cluster: Cluster, access: ClusterAccess = READS) {
    super(
      cluster,
      `it does not accept the ${access.role} (401 Unauthorized)`,
      ADVICE.ClusterUnauthorizedError(access, cluster),
      undefined,
      access,
    );
  }
}

/** Status 403: the role may not do something with a resource. */
export class ClusterForbiddenError extends ClusterUnreachableError {
  override readonly name = 'ClusterForbiddenError';
  readonly resource: string;
  constructor(cluster: Cluster, verb: string, resource: string, access: ClusterAccess = READS) {
    super(
      cluster,
      `the ${access.role} is not allowed to ${verb} ${resource} (403 Forbidden)`,
      ADVICE.ClusterForbiddenError(access, cluster),
      undefined,
      access,
    );
    this.resource = resource;
  }
}

/** The API server fails, or its answer is not one of Kubernetes. */
export class ClusterFailingError extends ClusterUnreachableError {
  override readonly name = 'ClusterFailingError';
  /** Of HTTP, if it is an answer that Patchwave did not expect. */
  readonly status?: number;
  constructor(
    cluster: Cluster,
    problem: string,
    cause?: unknown,
    access: ClusterAccess = READS,
    status: number | undefined = undefined,
  ) {
    super(cluster, problem, ADVICE.ClusterFailingError(access, cluster), cause, access);
    if (status !== undefined) this.status = status;
  }
}

/** The function in the VPC of a private cluster gave no answer, or one that cannot be read. */
export class ClusterFunctionError extends ClusterUnreachableError {
  override readonly name = 'ClusterFunctionError';
  constructor(cluster: Cluster, functionName: string, problem: string, cause?: unknown) {
    super(
      cluster,
      `the function ${functionName} in its VPC ${problem}`,
      'Read the log of that function. Its subnets need a route to the API of Amazon EKS. Deploy member-vpc.yaml of the same version as the hub. The next review tries again.',
      cause,
    );
  }
}

/** The function in the VPC of a private cluster could not read it: it gives the name of its error, and words about it. */
export class ClusterInVpcError extends ClusterUnreachableError {
  override readonly name = 'ClusterInVpcError' as string;
  constructor(cluster: Cluster, { error, problem }: { readonly error: ClusterFailure; readonly problem: string }) {
    super(cluster, `the function in its VPC says: ${problem}`, ADVICE[error](READS_IN_VPC, cluster));
    this.name = error;
  }
}

/** One object makes the answer larger than Patchwave reads, so no later try succeeds. */
export class ClusterObjectTooLargeError extends ClusterUnreachableError {
  override readonly name = 'ClusterObjectTooLargeError';
  constructor(cluster: Cluster, object: string, access: ClusterAccess = READS) {
    const advice = ADVICE.ClusterObjectTooLargeError(access, cluster);
    super(cluster, `${object} is too large to be read`, advice, undefined, access);
  }
}
