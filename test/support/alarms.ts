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
import type { Installation } from '../../local/installation.ts';
import { Grants } from './grants.ts';
import { hubOf } from './readings.ts';

const STEP_SECONDS = 30;
const ENDING_STEP_SECONDS = 300;
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
export async function stateOf(installation: Installation, name: string): Promise<string> {
  const { MetricAlarms = [] } = await new CloudWatchClient(hubOf(installation)).send(
    new DescribeAlarmsCommand({ AlarmNames: [`patchwave-${name}`] }),
  );
  const [alarm] = MetricAlarms;
  if (alarm?.StateValue === undefined) throw new Error(`there is no alarm ${name}`);
  return alarm.StateValue;
}

/** Names of the alarms that stand, without that of the stack. */
export async function standing(installation: Installation): Promise<readonly string[]> {
  const { MetricAlarms = [] } = await new CloudWatchClient(hubOf(installation)).send(
    new DescribeAlarmsCommand({ AlarmNamePrefix: 'patchwave-', StateValue: 'ALARM', MaxRecords: 100 }),
  );
  return MetricAlarms.map(({ AlarmName = '' }) => AlarmName.replace('patchwave-', '')).sort();
}

/** The minutes after which an alarm went off; an error where it did not within these. */
export async function goesOff(installation: Installation, name: string, mostMinutes: number): Promise<number> {
  const passed = await passedUntil(
    installation,
    mostMinutes * 60,
    async () => (await stateOf(installation, name)) === 'ALARM',
  );
  if (passed === undefined) throw new Error(`${name} did not go off within ${mostMinutes} minutes`);
  return passed / 60;
}

/** The minutes after which an alarm had ended; an error where it did not within these. */
export async function ends(installation: Installation, name: string, mostMinutes = 60): Promise<number> {
  const passed = await passedUntil(
    installation,
    mostMinutes * 60,
    async () => (await stateOf(installation, name)) === 'OK',
    ENDING_STEP_SECONDS,
  );
  if (passed === undefined) throw new Error(`${name} did not end within ${mostMinutes} minutes`);
  return passed / 60;
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
