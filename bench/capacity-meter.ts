import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CapacityCounter, RequestUnits } from './capacity.ts';

/** A proxy between one function and DynamoDB: passes every call on unchanged, and adds up its cost. */
export interface CapacityMeter {
  /** For `AWS_ENDPOINT_URL_DYNAMODB` of the function. */
  readonly endpoint: string;
  /** Units since the last call of this method. @throws the first problem of a measured call */
  take(): RequestUnits;
  stop(): Promise<void>;
}

/**
 * Starts a meter in front of an endpoint of DynamoDB on this machine.
 * @param counter one for all meters of a table
 */
export async function startCapacityMeter(behind: string, counter: CapacityCounter): Promise<CapacityMeter> {
  let units: RequestUnits = { read: 0, write: 0 };
  let problem: unknown;
  const server = createServer((incoming, outgoing) => {
    passOn(behind, incoming, outgoing)
      .then(({ status, input, output }) => {
        const operation = String(incoming.headers['x-amz-target']).split('.')[1] ?? '';
        // A condition that did not hold is refused with 400 and costs its write; a throttled call costs nothing.
        const isRefused = status >= 400 && output.includes('ConditionalCheckFailed');
        if (status >= 400 && !isRefused) return;
        const more = counter.unitsOf(operation, JSON.parse(input), JSON.parse(output), isRefused);
        units = { read: units.read + more.read, write: units.write + more.write };
      })
      .catch((error: unknown) => {
        problem ??= error;
        outgoing.destroy();
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    take: () => {
      if (problem !== undefined) throw problem;
      const taken = units;
      units = { read: 0, write: 0 };
      return taken;
    },
    stop: () => stop(server),
  };
}

/** The host stays the one that was signed. */
async function passOn(behind: string, incoming: IncomingMessage, outgoing: ServerResponse) {
  const input = await bodyOf(incoming);
  const { hostname, port } = new URL(behind);
  const { method = 'POST', url = '/', headers } = incoming;
  const reply = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ hostname, port, method, path: url, headers }, resolve).on('error', reject).end(input);
  });
  const output = await bodyOf(reply);
  const status = reply.statusCode ?? 502;
  outgoing.writeHead(status, reply.headers).end(output);
  return { status, input: input.toString(), output: output.toString() };
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
