import assert from 'node:assert/strict';
import { EventBridgeClient, PutEventsCommand, type PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import type { ProbeCloud } from '../probe.ts';
import { makeBus, makeQueue, makeRule, putBusPolicy, received } from '../probe-events.ts';
import { sessionThatMay } from '../probe-sessions.ts';

type Named = Pick<PutEventsRequestEntry, 'Source' | 'DetailType'>;

const PROBE: Named = { Source: 'probe', DetailType: 'Probe' };
const OTHER: Named = { Source: 'other', DetailType: 'Other' };

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const hub = cloud.clients(cloud.hubAccount, cloud.config.region);
  const bus = await makeBus(cloud, hub);
  const Resource = `arn:aws:events:${hub.region}:${cloud.hubAccount}:event-bus/${bus}`;
  const sender = new EventBridgeClient(await sessionThatMay(cloud, [{ Action: 'events:PutEvents', Resource }]));
  const put = (named: readonly Named[], EventBusName = Resource, by = sender) =>
    by.send(new PutEventsCommand({ Entries: named.map((each) => ({ EventBusName, Detail: '{}', ...each })) }));
  const permit = (Condition: object) =>
    putBusPolicy(cloud, bus, [{ Sid: 'probe', Principal: '*', Action: 'events:PutEvents', Resource, Condition }], hub);

  // Without a policy another account may not put events.
  await assert.rejects(put([PROBE]), { name: 'AccessDeniedException' });

  // A set is compared by a set operator only.
  await permit({ StringEquals: { 'events:source': 'probe' } });
  await assert.rejects(put([PROBE]), { name: 'AccessDeniedException' });

  // Every event of a call has to be one that the policy allows, not some of them.
  await permit({
    'ForAllValues:StringEquals': { 'events:source': 'probe', 'events:detail-type': 'Probe' },
    Null: { 'events:source': 'false', 'events:detail-type': 'false' },
  });
  await assert.rejects(put([PROBE, OTHER]), { name: 'AccessDeniedException' });
  await assert.rejects(put([{ ...PROBE, DetailType: 'Other' }]), { name: 'AccessDeniedException' });
  const arrived = await makeQueue(cloud, undefined, hub);
  await makeRule(cloud, bus, [{ Arn: arrived.arn }], hub);
  assert.equal((await put([PROBE, PROBE])).FailedEntryCount, 0);
  const { body } = await received(cloud, arrived, hub);
  assert.deepEqual([body.account, body.source], [cloud.config.credentials.accessKeyId, 'probe']);

  // With ForAnyValue one of them is enough: what a policy must not say.
  await permit({ 'ForAnyValue:StringEquals': { 'events:source': 'probe' } });
  assert.equal((await put([PROBE, OTHER])).FailedEntryCount, 0);

  // The absent key passes ForAllValues alone, and the entry is refused by itself.
  await permit({ 'ForAllValues:StringEquals': { 'events:source': 'probe' } });
  const { Entries = [] } = await put([{ DetailType: 'Probe' }]);
  assert.equal(Entries[0]?.ErrorCode, 'InvalidArgument');

  // The policies of a role see the same sets, for each bus of a call by itself.
  const own = await makeBus(cloud);
  const allowed = { 'ForAllValues:StringEquals': { 'events:source': 'probe' }, Null: { 'events:source': 'false' } };
  const narrow = new EventBridgeClient(
    await sessionThatMay(cloud, [{ Action: 'events:PutEvents', Resource: '*', Condition: allowed }]),
  );
  await assert.rejects(put([PROBE, OTHER], own, narrow), { name: 'AccessDeniedException' });
  assert.equal((await put([PROBE], own, narrow)).FailedEntryCount, 0);
  const onTwo = [own, 'default'].map((EventBusName) => ({ EventBusName, Detail: '{}', ...PROBE }));
  assert.equal((await narrow.send(new PutEventsCommand({ Entries: onTwo }))).FailedEntryCount, 0);
}
