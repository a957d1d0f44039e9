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
} from '../../../cli/doctor/facts.ts';
import type { DoctorPorts, HubReads, MemberReads } from '../../../cli/doctor/ports.ts';
import { ReadDeniedError } from '../../../cli/doctor/reading.ts';
import { registryKey } from '../../../shared/domain/image/image.ts';
import type { Scope } from '../../../shared/domain/review/run.ts';
import { type FakeWorld, fakeWorld } from './world.ts';

type Changed<Facts> = Partial<Facts>;

/** A stack with its queues and alarms, in memory. */
export class FakeHub implements HubReads {
  /** `undefined`: there is none. */
  described: StackFacts | undefined;
  readonly queueFacts = new Map<string, QueueFacts>();
  readonly alarmFacts = new Map<string, AlarmFacts>();
  readonly ruleFacts = new Map<string, RuleFacts>();
  readonly mappingFacts = new Map<string, MappingFacts>();
  callbackFacts: CallbackFacts = { answered: 1, lapsed: 0 };
  /** Starts of executions by their ARN; milliseconds since 1970. */
  readonly starts = new Map<string, number>();
  keyFacts: Omit<KeyFacts, 'arn'> = { state: 'Enabled', policy: '{}' };
  readonly #denied = new Set<string>();

  constructor(stack: StackFacts) {
    this.described = stack;
  }

  /** From now on the person may not do this. */
  deny(action: string): void {
    this.#denied.add(action);
  }

  addQueue(logicalId: string, facts: Changed<QueueFacts> = {}): void {
    const name = `patchwave-${logicalId}`;
    this.queueFacts.set(logicalId, { logicalId, name, waiting: 0, ...facts });
  }

  /** @param exists `false`: the alarm was deleted by hand; the stack still lists it */
  addAlarm(name: string, facts: Changed<AlarmFacts> = {}): void {
    this.alarmFacts.set(name, { name, exists: true, actions: 1, actionsEnabled: true, ...facts });
  }

  addRule(logicalId: string, facts: Changed<RuleFacts> = {}): void {
    const name = `patchwave-${logicalId}`;
    this.ruleFacts.set(logicalId, { logicalId, name, bus: 'patchwave', state: 'enabled', ...facts });
  }

  /** @param state absent: the trigger was deleted by hand */
  addMapping(logicalId: string, state?: string): void {
    this.mappingFacts.set(logicalId, { logicalId, id: `id-of-${logicalId}`, ...(state !== undefined && { state }) });
  }

  async stack(): Promise<StackFacts | undefined> {
    this.ask('cloudformation:DescribeStacks');
    return this.described;
  }

  async resources(): Promise<readonly StackResource[]> {
    this.ask('cloudformation:ListStackResources');
    return [
      ...[...this.queueFacts.values()].map(({ logicalId, name }) => ({
        logicalId,
        type: 'AWS::SQS::Queue',
        physicalId: `https://sqs.example.com/111122223333/${name}`,
      })),
      ...[...this.alarmFacts.values()].map(({ name }) => ({
        logicalId: name,
        type: 'AWS::CloudWatch::Alarm',
        physicalId: name,
      })),
      ...[...this.ruleFacts.values()].map(({ logicalId, name, bus }) => ({
        logicalId,
        type: 'AWS::Events::Rule',
        physicalId: bus === undefined ? name : `${bus}|${name}`,
      })),
      ...[...this.mappingFacts.values()].map(({ logicalId, id }) => ({
        logicalId,
        type: 'AWS::Lambda::EventSourceMapping',
        physicalId: id,
      })),
    ];
  }

  async queues(queues: readonly StackResource[]): Promise<readonly QueueFacts[]> {
    this.ask('sqs:GetQueueAttributes');
    const found = queues.flatMap(({ logicalId }) => this.queueFacts.get(logicalId) ?? []);
    if (found.some(({ waiting, logicalId }) => waiting > 0 && !logicalId.endsWith('DeadLetters')))
      this.ask('cloudwatch:GetMetricData');
    return found;
  }

  async alarms(names: readonly string[]): Promise<readonly AlarmFacts[]> {
    this.ask('cloudwatch:DescribeAlarms');
    const missing = { exists: false, actions: 0, actionsEnabled: false };
    return names.map((name) => this.alarmFacts.get(name) ?? { name, ...missing });
  }

  async rules(rules: readonly StackResource[]): Promise<readonly RuleFacts[]> {
    this.ask('events:DescribeRule');
    return rules.flatMap(({ logicalId }) => this.ruleFacts.get(logicalId) ?? []);
  }

  async mappings(mappings: readonly StackResource[]): Promise<readonly MappingFacts[]> {
    this.ask('lambda:GetEventSourceMapping');
    return mappings.flatMap(({ logicalId }) => this.mappingFacts.get(logicalId) ?? []);
  }

  async key(arn: string): Promise<KeyFacts> {
    this.ask('kms:DescribeKey');
    return { arn, ...this.keyFacts };
  }

  async callbacks(): Promise<CallbackFacts> {
    this.ask('states:ListExecutions');
    return this.callbackFacts;
  }

  async startOf(executionArn: string): Promise<number> {
    this.ask('states:DescribeExecution');
    return this.starts.get(executionArn) ?? 0;
  }

  protected ask(action: string): void {
    if (this.#denied.has(action)) throw new ReadDeniedError(action, new Error('You are not allowed to.'));
  }
}

interface FakeAccount {
  canRead: boolean;
  readonly roles: Map<string, RoleFacts>;
}

/** Member accounts in memory. */
export class FakeMembers implements MemberReads {
  readonly accounts = new Map<string, FakeAccount>();
  /** Registries that have enhanced scanning; all others have basic scanning. */
  readonly enhanced = new Map<string, readonly string[]>();
  /** Places whose events do not reach the hub. */
  readonly deaf = new Set<string>();
  mixed: MixedPut = 'whole-call-refused';
  pullFacts: PullTimeFacts | undefined = { image: 'an-image', beforeEpochMs: 1, afterEpochMs: 1, isExcluded: true };
  /** Accounts outside the organization are left out. */
  listed: readonly string[] = [];
  readonly #denied = new Set<string>();
  readonly #put = new Set<string>();

  /** From now on the role of the hub, or that of the member, may not do this. */
  deny(action: string): void {
    this.#denied.add(action);
  }

  add(account: string, roles: Readonly<Record<string, RoleFacts>>): void {
    this.accounts.set(account, { canRead: true, roles: new Map(Object.entries(roles)) });
  }

  /** Every test event that was put, as `<account>/<region> <test>`. */
  get putEvents(): readonly string[] {
    return [...this.#put];
  }

  async begin(): Promise<void> {
    this.#ask('sts:AssumeRole');
  }

  async organization(): Promise<readonly string[]> {
    this.#ask('organizations:ListAccounts');
    return this.listed;
  }

  async canRead(account: string): Promise<boolean> {
    return this.accounts.get(account)?.canRead ?? false;
  }

  async role(account: string, name: string): Promise<RoleFacts | undefined> {
    this.#ask('iam:GetRole');
    return this.accounts.get(account)?.roles.get(name);
  }

  async scanning(place: Scope): Promise<ScanningFacts> {
    this.#ask('ecr:GetRegistryScanningConfiguration');
    const filters = this.enhanced.get(registryKey(place));
    return filters ? { type: 'enhanced', filters } : { type: 'basic', filters: ['*'] };
  }

  async putTestEvent(place: Scope, test: string): Promise<void> {
    this.#ask('events:PutEvents');
    this.#put.add(`${registryKey(place)} ${test}`);
  }

  async putMixed(): Promise<MixedPut> {
    this.#ask('events:PutEvents');
    return this.mixed;
  }

  async pullTime(): Promise<PullTimeFacts | undefined> {
    this.#ask('ecr:ListPullTimeUpdateExclusions');
    return this.pullFacts;
  }

  async awaitTestEvents(keys: ReadonlySet<string>, test: string): Promise<ReadonlySet<string>> {
    this.#ask('sqs:ReceiveMessage');
    return new Set([...keys].filter((key) => this.#put.has(`${key} ${test}`) && !this.deaf.has(key)));
  }

  #ask(action: string): void {
    if (this.#denied.has(action)) throw new ReadDeniedError(action, new Error('You are not allowed to.'));
  }
}

export const VERSION = '1.2.3';

export interface FakeInstallation extends DoctorPorts {
  readonly world: FakeWorld;
  readonly hub: FakeHub;
  readonly fleet: FakeMembers;
}

/** An installation whose ledger is a world of fakes. */
export function fakeInstallation(stack: StackFacts): FakeInstallation {
  const world = fakeWorld();
  const fleet = new FakeMembers();
  return {
    ...{ world, fleet, stackName: stack.name, version: VERSION, hub: new FakeHub(stack), clock: world.clock },
    ledger: () => world,
    members: () => fleet,
    draw: world.ids,
  };
}
