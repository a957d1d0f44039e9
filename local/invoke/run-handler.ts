/** Runs one handler with the input on standard input; prints the reply as the last line. Started by `main.ts`. */

import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';

const [name = ''] = process.argv.slice(2);
const input: unknown = JSON.parse(await text(process.stdin));
const endsAtEpochMs = Date.now() + Number(process.env._LAMBDA_TIMEOUT ?? 30) * 1000;

/** What Lambda tells a handler: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html */
const context = {
  functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
  functionVersion: '$LATEST',
  invokedFunctionArn: process.env._LAMBDA_FUNCTION_ARN,
  memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
  awsRequestId: randomUUID(),
  getRemainingTimeInMillis: () => Math.max(0, endsAtEpochMs - Date.now()),
};

const { handler } = await import(new URL(`../../functions/${name}/handler.ts`, import.meta.url).href);
try {
  process.stdout.write(`${JSON.stringify(await handler(input, context))}\n`);
} catch (error) {
  const { name: kind, message } = error as Error;
  process.stdout.write(`${JSON.stringify({ errorType: kind, errorMessage: message })}\n`);
  process.exitCode = 1;
}
