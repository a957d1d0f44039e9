import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CapacityCounter } from '../../../bench/capacity.ts';
import { type CapacityMeter, startCapacityMeter } from '../../../bench/capacity-meter.ts';

/** What the ledger behind the meter answers, and what it was asked. */
interface Behind {
  readonly server: Server;
  readonly hosts: (string | undefined)[];
  status: number;
  body: unknown;
}

let behind: Behind;
let meter: CapacityMeter;

beforeEach(async () => {
  const server = createServer((incoming, outgoing) => {
    behind.hosts.push(incoming.headers.host);
    incoming.resume().on('end', () => outgoing.writeHead(behind.status).end(JSON.stringify(behind.body)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  behind = { server, hosts: [], status: 200, body: {} };
  const counter = new CapacityCounter({ keys: ['PK'], indexes: [] });
  meter = await startCapacityMeter(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, counter);
});
afterEach(async () => {
  await meter.stop();
  behind.server.closeAllConnections();
  await new Promise((resolve) => behind.server.close(resolve));
});

async function call(operation: string, input: unknown): Promise<unknown> {
  const headers = { 'x-amz-target': `DynamoDB_20120810.${operation}` };
  const response = await fetch(meter.endpoint, { method: 'POST', headers, body: JSON.stringify(input) });
  return response.json();
}

test('calls pass unchanged under the host that was signed, and their units add up until they are taken', async () => {
  behind.body = { Item: { PK: { S: 'x'.repeat(5000) } } };
  expect(await call('GetItem', { ConsistentRead: true })).toEqual(behind.body);
  await call('PutItem', { Item: { PK: { S: 'x' } } });
  expect(behind.hosts).toEqual([new URL(meter.endpoint).host, new URL(meter.endpoint).host]);
  expect(meter.take()).toEqual({ read: 2, write: 1 });
  expect(meter.take()).toEqual({ read: 0, write: 0 });
});

test('a write that its condition refused costs, a throttled one does not', async () => {
  behind.status = 400;
  behind.body = { __type: 'com.amazonaws.dynamodb.v20120810#ThrottlingException' };
  await call('PutItem', { Item: { PK: { S: 'x' } } });
  expect(meter.take()).toEqual({ read: 0, write: 0 });
  behind.body = { __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException' };
  await call('PutItem', { Item: { PK: { S: 'x' } } });
  expect(meter.take()).toEqual({ read: 0, write: 1 });
});

test('a call that nobody knows the price of is told when units are taken', async () => {
  await call('TransactWriteItems', {}).catch(() => undefined);
  expect(() => meter.take()).toThrow('TransactWriteItems');
});
