import { DescribeTableCommand, DynamoDBClient, type KeySchemaElement } from '@aws-sdk/client-dynamodb';
import { LambdaClient, paginateListEventSourceMappings } from '@aws-sdk/client-lambda';
import type { Installation } from '../local/installation.ts';
import { CapacityCounter, type RequestUnits, type TableShape } from './capacity.ts';
import { type CapacityMeter, startCapacityMeter } from './capacity-meter.ts';
import { functionsOf } from './functions.ts';

/** The functions of an installation, each with a meter between it and the ledger. */
export interface MeteredFunctions {
  /** Functions by the name of their role, which is what calls are counted by. */
  readonly byRole: ReadonlyMap<string, string>;
  /** Queues that they take their messages from. */
  readonly polledQueues: number;
  /** Request units of each function since the last time this was asked. */
  take(): ReadonlyMap<string, RequestUnits>;
  stop(): Promise<void>;
}

/** Puts a meter before the ledger of every function, by the SDK's own variable for the endpoint of one service. */
export async function meterFunctions({ cloud, fleet, deployment }: Installation): Promise<MeteredFunctions> {
  const config = cloud.clients(fleet.hub.account, fleet.hub.region);
  const client = new LambdaClient(config);
  const counter = new CapacityCounter(await shapeOf(new DynamoDBClient(config), deployment.ledgerTable));
  const meters = new Map<string, CapacityMeter>();
  const byRole = new Map<string, string>();
  for await (const { FunctionName = '', Role = '' } of functionsOf(client)) {
    byRole.set(Role.slice(Role.lastIndexOf('/') + 1), FunctionName);
    const meter = await startCapacityMeter(cloud.endpoint, counter);
    meters.set(FunctionName, meter);
    await cloud.admin.setVariables(FunctionName, { AWS_ENDPOINT_URL_DYNAMODB: meter.endpoint });
  }
  return {
    byRole,
    polledQueues: await polledQueues(client),
    take: () => new Map([...meters].map(([name, meter]) => [name, meter.take()])),
    stop: async () => {
      for (const meter of meters.values()) await meter.stop();
    },
  };
}

async function polledQueues(client: LambdaClient): Promise<number> {
  const queues = new Set<string>();
  for await (const { EventSourceMappings = [] } of paginateListEventSourceMappings({ client }, {})) {
    for (const { EventSourceArn = '' } of EventSourceMappings)
      if (EventSourceArn.includes(':sqs:')) queues.add(EventSourceArn);
  }
  return queues.size;
}

async function shapeOf(client: DynamoDBClient, TableName: string): Promise<TableShape> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  const namesOf = (schema: readonly KeySchemaElement[] = []) =>
    schema.flatMap(({ AttributeName }) => AttributeName ?? []);
  return {
    keys: namesOf(Table?.KeySchema),
    indexes: (Table?.GlobalSecondaryIndexes ?? []).map(({ KeySchema, Projection }) => ({
      keys: namesOf(KeySchema),
      projectsAll: Projection?.ProjectionType === 'ALL',
    })),
  };
}
