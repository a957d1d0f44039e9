import { ConditionalCheckFailedException, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
} from '@aws-sdk/lib-dynamodb';
import { holds, type StoredItem } from './condition.ts';

/** What becomes of one call: its process may die before or after it, or its reply is lost and the client repeats it. */
export type Fate = 'done' | 'dies-before' | 'dies-after' | 'reply-lost';

/** A process that died: whatever it would have done next is not done. */
export class DiedError extends Error {
  override readonly name = 'DiedError';
}

/**
 * One table in memory, asked through the real document client, one item's write at a time as in DynamoDB. So an adapter
 * can be interleaved with others call by call; what DynamoDB itself does is for the contract over the embedded cloud.
 */
export class MemoryTable {
  readonly items = new Map<string, StoredItem>();

  /** A client of its own for each process; `next` waits for its turn and tells the fate of the call. */
  client(next: () => Promise<Fate>): DynamoDBDocumentClient {
    return new MemoryClient(this, next);
  }

  /** @throws ConditionalCheckFailedException */
  apply(command: unknown): object {
    if (command instanceof GetCommand) return { Item: this.#get(command.input.Key) };
    if (command instanceof BatchGetCommand) {
      const asked = Object.entries(command.input.RequestItems ?? {});
      const found = asked.map(([table, { Keys = [] }]) => [table, Keys.flatMap((key) => this.#get(key) ?? [])]);
      return { Responses: Object.fromEntries(found) };
    }
    if (command instanceof BatchWriteCommand) {
      const puts = Object.values(command.input.RequestItems ?? {}).flat();
      for (const { PutRequest } of puts)
        if (PutRequest?.Item) this.#write({ TableName: '', ...PutRequest }, PutRequest.Item);
      return {};
    }
    if (command instanceof PutCommand) return this.#write(command.input, command.input.Item);
    if (command instanceof DeleteCommand) return this.#write({ ...command.input, Item: command.input.Key });
    if (command instanceof QueryCommand) return { Items: this.#query(command.input) };
    throw new TypeError(`no ${command?.constructor.name} in memory`);
  }

  /** Applies a command whose reply nobody gets. */
  try(command: unknown): void {
    try {
      this.apply(command);
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  }

  #get(key: StoredItem | undefined): StoredItem | undefined {
    return structuredClone(this.items.get(keyOf(key)));
  }

  #write(
    { Item: target, ConditionExpression: condition, ...names }: PutCommand['input'],
    after?: StoredItem | undefined,
  ): object {
    const key = keyOf(target);
    if (condition !== undefined && !holds(condition, this.items.get(key) ?? {}, names)) {
      throw new ConditionalCheckFailedException({ message: 'The conditional request failed', $metadata: {} });
    }
    if (after) this.items.set(key, structuredClone(after));
    else this.items.delete(key);
    return {};
  }

  #query({ KeyConditionExpression: condition = '', ScanIndexForward, ...names }: QueryCommand['input']): StoredItem[] {
    const found = [...this.items.values()].filter((item) => holds(condition, item, names));
    const inOrder = found.sort((one, other) => (String(one.SK) < String(other.SK) ? -1 : 1));
    return structuredClone(ScanIndexForward === false ? inOrder.reverse() : inOrder);
  }
}

const keyOf = (key: StoredItem | undefined): string => `${String(key?.PK)} ${String(key?.SK)}`;

class MemoryClient extends DynamoDBDocumentClient {
  constructor(table: MemoryTable, next: () => Promise<Fate>) {
    super(new DynamoDBClient({ region: 'us-east-1' }));
    let isDead = false;
    const send = async (command: unknown): Promise<object> => {
      const fate = isDead ? 'dies-before' : await next();
      isDead = fate.startsWith('dies');
      if (fate === 'dies-before') throw new DiedError();
      if (fate === 'reply-lost') {
        table.try(command);
        await next();
      }
      const reply = table.apply(command);
      if (fate === 'dies-after') throw new DiedError();
      return reply;
    };
    this.send = send as unknown as DynamoDBDocumentClient['send'];
  }
}
