import type { ReviewRecord } from '../../shared/domain/run.ts';
import type { Reading } from './reading.ts';

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

/** The policy in force: its version, or why it cannot be read; `undefined` before the first one is applied. */
export type PolicyFacts = { readonly version: string; readonly problem?: string } | undefined;

/** All that the checks decide by. */
export interface InstallationFacts {
  readonly nowEpochMs: number;
  /** The version of the command. */
  readonly commandVersion: string;
  readonly stack: StackFacts;
  readonly queues: Reading<readonly QueueFacts[]>;
  readonly alarms: Reading<readonly AlarmFacts[]>;
  readonly policy: Reading<PolicyFacts>;
  /** The review that ended last; `undefined` where none has ended. */
  readonly lastReview: Reading<ReviewRecord | undefined>;
}
