import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { eventually, probeCloud } from '../../local/cloud/probe.ts';
import { makeQueue } from '../../local/cloud/probe-events.ts';
import type { Installation } from '../../local/installation.ts';
import { hubOf } from './readings.ts';

export interface TestEvent {
  readonly 'detail-type': string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** The outbox is read once a second. */
const SETTLED_MS = 4000;
const LIMIT_MS = 30_000;
let subscriptions = 0;

/** A queue that gets the events of the bus from now on, like a consumer. */
export async function subscribe(
  installation: Installation,
  busArn: string,
  pattern: Readonly<Record<string, readonly string[]>>,
): Promise<Inbox> {
  const config = hubOf(installation);
  const { url, arn } = await makeQueue(probeCloud(installation.cloud), ['events.amazonaws.com'], config);
  const events = new EventBridgeClient(config);
  const [, EventBusName = ''] = busArn.split('event-bus/');
  subscriptions += 1;
  const Name = `subscription-${subscriptions}`;
  await events.send(new PutRuleCommand({ Name, EventBusName, EventPattern: JSON.stringify(pattern) }));
  await events.send(new PutTargetsCommand({ Rule: Name, EventBusName, Targets: [{ Id: 'inbox', Arn: arn }] }));
  return new Inbox(new SQSClient(config), url);
}

export class Inbox {
  readonly #sqs: SQSClient;
  readonly #url: string;
  /** What came in so far. */
  readonly events: TestEvent[] = [];

  constructor(sqs: SQSClient, url: string) {
    this.#sqs = sqs;
    this.#url = url;
  }

  /** Takes in what comes until something is so. */
  async until(isSo: () => boolean): Promise<void> {
    await eventually(
      async () => {
        await this.#receive();
        return isSo() ? true : undefined;
      },
      'What the bus should receive',
      LIMIT_MS,
    );
  }

  /** All that came, once nothing has come for a while. */
  async all(): Promise<readonly TestEvent[]> {
    for (let quietSince = Date.now(); Date.now() - quietSince < SETTLED_MS; ) {
      if (await this.#receive()) quietSince = Date.now();
    }
    return this.events;
  }

  async #receive(): Promise<boolean> {
    const { Messages = [] } = await this.#sqs.send(
      new ReceiveMessageCommand({ QueueUrl: this.#url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
    );
    if (Messages.length === 0) return false;
    this.events.push(...Messages.map(({ Body = '{}' }) => JSON.parse(Body) as TestEvent));
    const Entries = Messages.map(({ ReceiptHandle = '' }, index) => ({ Id: String(index), ReceiptHandle }));
    await this.#sqs.send(new DeleteMessageBatchCommand({ QueueUrl: this.#url, Entries }));
    return true;
  }
}
