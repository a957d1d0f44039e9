import type { Scope } from '../../shared/domain/review/run.ts';
import type { AskedWebhooks } from '../../shared/ports/admission.ts';
import type { RunLedger, ScopeLedger } from '../../shared/ports/ledger.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import type {
  AlarmDescription,
  CallbackCounts,
  DoorStackDescription,
  KeyDescription,
  MappingDescription,
  MixedPut,
  PullTimes,
  QueueDescription,
  RoleDescription,
  RuleDescription,
  ScanningDescription,
  ServiceHooks,
  StackDescription,
  StackResource,
  TableDescription,
  TopicDescription,
} from './installation.ts';
import type { DoctorPlace } from './places.ts';

/** Reads the hub with the caller's credentials. Each read throws ReadDeniedError if AWS denies it. */
export interface HubReads {
  /** @returns `undefined` where there is no stack of this name */
  stack(): Promise<StackDescription | undefined>;
  /** Every resource of the stack. */
  resources(): Promise<readonly StackResource[]>;
  /** @param queues resources of type AWS::SQS::Queue */
  queues(queues: readonly StackResource[]): Promise<readonly QueueDescription[]>;
  /** One entry for each name, also for deleted alarms. */
  alarms(names: readonly string[]): Promise<readonly AlarmDescription[]>;
  /** @param arns of topics of SNS in the account and Region of the stack */
  topics(arns: readonly string[]): Promise<readonly TopicDescription[]>;
  /**
   * @param rules resources of type AWS::Events::Rule
   * @param hubBus the name of the hub's bus; all other rules are on the default bus
   */
  rules(rules: readonly StackResource[], hubBus: string): Promise<readonly RuleDescription[]>;
  /** @param mappings resources of type AWS::Lambda::EventSourceMapping */
  mappings(mappings: readonly StackResource[]): Promise<readonly MappingDescription[]>;
  /**
   * @param arn of a key of KMS
   * @param table the ledger
   */
  key(arn: string, table: string): Promise<KeyDescription>;
  /** @param name of the table of the ledger */
  table(name: string): Promise<TableDescription>;
  /** @param machineArn of the state machine of cascades */
  callbacks(machineArn: string): Promise<CallbackCounts>;
  /** When an execution began, by its `startDate`; milliseconds since 1970. */
  startOf(executionArn: string): Promise<number>;
}

/** Reads the stacks of doors in the hub's account. */
export interface DoorReads {
  /**
   * The stacks of one Region that read a ledger; one that is deleted is left out. Throws as `HubReads` does.
   * @param ledgerTable the name of the ledger's table
   */
  stacks(region: string, ledgerTable: string): Promise<readonly DoorStackDescription[]>;
}

/** Reads the ledger and the run files. */
export interface LedgerReads {
  readonly runs: Pick<RunLedger, 'latestOfFleet'>;
  readonly policies: Pick<PolicyStore, 'current'>;
  readonly scopes: Pick<ScopeLedger, 'all'>;
  readonly webhooks: AskedWebhooks;
}

/** Reads member accounts with the hub stack's role for `doctor`. */
export interface MemberReads {
  /** Assumes the hub's role for `doctor`; all other calls need it. */
  begin(): Promise<void>;
  /** Active accounts of the organization. */
  organization(): Promise<readonly string[]>;
  /** Whether the read role of an account can be assumed. Throws on any obstacle other than IAM. */
  canRead(account: string): Promise<boolean>;
  /** @returns `undefined` if the account has no such role */
  role(account: string, name: string): Promise<RoleDescription | undefined>;
  scanning(place: Scope): Promise<ScanningDescription>;
  /** The services that ECS deploys itself. */
  services(place: Scope): Promise<readonly ServiceHooks[]>;
  /** @returns whether the last deployment came to its pause hook; `undefined` if there is none since the service has it */
  wasPaused(place: Scope, service: ServiceHooks): Promise<boolean | undefined>;
  /**
   * Sends a test event to the default bus of a place.
   * @param test a random number, the same for all places
   */
  putTestEvent(place: Scope, test: string): Promise<void>;
  /**
   * Sends two events to the hub's bus in one call: the test event, and one with a source that the bus policy does not
   * list. If the call is refused, sends the test event alone, to know whether it would be accepted.
   */
  putMixed(place: Scope, test: string): Promise<MixedPut>;
  /**
   * Reads the manifest of one image, and its pull time before and after.
   * @returns `undefined` if the registry has no image
   */
  pullTime(place: DoctorPlace): Promise<PullTimes | undefined>;
  /**
   * Waits for the test events of all places until the time limit.
   * @returns keys of the places (`<account>/<region>`) whose events arrived
   */
  awaitTestEvents(keys: ReadonlySet<string>, test: string, seconds: number): Promise<ReadonlySet<string>>;
}

/** One installation for `doctor`. */
export interface DoctorPorts {
  /** Stack name from the command line. */
  readonly stackName: string;
  /** The version of the command. */
  readonly version: string;
  readonly hub: HubReads;
  readonly doors: DoorReads;
  /** The ledger that the outputs of the stack name. */
  ledger(outputs: Readonly<Record<string, string>>): LedgerReads;
  /** The member accounts of a hub. */
  members(stack: StackDescription, ledger: LedgerReads): MemberReads;
  readonly clock: () => number;
  /** A random number, unique to this run. */
  readonly draw: () => string;
}
