import type { AlarmFacts, QueueFacts, StackFacts, StackResource } from '../../../cli/doctor/facts.ts';
import type { DoctorPorts, HubReads } from '../../../cli/doctor/ports.ts';
import { ReadDeniedError } from '../../../cli/doctor/reading.ts';
import { type FakeWorld, fakeWorld } from './world.ts';

type Changed<Facts> = Partial<Facts>;

/** A stack with its queues and alarms, in memory. */
export class FakeHub implements HubReads {
  /** `undefined`: there is none. */
  described: StackFacts | undefined;
  readonly queueFacts = new Map<string, QueueFacts>();
  readonly alarmFacts = new Map<string, AlarmFacts>();
  /** Resources of the stack that are neither queues nor alarms. */
  readonly others: StackResource[] = [];
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
      ...this.others,
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

  protected ask(action: string): void {
    if (this.#denied.has(action)) throw new ReadDeniedError(action, new Error('You are not allowed to.'));
  }
}

export const VERSION = '1.2.3';

export interface FakeInstallation extends DoctorPorts {
  readonly world: FakeWorld;
  readonly hub: FakeHub;
}

/** An installation whose ledger is a world of fakes. */
export function fakeInstallation(stack: StackFacts): FakeInstallation {
  const world = fakeWorld();
  return {
    ...{ world, stackName: stack.name, version: VERSION, hub: new FakeHub(stack), clock: world.clock },
    ledger: () => world,
  };
}
