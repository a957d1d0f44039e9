import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BatchGetCommand, GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { explained } from '../../../cli/errors.ts';
import { ledgerClient, promptLedgerClient } from '../../../shared/adapters/clients.ts';

let server: Server;
let type: string;
beforeAll(async () => {
  server = createServer((_, response) => {
    response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(
      JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: 'Requested resource not found' }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => server.close());

const config = () => ({
  endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  ...{ region: 'eu-west-1', credentials: { accessKeyId: 'id', secretAccessKey: 'key' } },
});
const Key = { PK: 'RUN', SK: 'CURRENT' };
const CALLS = [
  () => ledgerClient(config()).send(new GetCommand({ TableName: 'pw-ledger', Key })),
  () => ledgerClient(config()).send(new BatchGetCommand({ RequestItems: { 'pw-ledger': { Keys: [Key] } } })),
  () =>
    promptLedgerClient(config()).send(new QueryCommand({ TableName: 'pw-ledger', KeyConditionExpression: 'PK = :pk' })),
];

test.each(CALLS)('a deleted table is named, with the next step and what AWS said', async (call) => {
  type = 'ResourceNotFoundException';
  const error = await call().catch((one: unknown) => one);
  expect(error).toMatchObject({ name: 'LedgerMissingError' });
  expect(explained(error)).toMatch(
    /^The ledger's table pw-ledger does not exist in this account and Region\. .*docs\/operations\.md\.\n {2}because: Requested resource not found$/,
  );
});

test('any other error stays as it is', async () => {
  type = 'AccessDeniedException';
  await expect(CALLS[0]?.()).rejects.toMatchObject({ name: 'AccessDeniedException' });
});
