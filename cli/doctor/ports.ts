import type { Scope } from '../../shared/domain/review/run.ts';
import type { RunLedger, ScopeLedger } from '../../shared/ports/ledger.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import type {
  AlarmFacts,
  CallbackFacts,
  KeyFacts,
  MappingFacts,
  MixedPut,
  PullTimeFacts,
  QueueFacts,
  RoleFacts,
  RuleFacts,
  ScanningFacts,
  StackFacts,
  StackResource,
} from './facts.ts';
import type { DoctorPlace } from './places.ts';

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
  /**
   * @param rules resources of type AWS::Events::Rule
   * @param hubBus the name of the hub's bus; all other rules are on the default bus
   */
  rules(rules: readonly StackResource[], hubBus: string): Promise<readonly RuleFacts[]>;
  /** @param mappings resources of type AWS::Lambda::EventSourceMapping */
  mappings(mappings: readonly StackResource[]): Promise<readonly MappingFacts[]>;
  /**
   * @param arn of a key of KMS
   * @param table the ledger
   */
  key(arn: string, table: string): Promise<KeyFacts>;
  /** @param machineArn of the state machine of cascades */
  callbacks(machineArn: string): Promise<CallbackFacts>;
  /** When an execution began, by its `startDate`; milliseconds since 1970. */
  startOf(executionArn: string): Promise<number>;
}

/** Reads of the ledger and of what is stored beside it. */
export interface LedgerReads {
  readonly runs: Pick<RunLedger, 'latest'>;
  readonly policies: Pick<PolicyStore, 'current'>;
  readonly scopes: Pick<ScopeLedger, 'all'>;
}

/** Reads of member accounts, with the role that the hub's stack has for it. */
export interface MemberReads {
  /** Takes the role of the hub for `doctor`; what follows works after this only. */
  begin(): Promise<void>;
  /** Active accounts of the organization. */
  organization(): Promise<readonly string[]>;
  /** Whether the read role of an account can be taken. Throws where something else than IAM is in the way. */
  canRead(account: string): Promise<boolean>;
  /** @returns `undefined` where the account has no role of the name */
  role(account: string, name: string): Promise<RoleFacts | undefined>;
  scanning(place: Scope): Promise<ScanningFacts>;
  /**
   * Puts a test event on the default bus of a place.
   * @param test a random number, the same for all places
   */
  putTestEvent(place: Scope, test: string): Promise<void>;
  /**
   * Puts two events on the hub's bus in one call: the test event, and one whose source the policy of the bus does not list. Puts
   * the test event alone where the call was refused, to know whether it would have been taken.
   */
  putMixed(place: Scope, test: string): Promise<MixedPut>;
  /**
   * Reads the manifest of one image, and its pull time before and after.
   * @returns `undefined` where the registry has no image
   */
  pullTime(place: DoctorPlace): Promise<PullTimeFacts | undefined>;
  /**
   * Waits until the test events of all places are in the hub, or until the time is over.
   * @returns keys of the places (`<account>/<region>`) whose events arrived
   */
  awaitTestEvents(keys: ReadonlySet<string>, test: string, seconds: number): Promise<ReadonlySet<string>>;
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
  /** The member accounts of a hub. */
  members(stack: StackFacts, ledger: LedgerReads): MemberReads;
  readonly clock: () => number;
  /** A random number that nobody else draws. */
  readonly draw: () => string;
}
