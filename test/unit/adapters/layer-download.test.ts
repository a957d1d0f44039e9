import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { downloadBlob } from '../../../shared/adapters/layer-download.ts';
import { digestOf } from '../../support/samples.ts';
import { countingBackoff } from './support.ts';

const CONTENT = '{"os":"linux"}';
const DIGEST = digestOf(CONTENT);
let server: Server | undefined;
afterEach(() => server?.close());

/** Serves each request with the next of the listeners, the last one again and again. */
async function serve(...listeners: readonly RequestListener[]): Promise<string> {
  let asked = 0;
  server = createServer((request, response) => listeners[Math.min(asked++, listeners.length - 1)]?.(request, response));
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/blob`;
}

const content: RequestListener = (_, response) => response.end(CONTENT);
const status =
  (code: number): RequestListener =>
  (_, response) =>
    response.writeHead(code).end('no');

test('a blob comes as it is', async () => {
  const url = await serve(content);
  expect(new TextDecoder().decode(await downloadBlob(DIGEST, async () => url))).toBe(CONTENT);
});

test.each([403, 429, 500, 503])('after status %d it is located and requested again', async (code) => {
  const url = await serve(status(code), content);
  const located: string[] = [];
  const backoff = countingBackoff(3);
  const locate = async () => {
    located.push(url);
    return url;
  };
  expect(await downloadBlob(DIGEST, locate, backoff)).toHaveLength(CONTENT.length);
  expect(located).toHaveLength(2);
  expect(backoff.waits).toEqual([1]);
});

test('a connection that is lost in the middle of a download is tried again', async () => {
  const broken: RequestListener = (_, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('{');
    setImmediate(() => response.destroy());
  };
  const url = await serve(broken, content);
  expect(await downloadBlob(DIGEST, async () => url, countingBackoff(3))).toHaveLength(CONTENT.length);
});

test('an incomplete download is an error with the reason', async () => {
  const url = await serve(status(503));
  await expect(downloadBlob(DIGEST, async () => url, countingBackoff(3))).rejects.toMatchObject({
    name: 'LayerDownloadError',
    message: expect.stringContaining('503'),
  });
});

test('content with another digest is refused and not requested again', async () => {
  const url = await serve(content, status(500));
  const backoff = countingBackoff(3);
  await expect(downloadBlob(digestOf('other'), async () => url, backoff)).rejects.toMatchObject({
    name: 'ImageConfigError',
  });
  expect(backoff.waits).toEqual([]);
});

test('a blob without end is cut off', async () => {
  const endless: RequestListener = (_, response) => {
    const chunk = Buffer.alloc(64 * 1024);
    const more = () => {
      while (response.writable && response.write(chunk));
    };
    response.on('drain', more).on('error', () => response.destroy());
    more();
  };
  const url = await serve(endless);
  await expect(downloadBlob(DIGEST, async () => url, countingBackoff(3))).rejects.toMatchObject({
    name: 'ImageConfigError',
    message: expect.stringContaining('larger'),
  });
});

test('where it lies is not known: that error is thrown on', async () => {
  const lost = Object.assign(new Error('gone'), { name: 'ImageConfigError' });
  await expect(downloadBlob(DIGEST, () => Promise.reject(lost), countingBackoff(3))).rejects.toBe(lost);
});
