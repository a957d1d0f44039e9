import assert from 'node:assert/strict';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type { ProbeCloud } from '../probe.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const events = new EventBridgeClient(cloud.config);
  const entry = (bytes: number) => ({
    Source: 'probe',
    DetailType: 'size',
    Detail: JSON.stringify({ filler: 'x'.repeat(bytes) }),
  });
  const { FailedEntryCount } = await events.send(
    new PutEventsCommand({ Entries: [entry(120 * 1024), entry(120 * 1024)] }),
  );
  assert.equal(FailedEntryCount, 0);
  await assert.rejects(
    events.send(new PutEventsCommand({ Entries: [entry(120 * 1024), entry(120 * 1024), entry(20 * 1024)] })),
    { name: 'ValidationException' },
  );
}
