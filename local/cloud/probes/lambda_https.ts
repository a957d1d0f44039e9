import assert from 'node:assert/strict';
import type { ProbeCloud } from '../probe.ts';
import { invoking, makeFunction, run } from '../probe-workflows.ts';

/** The first byte of a TLS handshake. */
const HANDSHAKE = 0x16;

/** The function asks a server of its own for HTTPS, which tells what came first. */
const SOURCE = `
import { request } from 'node:https';
import { createServer } from 'node:net';
export const handler = () => new Promise((resolve) => {
  const server = createServer((socket) => {
    socket.once('data', ([first]) => {
      socket.destroy();
      server.close();
      resolve(first);
    });
  });
  server.listen(0, '127.0.0.1', () => {
    request('https://127.0.0.1:' + server.address().port).on('error', () => {}).end();
  });
});`;

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const { output } = await run(cloud, invoking(await makeFunction(cloud, SOURCE)));
  assert.equal(output, HANDSHAKE);
}
