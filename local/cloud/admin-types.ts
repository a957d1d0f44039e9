/** What the admin routes of the embedded cloud take and give. */

/** An event as an AWS service emits it. `detail` is its JSON object. */
export interface ServiceEvent {
  readonly source: string;
  readonly detailType: string;
  readonly resources?: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

/** How often one operation was called by one principal: the name of a role, or `user`, `root`, `anonymous`. */
export interface CallCount {
  readonly account: string;
  readonly region: string;
  readonly service: string;
  readonly operation: string;
  readonly principal: string;
  /** All calls, those that were throttled, denied or failed included. */
  readonly count: number;
  readonly throttled: number;
  readonly failed: number;
  /** Refused by IAM. */
  readonly denied: number;
}

/** Shares from 0 to 1 of the events of AWS services; late and reordered ones wait up to `lateMs` (500). */
export interface EventFaults {
  readonly lost?: number;
  readonly doubled?: number;
  readonly late?: number;
  readonly reordered?: number;
  readonly lateMs?: number;
}

/** Events of one kind that one fault hit. */
export interface EventFault {
  readonly what: 'lost' | 'doubled' | 'late' | 'reordered';
  readonly source: string;
  readonly detailType: string;
  /** The repository, pipeline or group that they are about; empty if the event names none. */
  readonly about: string;
  readonly count: number;
}

/** A function that dies in the middle: with its `nth` call (1) of an operation, before that is made or `after` it. */
export interface Kill {
  /** The function's name. */
  readonly function: string;
  readonly operation: string;
  readonly nth?: number;
  readonly after?: boolean;
}

/** Seeded faults. Rates are shares from 0 to 1 of the calls; each is 0 unless given. */
export interface Faults {
  readonly seed: number;
  readonly throttleRate?: number;
  readonly failureRate?: number;
  /** The share of the failures at which the call was executed and only its reply is lost. */
  readonly afterRate?: number;
  /** The longest delay of a call. */
  readonly latencyMs?: number;
  /** Whose calls: `roles` (the default: only those of role sessions), `all`, or names of roles. */
  readonly principals?: 'roles' | 'all' | readonly string[];
  /** Names of operations, such as `DescribeTasks`; left out: every one. */
  readonly operations?: readonly string[];
  readonly events?: EventFaults;
  readonly kills?: readonly Kill[];
}

/** What the scanner knows. It is found in each version of the package older than `fixedIn`, in all without it. */
export interface KnownVulnerability {
  readonly id: string;
  readonly package: string;
  readonly severity: 'CRITICAL' | 'HIGH' | 'MEDIUM' | 'LOW' | 'INFORMATIONAL' | 'UNDEFINED';
  readonly fixedIn?: string;
  /** The `ID` of os-release, such as `debian`; left out: every distribution. */
  readonly distribution?: string;
  readonly description?: string;
  readonly uri?: string;
}

/** A version that a package archive offers; without a distribution, each one's does. */
export interface ArchivedPackage {
  readonly package: string;
  readonly version: string;
  readonly distribution?: 'debian' | 'alpine';
}

/** The past of an image that was just pushed. A past scan finds what the list of vulnerabilities holds now. */
export interface ImagePast {
  readonly account: string;
  readonly region: string;
  readonly repository: string;
  readonly digest: string;
  readonly pushedAt?: Date;
  readonly lastScannedAt?: Date;
  readonly archived?: boolean;
  readonly lastRecordedPullTime?: Date;
  /** What Amazon Inspector says of the image from now on, such as `INACTIVE` and `SCAN_ELIGIBILITY_EXPIRED`. */
  readonly inspection?: { readonly status: string; readonly reason: string };
  /** What Amazon Inspector says of its use from now on, in the place of the tasks of ECS that run it. */
  readonly inUse?: { readonly count?: number; readonly lastAt?: Date };
}

/** Settings of the registry of an account in a Region that AWS fixes: 100,000 scans a day; here one takes 50 ms. */
export interface RegistrySettings {
  readonly account: string;
  readonly region: string;
  readonly dailyScanLimit?: number;
  readonly scanMs?: number;
}

/** A change of a running task. Containers are found by name and changed, or added; null takes a member away. */
export interface TaskChange {
  readonly account: string;
  readonly region: string;
  /** The task's ARN. */
  readonly task: string;
  readonly lastStatus?: string;
  readonly startedAt?: Date;
  readonly createdAt?: Date;
  readonly containers?: readonly {
    readonly name: string;
    readonly image?: string | null;
    readonly imageDigest?: string | null;
    readonly lastStatus?: string;
  }[];
}

/** Lets the tasks of the deployments of a service that start from now on fail, or ends that. */
export interface ServiceChange {
  readonly account: string;
  readonly region: string;
  readonly cluster: string;
  readonly service: string;
  readonly newTasksFail: boolean;
}

/** A cluster of Amazon EKS. */
export interface ClusterPlace {
  readonly account: string;
  readonly region: string;
  /** The cluster's name. */
  readonly cluster: string;
}

/** A change of what EKS tells of a cluster. */
export interface ClusterChange extends ClusterPlace {
  readonly endpoint?: string;
  readonly status?: 'CREATING' | 'ACTIVE' | 'DELETING' | 'FAILED' | 'UPDATING' | 'PENDING';
}

/** A certificate and its private key, both as PEM. */
export interface IssuedCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** A pipeline as CodePipeline is to have it. `definition` is the builder's own, and comes back with each job. */
export interface DeclaredPipeline {
  readonly account: string;
  readonly region: string;
  readonly name: string;
  /** Left out: `SUPERSEDED`, as a pipeline of type V1 is. */
  readonly mode?: 'SUPERSEDED' | 'QUEUED' | 'PARALLEL';
  /** A stage `Approve` that waits for PutApprovalResult. */
  readonly approval?: 'before-build' | 'after-build';
  /** Whether a stage `Deploy` comes last. */
  readonly deploys?: boolean;
  /** A variable without a default has to be given at each start. */
  readonly variables?: readonly { readonly name: string; readonly default?: string }[];
  /** Executions in progress at once, in QUEUED and PARALLEL mode; left out: 50. */
  readonly limit?: number;
  readonly definition?: unknown;
}

/** The action of a pipeline that waits to be done, as the builder takes it. */
export interface PipelineJob {
  readonly account: string;
  readonly region: string;
  readonly pipeline: string;
  readonly executionId: string;
  /** Counts the executions of the pipeline from 1. */
  readonly number: number;
  readonly stage: 'Build' | 'Deploy';
  readonly variables: Readonly<Record<string, string>>;
  /** Output variables of the stages before. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly definition: unknown;
  /** Present where a template made the pipeline: `definition` is empty then. */
  readonly build?: ProjectBuild | { readonly denied: string };
}

/** A build in a project of CodeBuild. */
export interface ProjectBuild {
  readonly project: string;
  /** Of the project, and of the action that starts it; `#{NAMESPACE.NAME}` stands for a variable of the pipeline. */
  readonly environment: Readonly<Record<string, string>>;
  /** A session of the service role of the project. */
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken: string;
  };
  /** The configuration of the source action, and the namespace of its variables. */
  readonly source: Readonly<Record<string, string>>;
  readonly sourceNamespace: string;
  /** Of the project, as YAML. */
  readonly buildSpec: string;
}

/** How an action ended. */
export interface PipelineReport {
  readonly status: 'Succeeded' | 'Failed';
  readonly summary?: string;
  readonly outputVariables?: Readonly<Record<string, string>>;
}
