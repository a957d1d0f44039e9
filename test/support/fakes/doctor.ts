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
} from '../../../cli/doctor/installation.ts';
import type { DoctorPorts, DoorReads, HubReads, MemberReads } from '../../../cli/doctor/ports.ts';
import { ReadDeniedError } from '../../../cli/doctor/reading.ts';
import { registryKey } from '../../../shared/domain/image/image.ts';
import type { Scope } from '../../../shared/domain/review/run.ts';
import { type FakeWorld, fakeWorld } from './world.ts';

type Changed<Facts> = Partial<Facts>;

/** What each alarm notifies. */
export const TOPIC = 'arn:aws:sns:eu-west-1:111122223333:topic';

/** A stack with its queues and alarms, in memory. */
export class FakeHub implements HubReads {
  /** `undefined`: there is none. */
  described: StackDescription | undefined;
  readonly queueDescriptions = new Map<string, QueueDescription>();
  readonly alarmDescriptions = new Map<string, AlarmDescription>();
  readonly topicDescriptions = new Map<string, TopicDescription>([[TOPIC, { arn: TOPIC, exists: true, confirmed: 1 }]]);
  readonly ruleDescriptions = new Map<string, RuleDescription>();
  readonly mappingDescriptions = new Map<string, MappingDescription>();
  callbackCounts: CallbackCounts = { answered: 1, lapsed: 0 };
  /** Starts of executions by their ARN; milliseconds since 1970. */
  readonly starts = new Map<string, number>();
  keyDescription: Omit<KeyDescription, 'arn'> = { state: 'Enabled', policy: '{}' };
  tableDescription: Omit<TableDescription, 'name'> = { status: 'ACTIVE', isRestorable: true };
  readonly #denied = new Set<string>();

  constructor(stack: StackDescription) {
    this.described = stack;
  }

  /** From now on the person may not do this. */
  deny(action: string): void {
    this.#denied.add(action);
  }

  addQueue(logicalId: string, description: Changed<QueueDescription> = {}): void {
    const name = `patchwave-${logicalId}`;
    this.queueDescriptions.set(logicalId, { logicalId, name, waiting: 0, ...description });
  }

  /** @param exists `false`: the alarm was deleted by hand; the stack still lists it */
  addAlarm(name: string, description: Changed<AlarmDescription> = {}): void {
    this.alarmDescriptions.set(name, {
      name,
      exists: true,
      actions: [TOPIC],
      actionsEnabled: true,
      isRinging: false,
      ...description,
    });
  }

  addRule(logicalId: string, description: Changed<RuleDescription> = {}): void {
    const name = `patchwave-${logicalId}`;
    this.ruleDescriptions.set(logicalId, { logicalId, name, bus: 'patchwave', state: 'enabled', ...description });
  }

  /** @param state absent: the trigger was deleted by hand */
  addMapping(logicalId: string, state?: string): void {
    this.mappingDescriptions.set(logicalId, {
      logicalId,
      id: `id-of-${logicalId}`,
      ...(state !== undefined && { state }),
    });
  }

  async stack(): Promise<StackDescription | undefined> {
    this.ask('cloudformation:DescribeStacks');
    return this.described;
  }

  async resources(): Promise<readonly StackResource[]> {
    this.ask('cloudformation:ListStackResources');
    return [
      ...[...this.queueDescriptions.values()].map(({ logicalId, name }) => ({
        logicalId,
        type: 'AWS::SQS::Queue',
        physicalId: `https://sqs.example.com/111122223333/${name}`,
      })),
      ...[...this.alarmDescriptions.values()].map(({ name }) => ({
        logicalId: name,
        type: 'AWS::CloudWatch::Alarm',
        physicalId: name,
      })),
      ...[...this.ruleDescriptions.values()].map(({ logicalId, name, bus }) => ({
        logicalId,
        type: 'AWS::Events::Rule',
        physicalId: bus === undefined ? name : `${bus}|${name}`,
      })),
      ...[...this.mappingDescriptions.values()].map(({ logicalId, id }) => ({
        logicalId,
        type: 'AWS::Lambda::EventSourceMapping',
        physicalId: id,
      })),
    ];
  }

  async queues(queues: readonly StackResource[]): Promise<readonly QueueDescription[]> {
    this.ask('sqs:GetQueueAttributes');
    const found = queues.flatMap(({ logicalId }) => this.queueDescriptions.get(logicalId) ?? []);
    if (found.some(({ waiting, logicalId }) => waiting > 0 && !logicalId.endsWith('DeadLetters')))
      this.ask('cloudwatch:GetMetricData');
    return found;
  }

  async alarms(names: readonly string[]): Promise<readonly AlarmDescription[]> {
    this.ask('cloudwatch:DescribeAlarms');
    const missing = { exists: false, actions: [], actionsEnabled: false, isRinging: false };
    return names.map((name) => this.alarmDescriptions.get(name) ?? { name, ...missing });
  }

  async topics(arns: readonly string[]): Promise<readonly TopicDescription[]> {
    this.ask('sns:ListSubscriptionsByTopic');
    return arns.map((arn) => this.topicDescriptions.get(arn) ?? { arn, exists: false, confirmed: 0 });
  }

  async rules(rules: readonly StackResource[]): Promise<readonly RuleDescription[]> {
    this.ask('events:DescribeRule');
    return rules.flatMap(({ logicalId }) => this.ruleDescriptions.get(logicalId) ?? []);
  }

  async mappings(mappings: readonly StackResource[]): Promise<readonly MappingDescription[]> {
    this.ask('lambda:GetEventSourceMapping');
    return mappings.flatMap(({ logicalId }) => this.mappingDescriptions.get(logicalId) ?? []);
  }

  async key(arn: string): Promise<KeyDescription> {
    this.ask('kms:DescribeKey');
    return { arn, ...this.keyDescription };
  }

  async table(name: string): Promise<TableDescription> {
    this.ask('dynamodb:DescribeTable');
    this.ask('dynamodb:DescribeContinuousBackups');
    return { name, ...this.tableDescription };
  }

  async callbacks(): Promise<CallbackCounts> {
    this.ask('states:ListExecutions');
    return this.callbackCounts;
  }

  async startOf(executionArn: string): Promise<number> {
    this.ask('states:DescribeExecution');
    return this.starts.get(executionArn) ?? 0;
  }

  protected ask(action: string): void {
    if (this.#denied.has(action)) throw new ReadDeniedError(action, new Error('You are not allowed to.'));
  }
}

/** Stacks of doors in memory. */
export class FakeDoors implements DoorReads {
  readonly #stacks: { readonly ledgerTable: string; readonly stack: DoorStackDescription }[] = [];
  /** Regions that cannot be read. */
  readonly denied = new Set<string>();

  add(ledgerTable: string, stack: DoorStackDescription): void {
    this.#stacks.push({ ledgerTable, stack });
  }

  async stacks(region: string, ledgerTable: string): Promise<readonly DoorStackDescription[]> {
    if (this.denied.has(region))
      throw new ReadDeniedError('cloudformation:DescribeStacks', new Error('You are not allowed to.'));
    return this.#stacks.flatMap((one) =>
      one.ledgerTable === ledgerTable && one.stack.region === region ? one.stack : [],
    );
  }
}

interface FakeAccount {
  canRead: boolean;
  readonly roles: Map<string, RoleDescription>;
}

/** Member accounts in memory. */
export class FakeMembers implements MemberReads {
  readonly accounts = new Map<string, FakeAccount>();
  /** Registries that have enhanced scanning; all others have basic scanning. */
  readonly enhanced = new Map<string, readonly string[]>();
  /** Places whose events do not reach the hub. */
  readonly deaf = new Set<string>();
  /** By account and Region. */
  readonly ecsServices = new Map<string, readonly ServiceHooks[]>();
  pausesRolling: boolean | undefined = true;
  mixed: MixedPut = 'whole-call-refused';
  pullTimes: PullTimes | undefined = { image: 'an-image', beforeEpochMs: 1, afterEpochMs: 1, isExcluded: true };
  /** Accounts outside the organization are left out. */
  listed: readonly string[] = [];
  readonly #denied = new Set<string>();
  readonly #put = new Set<string>();

  /** From now on the role of the hub, or that of the member, may not do this. */
  deny(action: string): void {
    this.#denied.add(action);
  }

  add(account: string, roles: Readonly<Record<string, RoleDescription>>): void {
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

  async role(account: string, name: string): Promise<RoleDescription | undefined> {
    this.#ask('iam:GetRole');
    return this.accounts.get(account)?.roles.get(name);
  }

  async scanning(place: Scope): Promise<ScanningDescription> {
    this.#ask('ecr:GetRegistryScanningConfiguration');
    const filters = this.enhanced.get(registryKey(place));
    return filters ? { type: 'enhanced', filters } : { type: 'basic', filters: ['*'] };
  }

  async services(place: Scope): Promise<readonly ServiceHooks[]> {
    this.#ask('ecs:ListServices');
    return this.ecsServices.get(registryKey(place)) ?? [];
  }

  async wasPaused(): Promise<boolean | undefined> {
    this.#ask('ecs:ListServiceDeployments');
    return this.pausesRolling;
  }

  async putTestEvent(place: Scope, test: string): Promise<void> {
    this.#ask('events:PutEvents');
    this.#put.add(`${registryKey(place)} ${test}`);
  }

  async putMixed(): Promise<MixedPut> {
    this.#ask('events:PutEvents');
    return this.mixed;
  }

  async pullTime(): Promise<PullTimes | undefined> {
    this.#ask('ecr:ListPullTimeUpdateExclusions');
    return this.pullTimes;
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
  readonly doors: FakeDoors;
  readonly fleet: FakeMembers;
}

/** An installation whose ledger is a world of fakes. */
export function fakeInstallation(stack: StackDescription): FakeInstallation {
  const world = fakeWorld();
  const fleet = new FakeMembers();
  return {
    ...{ world, fleet, stackName: stack.name, version: VERSION, hub: new FakeHub(stack), clock: world.clock },
    doors: new FakeDoors(),
    ledger: () => world,
    members: () => fleet,
    draw: world.ids,
  };
}
