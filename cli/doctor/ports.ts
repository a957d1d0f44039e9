import type { RunLedger } from '../../shared/ports/ledger.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import type { AlarmFacts, QueueFacts, StackFacts, StackResource } from './facts.ts';

/**
 * Reads of the hub with the credentials of the person who runs the command. Each read throws ReadDeniedError where AWS denies
 * it.
 */
export interface HubReads {
  /** @returns `undefined` where there is no stack of this name */
  stack(): Promise<StackFacts | undefined>;
  /** Every resource of the stack. */
  resources(): Promise<readonly StackResource[]>;
  /** @param queues resources of type AWS::SQS::Queue */
  queues(queues: readonly StackResource[]): Promise<readonly QueueFacts[]>;
  /** One for each name, also of alarms that are gone. */
  alarms(names: readonly string[]): Promise<readonly AlarmFacts[]>;
}

/** Reads of the ledger and of what is stored beside it. */
export interface LedgerReads {
  readonly runs: Pick<RunLedger, 'latest'>;
  readonly policies: Pick<PolicyStore, 'current'>;
}

/** One installation, as `doctor` sees it. */
export interface DoctorPorts {
  /** The name of the stack, as the person gave it. */
  readonly stackName: string;
  /** The version of the command. */
  readonly version: string;
  readonly hub: HubReads;
  /** The ledger that the outputs of the stack name. */
  ledger(outputs: Readonly<Record<string, string>>): LedgerReads;
  readonly clock: () => number;
}
