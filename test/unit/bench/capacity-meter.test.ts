import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CapacityCounter } from '../../../bench/capacity.ts';
import { type CapacityMeter, startCapacityMeter } from '../../../bench/capacity-meter.ts';

/** What the ledger behind the meter answers, and what it was asked. */
interface StaleParent {
  readonly server: Server;
  readonly hosts: (string | undefined)[];
  status: number;
  body: unknown;
}

let staleParent: StaleParent;
let meter: CapacityMeter;

beforeEach(async () => {
  const server = createServer((incoming, outgoing) => {
    staleParent.hosts.push(incoming.headers.host);
    incoming.resume().on('end', () => outgoing.writeHead(staleParent.status).end(JSON.stringify(staleParent.body)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  staleParent = { server, hosts: [], status: 200, body: {} };
  const counter = new CapacityCounter({ keys: ['PK'], indexes: [] });
  meter = await startCapacityMeter(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, counter);
});
afterEach(async () => {
  await meter.stop();
  staleParent.server.closeAllConnections();
  await new Promise((resolve) => staleParent.server.close(resolve));
});

async function call(operation: string, input: unknown): Promise<unknown> {
  const headers = { 'x-amz-target': `DynamoDB_20120810.${operation}` };
  const response = await fetch(meter.endpoint, { method: 'POST', headers, body: JSON.stringify(input) });
  return response.json();
}

test('calls pass unchanged under the host that was signed, and their units add up until they are taken', async () => {
  staleParent.body = { Item: { PK: { S: 'x'.repeat(5000) } } };
  expect(await call('GetItem', { ConsistentRead: true })).toEqual(staleParent.body);
  await call('PutItem', { Item: { PK: { S: 'x' } } });
  expect(staleParent.hosts).toEqual([new URL(meter.endpoint).host, new URL(meter.endpoint).host]);
  expect(meter.take()).toEqual({ read: 2, write: 1 });
  expect(meter.take()).toEqual({ read: 0, write: 0 });
});

test('a write that its condition refused costs, a throttled one does not', async () => {
  staleParent.status = 400;
  staleParent.body = { __type: 'com.amazonaws.dynamodb.v20120810#ThrottlingException' };
  await call('PutItem', { Item: { PK: { S: 'x' } } });
  expect(meter.take()).toEqual({ read: 0, write: 0 });
  staleParent.body = { __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException' };
  await call('PutItem', { Item: { PK: { S: 'x' } } });
  expect(meter.take()).toEqual({ read: 0, write: 1 });
});

test('a call without a known price is reported when its units are read', async () => {
  await call('TransactWriteItems', {}).catch(() => undefined);
  expect(() => meter.take()).toThrow('TransactWriteItems');
});
