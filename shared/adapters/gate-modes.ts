import { type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { DOOR_MODES, ON_UNREACHABLE } from '../domain/policy/doors.ts';
import type { GateModes, KnownDoor, KnownMode } from '../ports/doors.ts';
import * as v from '../schema.ts';
import { conditional } from './dynamodb/table/conditions.ts';

const stored = v.object({ mode: v.picklist(DOOR_MODES), onUnreachable: v.optional(v.picklist(ON_UNREACHABLE)) });

/** The table of ecs-gate.yaml, in the account of the gate: one item for each cluster. */
export class DynamoGateModes implements GateModes {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(client: DynamoDBDocumentClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async of(cluster: string): Promise<KnownDoor | undefined> {
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: { cluster }, ConsistentRead: true }),
    );
    const parsed = v.safeParse(stored, Item);
    return parsed.success ? parsed.data : undefined;
  }

  async remember(cluster: string, { mode, onUnreachable, askedAtEpochMs }: KnownMode): Promise<void> {
    await conditional(() =>
      this.#client.send(
        new PutCommand({
          TableName: this.#table,
          Item: { cluster, mode, askedAtEpochMs, ...(onUnreachable && { onUnreachable }) },
          ConditionExpression: 'attribute_not_exists(askedAtEpochMs) OR askedAtEpochMs <= :asked',
          ExpressionAttributeValues: { ':asked': askedAtEpochMs },
        }),
      ),
    );
  }
}
