import assert from 'node:assert/strict';
import { CreateEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import {
  CreateKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  KMSClient,
  PutKeyPolicyCommand,
} from '@aws-sdk/client-kms';
import type { ProbeCloud } from '../probe.ts';
import { attributeOf, makeQueue, makeRule, putEvent, received } from '../probe-events.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const account = cloud.config.credentials.accessKeyId;
  const kms = new KMSClient(cloud.config);
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Policy: policyOf(account, 'events.amazonaws.com') }));
  const KeyId = KeyMetadata?.Arn;
  assert.ok(KeyId);
  const [arrived, deadLetters] = [await makeQueue(cloud), await makeQueue(cloud)];
  const Name = cloud.unique('bus');
  await new EventBridgeClient(cloud.config).send(
    new CreateEventBusCommand({ Name, KmsKeyIdentifier: KeyId, DeadLetterConfig: { Arn: deadLetters.arn } }),
  );
  await makeRule(cloud, Name, [{ Arn: arrived.arn }]);

  await putEvent(cloud, Name, { order: 1 });
  assert.deepEqual((await received(cloud, arrived)).body.detail, { order: 1 });

  // A key that is disabled: nothing is delivered, and the event waits in the queue of the bus.
  await kms.send(new DisableKeyCommand({ KeyId }));
  await putEvent(cloud, Name, { order: 2 });
  const dead = await received(cloud, deadLetters);
  assert.deepEqual([dead.body.source, dead.body.detail], ['probe', { order: 2 }]);
  assert.match(attributeOf(dead, 'ERROR_MESSAGE') ?? '', /disabled/);
  await kms.send(new EnableKeyCommand({ KeyId }));

  // The same where the policy of the key does not let EventBridge use it.
  await kms.send(new PutKeyPolicyCommand({ KeyId, Policy: policyOf(account, 'logs.amazonaws.com') }));
  await putEvent(cloud, Name, { order: 3 });
  assert.deepEqual((await received(cloud, deadLetters)).body.detail, { order: 3 });

  await kms.send(new PutKeyPolicyCommand({ KeyId, Policy: policyOf(account, 'events.amazonaws.com') }));
  await putEvent(cloud, Name, { order: 4 });
  // What was set aside is not delivered later.
  assert.deepEqual((await received(cloud, arrived)).body.detail, { order: 4 });
}

/** Of a key that a service may use for what is in the account. */
const policyOf = (account: string, Service: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: 'kms:*', Resource: '*' },
      {
        ...{ Effect: 'Allow', Principal: { Service }, Resource: '*' },
        Action: ['kms:Decrypt', 'kms:DescribeKey', 'kms:GenerateDataKey'],
        Condition: { StringEquals: { 'aws:SourceAccount': account } },
      },
    ],
  });
