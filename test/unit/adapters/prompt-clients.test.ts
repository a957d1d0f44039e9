import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll } from '@jest/globals';
import { promptLedgerClient } from '../../../shared/adapters/clients.ts';

let server: Server;
let asked = 0;
beforeAll(async () => {
  server = createServer(() => {
    asked += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

test('a call that hangs ends by itself, after it was made again', async () => {
  const client = promptLedgerClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const startedAtMs = performance.now();
  await expect(client.send(new GetCommand({ TableName: 'ledger', Key: { PK: 'a', SK: 'b' } }))).rejects.toThrow();
  expect(performance.now() - startedAtMs).toBeLessThan(8_000);
  expect(asked).toBe(3);
  client.destroy();
}, 10_000);
