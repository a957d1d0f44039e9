import assert from 'node:assert/strict';
import { CreateTopicCommand, ListSubscriptionsByTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import type { ProbeCloud } from '../probe.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const sns = new SNSClient(cloud.config);
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: cloud.unique('topic') }));
  // Nothing answers there, so it stays unconfirmed.
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'https', Endpoint: 'https://127.0.0.1:9/none' }));
  const { Subscriptions = [] } = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
  assert.deepEqual(
    Subscriptions.map(({ SubscriptionArn }) => SubscriptionArn),
    ['PendingConfirmation'],
  );
}
