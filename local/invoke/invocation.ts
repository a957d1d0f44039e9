/* What `npm run invoke` and `npm run logs` ask of their words, and of the cloud. */

/** Wrong use; the message says what is right. */
export class InvokeUsageError extends Error {
  override readonly name = 'InvokeUsageError';
}

export interface KeptCloud {
  readonly endpoint: string;
}

/**
 * The embedded cloud that a demo left up.
 * @throws InvokeUsageError where the environment names none: nothing here ever calls AWS.
 */
export function keptCloud({ AWS_ENDPOINT_URL: endpoint }: Readonly<Record<string, string | undefined>>): KeptCloud {
  if (endpoint !== undefined && /^http:\/\/127\.0\.0\.1:\d+\/?$/.test(endpoint))
    return { endpoint: endpoint.replace(/\/$/, '') };
  throw new InvokeUsageError(
    'AWS_ENDPOINT_URL does not point to an embedded cloud. Run `npm run demo -- --keep`, then run the line that it prints under "set once".',
  );
}

/** @throws InvokeUsageError where there is no such function */
export function deployedName(name: string, known: readonly string[], stack = 'patchwave'): string {
  if (known.includes(name)) return `${stack}-${name}`;
  throw new InvokeUsageError(`Unknown function "${name}". Use one of ${known.join(', ')}.`);
}

/**
 * A file as the input of a function. Events reach functions by queues only, so an event is put into a message of one.
 * @throws InvokeUsageError where the file is no JSON
 */
export function inputOf(text: string, name: string): unknown {
  const document = jsonOf(text);
  if (typeof document !== 'object' || document === null || !('detail-type' in document)) return document;
  return {
    Records: [
      {
        messageId: 'invoke-1',
        receiptHandle: 'invoke-1',
        body: JSON.stringify(document),
        attributes: { ApproximateReceiveCount: '1' },
        messageAttributes: {},
        eventSource: 'aws:sqs',
        eventSourceARN: `arn:aws:sqs:::invoke-${name}`,
      },
    ],
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvokeUsageError(`The file is not valid JSON: ${(error as Error).message}`, { cause: error });
  }
}
