import type { ReviewRecord } from '../../shared/domain/review/run.ts';
import type { DoctorPlace, Members } from './places.ts';
import type { DoctorReading } from './reading.ts';

/** The hub's stack, as CloudFormation describes it. */
export interface StackFacts {
  readonly name: string;
  /** The account and Region that it was deployed in. */
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

export interface QueueFacts {
  readonly logicalId: string;
  readonly name: string;
  /** About so many messages wait; SQS counts approximately. */
  readonly waiting: number;
  /** How long the oldest message has been in the queue; absent where CloudWatch has no measurement of the last minutes. */
  readonly oldestSeconds?: number;
}

export interface AlarmFacts {
  readonly name: string;
  /** Whether the alarm is there at all. */
  readonly exists: boolean;
  /** How many actions run when it goes off. */
  readonly actions: number;
  readonly actionsEnabled: boolean;
}

export interface RuleFacts {
  readonly logicalId: string;
  readonly name: string;
  /** Absent for the default bus. */
  readonly bus?: string;
  readonly state: 'enabled' | 'disabled' | 'gone';
}

/** What calls a function for the messages of a queue, or the records of a stream. */
export interface MappingFacts {
  readonly logicalId: string;
  readonly id: string;
  /** As Lambda names it; absent where it was deleted. */
  readonly state?: string;
}

/** The customer's key, and whether the ledger can use it. */
export interface KeyFacts {
  readonly arn: string;
  /** As KMS names it: `Enabled`, `Disabled`, `PendingDeletion`. */
  readonly state: string;
  /** JSON. */
  readonly policy: string;
  /** Since when DynamoDB could not use the key for the ledger; absent where it can. */
  readonly ledgerLostAtEpochMs?: number;
}

/** The policy in force: its version, or why it cannot be read; `undefined` before the first one is applied. */
export type PolicyFacts = { readonly version: string; readonly problem?: string } | undefined;

/** A role of a member account, as IAM describes it. */
export interface RoleFacts {
  /** The trust policy, as JSON. */
  readonly trust: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** How the registry of an account and Region scans. */
export interface ScanningFacts {
  readonly type: 'basic' | 'enhanced';
  /** Filters of all rules, `*` for any run of characters; with enhanced scanning nothing else is scanned. */
  readonly filters: readonly string[];
}

/** One account, with what was read of its roles; `undefined` for a role that is not there. */
export interface AccountFacts {
  readonly account: string;
  /** Whether the read role was taken. */
  readonly readRole: DoctorReading<boolean>;
  /** The read role itself. The others only where the read role could be taken, as all below. */
  readonly own: DoctorReading<RoleFacts | undefined>;
  readonly build: DoctorReading<RoleFacts | undefined>;
  readonly rollout: DoctorReading<RoleFacts | undefined>;
  readonly protect: DoctorReading<RoleFacts | undefined>;
}

/** One account and Region whose read role could be taken. */
export interface PlaceFacts {
  readonly place: DoctorPlace;
  readonly scanning: DoctorReading<ScanningFacts>;
  /** Whether the test event reached the hub. */
  readonly forwarding: DoctorReading<boolean>;
}

export interface MemberFacts {
  readonly members: Members;
  readonly accounts: readonly AccountFacts[];
  readonly places: readonly PlaceFacts[];
  /** How many test events were put. */
  readonly testEvents: number;
  /** How long test events were awaited. */
  readonly waitedSeconds: number;
}

/** How steps that wait for an answer ended, in children of the last cascades. */
export interface CallbackFacts {
  /** An answer ended them, whether it told of success or of failure. */
  readonly answered: number;
  /** Their heartbeat lapsed first. */
  readonly lapsed: number;
}

/** Two words for when the execution of the last review began. */
export interface StartTimeFacts {
  readonly executionArn: string;
  /** By `$$.Execution.StartTime`. */
  readonly recordedEpochMs: number;
  /** By `startDate` of the execution. */
  readonly startEpochMs: number;
}

/** The pull time of one image before and after its manifest was read; absent where it was never pulled. */
export interface PullTimeFacts {
  /** `<account>/<region>/<repository>@<digest>` */
  readonly image: string;
  readonly beforeEpochMs?: number;
  readonly afterEpochMs?: number;
  /** Whether the registry excludes the read role from pull times. */
  readonly isExcluded: boolean;
}

/** What became of a call that puts one event which the bus takes and one which it refuses. */
export type MixedPut = 'whole-call-refused' | 'entry-refused' | 'both-taken' | 'both-refused';

/** What `--deep` tried. */
export interface DeepFacts {
  /** `undefined` where every member is in the hub's account, to which the policy of the bus does not apply. */
  readonly mixedPut: DoctorReading<{ readonly from: DoctorPlace; readonly put: MixedPut } | undefined>;
  readonly callbacks: DoctorReading<CallbackFacts>;
  /** `undefined` where no review has ended. */
  readonly startTime: DoctorReading<StartTimeFacts | undefined>;
  /** `undefined` where no registry has an image. */
  readonly pullTime: DoctorReading<PullTimeFacts | undefined>;
}

/** All that the checks decide by. */
export interface InstallationFacts {
  readonly nowEpochMs: number;
  /** The version of the command. */
  readonly commandVersion: string;
  readonly stack: StackFacts;
  readonly queues: DoctorReading<readonly QueueFacts[]>;
  readonly alarms: DoctorReading<readonly AlarmFacts[]>;
  readonly rules: DoctorReading<readonly RuleFacts[]>;
  readonly mappings: DoctorReading<readonly MappingFacts[]>;
  /** `undefined` where the stack has no key of the customer. */
  readonly key: DoctorReading<KeyFacts | undefined>;
  readonly policy: DoctorReading<PolicyFacts>;
  /** The review that ended last; `undefined` where none has ended. */
  readonly lastReview: DoctorReading<ReviewRecord | undefined>;
  readonly members: DoctorReading<MemberFacts>;
  /** Absent without `--deep`. */
  readonly deep?: DeepFacts;
}
