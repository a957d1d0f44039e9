import type { Registry } from '../../shared/domain/image/image.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import type { Door, DoorMode } from '../../shared/domain/policy/doors.ts';
import type { ReviewRecord } from '../../shared/domain/review/run.ts';
import type { ScopeRecord } from '../../shared/ports/ledger.ts';
import type { DoctorPlace, Members } from './places.ts';
import type { DoctorReading } from './reading.ts';

/** The hub's stack, as CloudFormation describes it. */
export interface StackDescription {
  readonly name: string;
  /** Account and Region of the deployment. */
  readonly account: string;
  readonly region: string;
  readonly status: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface StackResource {
  readonly logicalId: string;
  readonly type: string;
  readonly physicalId: string;
}

export interface QueueDescription {
  readonly logicalId: string;
  readonly name: string;
  /** Approximate number of waiting messages, as SQS counts them. */
  readonly waiting: number;
  /** Age of the oldest message in seconds; absent if CloudWatch has no recent measurement. */
  readonly oldestSeconds?: number;
}

export interface AlarmDescription {
  readonly name: string;
  /** Whether the alarm exists. */
  readonly exists: boolean;
  /** ARNs of what the alarm notifies. */
  readonly actions: readonly string[];
  readonly actionsEnabled: boolean;
  /** Whether its state is `ALARM`. */
  readonly isRinging: boolean;
}

/** A topic of SNS that alarms notify. */
export interface TopicDescription {
  readonly arn: string;
  readonly exists: boolean;
  /** Number of subscriptions that are confirmed; one that is not receives nothing. */
  readonly confirmed: number;
}

export interface RuleDescription {
  readonly logicalId: string;
  readonly name: string;
  /** Absent for the default bus. */
  readonly bus?: string;
  readonly state: 'enabled' | 'disabled' | 'gone';
}

/** Trigger that calls a function for messages of a queue or records of a stream. */
export interface MappingDescription {
  readonly logicalId: string;
  readonly id: string;
  /** State as Lambda names it; absent if it was deleted. */
  readonly state?: string;
}

/** The customer's key, and whether the ledger can use it. */
export interface KeyDescription {
  readonly arn: string;
  /** State as KMS names it: `Enabled`, `Disabled`, `PendingDeletion`. */
  readonly state: string;
  /** JSON. */
  readonly policy: string;
  /** Since when DynamoDB cannot use the key for the ledger; absent if it can. */
  readonly ledgerLostAtEpochMs?: number;
}

/** The table of the ledger. */
export interface TableDescription {
  readonly name: string;
  /** As DynamoDB names it: `ACTIVE`, `DELETING`, `INACCESSIBLE_ENCRYPTION_CREDENTIALS`; absent where no table is. */
  readonly status?: string;
  /** Whether it can be restored to a point in time. */
  readonly isRestorable: boolean;
}

/** The policy in force: its version, or why it cannot be read; `undefined` before the first one is applied. */
export type PolicyDescription =
  | {
      readonly version: string;
      readonly problem?: string;
      /** Patterns of `awsManaged` that exempt nothing at a door (`sharedReferences`). */
      readonly sharedReferences?: readonly string[];
    }
  | undefined;

/** A role of a member account, as IAM describes it. */
export interface RoleDescription {
  /** The trust policy, as JSON. */
  readonly trust: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** How the registry of an account and Region scans. */
export interface ScanningDescription {
  readonly type: 'basic' | 'enhanced';
  /** Filters of all rules, `*` for any characters; enhanced scanning covers nothing else. */
  readonly filters: readonly string[];
}

/** One account with its roles; `undefined` for a missing role. */
export interface AccountDescription {
  readonly account: string;
  /** Whether the read role could be assumed. */
  readonly readRole: DoctorReading<boolean>;
  /** The read role itself. The roles below are read only if it could be assumed. */
  readonly own: DoctorReading<RoleDescription | undefined>;
  readonly build: DoctorReading<RoleDescription | undefined>;
  readonly rollout: DoctorReading<RoleDescription | undefined>;
  readonly protect: DoctorReading<RoleDescription | undefined>;
}

/** A service of ECS and its hooks before the first task of a deployment. */
export interface ServiceHooks {
  readonly cluster: string;
  readonly service: string;
  readonly isRolling: boolean;
  readonly hasPause: boolean;
  /** Of each hook at PRE_SCALE_UP. */
  readonly timeoutActions: readonly ('CONTINUE' | 'ROLLBACK')[];
}

/** The same, and what the door of its cluster does. */
export interface ServiceDescription extends ServiceHooks, Pick<Door, 'onUnreachable'> {
  readonly mode: DoorMode;
}

/** One account and Region whose read role could be assumed. */
export interface PlaceDescription {
  readonly place: DoctorPlace;
  readonly scanning: DoctorReading<ScanningDescription>;
  /** Whether the test event reached the hub. */
  readonly forwarding: DoctorReading<boolean>;
  /** Absent where no door judges, or the policy is not known. */
  readonly services?: DoctorReading<readonly ServiceDescription[]>;
}

export interface MembersDescription {
  readonly members: Members;
  readonly accounts: readonly AccountDescription[];
  readonly places: readonly PlaceDescription[];
  /** How many test events were put. */
  readonly testEvents: number;
  /** Wait for test events in seconds. */
  readonly waitedSeconds: number;
}

/** Templates of doors in the hub's account, each with the two parameters that tell it from others; `ledger` names the table. */
export const DOOR_TEMPLATES = [
  { template: 'doors.yaml', parameter: 'PathSecretHash', ledger: 'LedgerTableName' },
  { template: 'ecs-door.yaml', parameter: 'ActDoorRoleName', ledger: 'LedgerTable' },
  { template: 'door-publisher.yaml', parameter: 'PublishRoleName', ledger: 'LedgerTable' },
] as const;
export type DoorTemplate = (typeof DOOR_TEMPLATES)[number]['template'];

/** The quota of AWS Lambda in one Region of the hub's account. */
export interface ConcurrencyDescription {
  /** Executions at once of all functions. */
  readonly quota: number;
  /** What no function has reserved. */
  readonly unreserved: number;
  /** The most at once within the last day; absent if no function ran. */
  readonly peak?: number;
}

/** A stack of a door of this hub. */
export interface DoorStackDescription {
  readonly template: DoorTemplate;
  readonly name: string;
  readonly region: string;
  readonly status: string;
  /** Absent in a stack of an earlier version. */
  readonly version?: string;
  /** The clusters that a stack of door-publisher.yaml publishes lists to: patterns. */
  readonly clusters?: readonly Cluster[];
  readonly alarms: DoctorReading<readonly AlarmDescription[]>;
  /** Of the Region of a webhook; absent for other doors. */
  readonly concurrency?: DoctorReading<ConcurrencyDescription>;
}

export interface DoorsDescription {
  /** By Region of the hub's account. */
  readonly stacks: ReadonlyMap<string, DoctorReading<readonly DoorStackDescription[]>>;
  /** EKS clusters where a door of the policy may deny. */
  readonly denyingEks: readonly Cluster[];
  /** Accounts and Regions with ECS clusters, likewise. */
  readonly denyingEcs: readonly Registry[];
  /** Clusters that ask a webhook by the secret of version 0.2.0. */
  readonly sharedSecret: readonly Cluster[];
  /** Clusters that stopped to ask their webhook. */
  readonly silent: readonly SilentCluster[];
  /** Of `denyingEks`: those in which pods run behind a door, and that never asked a webhook. */
  readonly neverAsked: readonly Cluster[];
}

export interface SilentCluster {
  readonly cluster: Cluster;
  /** To the hour. */
  readonly lastAskedAtEpochMs: number;
  readonly podCreatedAtEpochMs: number;
}

/** How waiting steps of the last cascades' children ended. */
export interface CallbackCounts {
  /** Ended by an answer, success or failure. */
  readonly answered: number;
  /** Ended by a heartbeat time-out. */
  readonly lapsed: number;
}

/** Two start times of the last review's execution. */
export interface StartTimes {
  readonly executionArn: string;
  /** By `$$.Execution.StartTime`. */
  readonly recordedEpochMs: number;
  /** By `startDate` of the execution. */
  readonly startEpochMs: number;
}

/** Pull time of one image before and after a read of its manifest; absent if never pulled. */
export interface PullTimes {
  /** `<account>/<region>/<repository>@<digest>` */
  readonly image: string;
  readonly beforeEpochMs?: number;
  readonly afterEpochMs?: number;
  /** Whether the registry excludes the read role from pull times. */
  readonly isExcluded: boolean;
}

/** Result of a call with one allowed and one refused event. */
export type MixedPut = 'whole-call-refused' | 'entry-refused' | 'both-taken' | 'both-refused';

/** Whether ECS paused the last deployment of a rolling service with a pause hook; absent if there is none since. */
export interface PausedRolling {
  /** `<account>/<region>/<cluster>/<service>` */
  readonly service: string;
  readonly isPaused?: boolean;
}

/** Results of `--deep`. */
export interface DeepResults {
  /** `undefined` if every member is in the hub's account, to which the bus policy does not apply. */
  readonly mixedPut: DoctorReading<{ readonly from: DoctorPlace; readonly put: MixedPut } | undefined>;
  readonly callbacks: DoctorReading<CallbackCounts>;
  /** `undefined` where no review has ended. */
  readonly startTime: DoctorReading<StartTimes | undefined>;
  /** `undefined` where no registry has an image. */
  readonly pullTime: DoctorReading<PullTimes | undefined>;
  /** `undefined` where no rolling service has a pause hook. */
  readonly rolling: DoctorReading<PausedRolling | undefined>;
}

/** What reviews recorded of one scope. */
export type ScopeDescription = Pick<ScopeRecord, 'scope' | 'left' | 'unreadSources'>;

/** Input of all checks. */
export interface InstallationDescription {
  readonly nowEpochMs: number;
  /** The version of the command. */
  readonly commandVersion: string;
  readonly stack: StackDescription;
  readonly queues: DoctorReading<readonly QueueDescription[]>;
  readonly alarms: DoctorReading<readonly AlarmDescription[]>;
  /** Those of the hub's alarms, in the hub's account. */
  readonly topics: DoctorReading<readonly TopicDescription[]>;
  readonly rules: DoctorReading<readonly RuleDescription[]>;
  readonly mappings: DoctorReading<readonly MappingDescription[]>;
  /** `undefined` without a customer key. */
  readonly key: DoctorReading<KeyDescription | undefined>;
  readonly table: DoctorReading<TableDescription>;
  readonly policy: DoctorReading<PolicyDescription>;
  /** The last ended review; `undefined` if there is none. */
  readonly lastReview: DoctorReading<ReviewRecord | undefined>;
  readonly scopes: DoctorReading<readonly ScopeDescription[]>;
  readonly members: DoctorReading<MembersDescription>;
  readonly doors: DoctorReading<DoorsDescription>;
  /** Absent without `--deep`. */
  readonly deep?: DeepResults;
}
