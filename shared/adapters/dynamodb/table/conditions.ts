import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import type { Condition } from './item.ts';

/** Turns a condition that does not hold into `false`; every other error is thrown on. */
export async function conditional(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** A condition as a command of DynamoDB takes it. */
export const expressions = (condition: Condition | undefined) =>
  condition && {
    ConditionExpression: condition.expression,
    ...(condition.names && { ExpressionAttributeNames: { ...condition.names } }),
    ...(condition.values && { ExpressionAttributeValues: { ...condition.values } }),
  };
