import { type FunctionConfiguration, type LambdaClient, paginateListFunctions } from '@aws-sdk/client-lambda';

/** Every function of an account and Region. */
export async function* functionsOf(client: LambdaClient): AsyncIterable<FunctionConfiguration> {
  for await (const { Functions = [] } of paginateListFunctions({ client }, {})) yield* Functions;
}
