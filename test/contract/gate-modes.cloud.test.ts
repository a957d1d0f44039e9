import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { DynamoGateModes } from '../../shared/adapters/gate-modes.ts';
import { useCloud } from '../support/cloud.ts';
import { gateModesContract } from './gate-modes.contract.ts';

const cloud = useCloud();
let tables = 0;

async function made() {
  const client = new DynamoDBClient(cloud().clients('444455556666', 'eu-west-1'));
  const TableName = `modes-${++tables}`;
  await client.send(
    new CreateTableCommand({
      ...{ TableName, BillingMode: 'PAY_PER_REQUEST' },
      AttributeDefinitions: [{ AttributeName: 'cluster', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'cluster', KeyType: 'HASH' }],
    }),
  );
  const documents = DynamoDBDocumentClient.from(client);
  return { documents, TableName, modes: new DynamoGateModes(documents, TableName) };
}

gateModesContract(async () => (await made()).modes);

test('knows no mode where an item has none that there is', async () => {
  const { documents, TableName, modes } = await made();
  await documents.send(new PutCommand({ TableName, Item: { cluster: 'a', mode: 'open', askedAtEpochMs: 1 } }));
  expect(await modes.of('a')).toBeUndefined();
});
