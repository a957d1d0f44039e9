/** Alarms of an installation in the embedded cloud, whose clock of queues and alarms a test sets forward. */

import { setTimeout as sleep } from 'node:timers/promises';
import { CloudFormationClient, paginateListStackResources } from '@aws-sdk/client-cloudformation';
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { DeleteRolePolicyCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  GetQueueAttributesCommand,
  PurgeQueueCommand,
  SendMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { eventually } from '../../local/cloud/probe.ts';
import type { Installation } from '../../local/installation.ts';
import { hub, objectOf, ofType, textOf } from '../template/template.ts';
import { Grants } from './grants.ts';
import { hubOf } from './readings.ts';
import type { AlarmId } from './tried-alarms.ts';

/** The names of alarms in CloudWatch without that of the stack, by their logical ids. */
const ALARM_NAMES: Readonly<Record<string, string>> = Object.fromEntries(
  ofType(hub, 'AWS::CloudWatch::Alarm').map(({ id, properties }) => [
    id,
    textOf(objectOf(properties.AlarmName)['Fn::Sub']).replace(`\${AWS::StackName}-`, ''),
  ]),
);

function nameOf(id: AlarmId): string {
  const name = ALARM_NAMES[id];
  if (name === undefined) throw new Error(`the template has no alarm ${id}`);
  return name;
}

const STEP_SECONDS = 30;
const ENDING_STEP_SECONDS = 300;
const MOST_ENDING_STEPS = 20;
/** What functions get to do between two steps of the clock. */
const WORK_MS = 400;
const BROKEN = 'broken-by-a-test';

/** Sets the clock forward step by step. @returns the seconds that passed when the answer was true; undefined where it never was */
export async function passedUntil(
  { cloud }: Installation,
  mostSeconds: number,
  isTrue: () => Promise<boolean>,
  stepSeconds = STEP_SECONDS,
): Promise<number | undefined> {
  for (let passed = 0; ; passed += stepSeconds) {
    await sleep(WORK_MS);
    if (await isTrue()) return passed;
    if (passed >= mostSeconds) return undefined;
    await cloud.admin.setClockForward(stepSeconds);
  }
}

/** @param name the alarm's, without that of the stack */
async function stateOf(installation: Installation, name: string): Promise<string> {
  const { MetricAlarms = [] } = await new CloudWatchClient(hubOf(installation)).send(
    new DescribeAlarmsCommand({ AlarmNames: [`patchwave-${name}`] }),
  );
  const [alarm] = MetricAlarms;
  if (alarm?.StateValue === undefined) throw new Error(`there is no alarm ${name}`);
  return alarm.StateValue;
}

/** How the clock of alarms is set forward, in seconds. */
interface Passing {
  readonly mostSeconds: number;
  readonly stepSeconds: number;
}

/** Alarms as their runbooks go: each is raised by its cause, and ends after the steps. Named by their logical ids. */
export class RunbookRuns {
  readonly #installation: () => Installation;
  readonly #raised = new Set<AlarmId>();
  readonly #ended = new Set<AlarmId>();

  constructor(installation: () => Installation) {
    this.#installation = installation;
  }

  /** Does what raises alarms that do not stand yet, and waits until each of them stands. @returns the seconds that took */
  async raise(ids: readonly AlarmId[], mostMinutes: number, cause: () => Promise<unknown>): Promise<number> {
    const before = await this.#states(ids);
    expect(before.filter(([, state]) => state === 'ALARM')).toEqual([]);
    const seconds = await this.#until(
      ids,
      'ALARM',
      { mostSeconds: mostMinutes * 60, stepSeconds: STEP_SECONDS },
      cause,
    );
    for (const id of ids) this.#raised.add(id);
    return seconds;
  }

  /** Does the steps of the runbook of alarms that stand, and waits until each of them is OK. */
  async end(ids: readonly AlarmId[], mostMinutes: number, steps: () => Promise<unknown>): Promise<void> {
    expect(await this.#states(ids)).toEqual(ids.map((id) => [id, 'ALARM']));
    const stepSeconds = Math.max(ENDING_STEP_SECONDS, (mostMinutes * 60) / MOST_ENDING_STEPS);
    await this.#until(ids, 'OK', { mostSeconds: mostMinutes * 60, stepSeconds }, steps);
    for (const id of ids) if (this.#raised.has(id)) this.#ended.add(id);
  }

  /** Waits until an alarm stands without setting the clock forward. */
  async stands(id: AlarmId, limitMs: number): Promise<void> {
    const ask = async () => ((await stateOf(this.#installation(), nameOf(id))) === 'ALARM' ? true : undefined);
    await eventually(ask, `that ${id} goes off`, limitMs);
  }

  /** Those that were raised and ended. */
  get ended(): readonly AlarmId[] {
    return [...this.#ended].sort();
  }

  /** Those that were raised and stand. */
  async lineage(): Promise<readonly AlarmId[]> {
    const states = await this.#states([...this.#raised]);
    return states.filter(([, state]) => state === 'ALARM').map(([id]) => id);
  }

  #states(ids: readonly AlarmId[]): Promise<readonly (readonly [AlarmId, string])[]> {
    return Promise.all(ids.map(async (id) => [id, await stateOf(this.#installation(), nameOf(id))] as const));
  }

  async #until(
    ids: readonly AlarmId[],
    state: string,
    { mostSeconds, stepSeconds }: Passing,
    act: () => Promise<unknown>,
  ): Promise<number> {
    const clock = () => this.#installation().cloud.admin.setClockForward(0);
    const beganAtEpochMs = await clock();
    await act();
    const left = new Set(ids);
    const isReached = async () => {
      for (const [id, found] of await this.#states([...left])) if (found === state) left.delete(id);
      return left.size === 0;
    };
    const passed = await passedUntil(this.#installation(), mostSeconds, isReached, stepSeconds);
    if (passed === undefined)
      throw new Error(`${[...left]} did not become ${state} within ${mostSeconds / 60} minutes`);
    return Math.round(((await clock()) - beganAtEpochMs) / 1000);
  }
}

/** Takes actions away from the role of a function, until they are given back. */
export async function deny(installation: Installation, role: string, actions: readonly string[]): Promise<void> {
  const iam = new IAMClient(hubOf(installation));
  const PolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Deny', Action: actions, Resource: '*' }],
  });
  const RoleName = await new Grants(iam).role(`patchwave-${role}`);
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: BROKEN, PolicyDocument }));
}

export async function giveBack(installation: Installation, role: string): Promise<void> {
  const iam = new IAMClient(hubOf(installation));
  const RoleName = await new Grants(iam).role(`patchwave-${role}`);
  await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: BROKEN }));
}

/** Queues of the stack by the logical id that their names begin with. */
export class Queues {
  readonly #sqs: SQSClient;
  readonly #urls: ReadonlyMap<string, string>;

  constructor(installation: Installation, urls: ReadonlyMap<string, string>) {
    this.#sqs = new SQSClient(hubOf(installation));
    this.#urls = urls;
  }

  #url(id: string): string {
    const url = this.#urls.get(id);
    if (url === undefined) throw new Error(`the stack has no queue ${id}`);
    return url;
  }

  async send(id: string, MessageBody: string): Promise<void> {
    await this.#sqs.send(new SendMessageCommand({ QueueUrl: this.#url(id), MessageBody }));
  }

  /** Messages that are there, hidden or not. */
  async count(id: string): Promise<number> {
    const { Attributes } = await this.#sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: this.#url(id), AttributeNames: ['All'] }),
    );
    return Number(Attributes?.ApproximateNumberOfMessages) + Number(Attributes?.ApproximateNumberOfMessagesNotVisible);
  }

  /** Messages that Lambda may take now. */
  async visible(id: string): Promise<number> {
    const { Attributes } = await this.#sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: this.#url(id), AttributeNames: ['All'] }),
    );
    return Number(Attributes?.ApproximateNumberOfMessages);
  }

  /** The command of the runbook. */
  async redrive(from: string, to: string): Promise<void> {
    const [SourceArn, DestinationArn] = await Promise.all([from, to].map((id) => this.#arn(id)));
    await this.#sqs.send(new StartMessageMoveTaskCommand({ SourceArn, DestinationArn }));
  }

  async purge(id: string): Promise<void> {
    await this.#sqs.send(new PurgeQueueCommand({ QueueUrl: this.#url(id) }));
  }

  async #arn(id: string): Promise<string | undefined> {
    const { Attributes } = await this.#sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: this.#url(id), AttributeNames: ['QueueArn'] }),
    );
    return Attributes?.QueueArn;
  }
}

/** The queues of the deployed stack. */
export async function queuesOf(installation: Installation): Promise<Queues> {
  const urls = new Map<string, string>();
  const client = new CloudFormationClient(hubOf(installation));
  for await (const { StackResourceSummaries = [] } of paginateListStackResources(
    { client },
    { StackName: 'patchwave' },
  )) {
    for (const { LogicalResourceId, PhysicalResourceId, ResourceType } of StackResourceSummaries)
      if (ResourceType === 'AWS::SQS::Queue') urls.set(LogicalResourceId ?? '', PhysicalResourceId ?? '');
  }
  return new Queues(installation, urls);
}
