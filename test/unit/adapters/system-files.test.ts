import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { packTar } from 'modern-tar';
import { MOST_SYSTEM_BYTES, readSystemFiles } from '../../../shared/adapters/system-files.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { digestOf } from '../../support/samples.ts';

const RELEASE = 'ID=alpine\nVERSION_ID=3.19.1\n';

type Files = Readonly<Record<string, string | Uint8Array>>;

async function tarOf(files: Files): Promise<Uint8Array> {
  return packTar(
    Object.entries(files).map(([name, body]) => ({ header: { name, size: Buffer.byteLength(body) }, body })),
  );
}

/** Serves layers by their number, and reads them. */
async function readOf(...layers: readonly Uint8Array[]) {
  const served: number[] = [];
  const server = createServer((request, response) => {
    const n = Number(request.url?.slice(1));
    served.push(n);
    response.end(layers[n]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const digests = layers.map((_, n) => digestOf(`layer ${n}`));
  try {
    const at = async (layer: Digest) => `http://127.0.0.1:${port}/${digests.indexOf(layer)}`;
    return { ...(await readSystemFiles(digests, at)), served };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test.each([
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
  ['no compression', (bytes: Uint8Array) => bytes],
] as const)('a layer with %s names the system', async (_, compress) => {
  const tar = await tarOf({ 'bin/sh': 'x', './etc/os-release': RELEASE });
  expect((await readOf(compress(tar))).files).toEqual({ 'etc/os-release': RELEASE });
});

test('upper layers are not read once a layer names the system', async () => {
  const base = gzipSync(await tarOf({ 'etc/os-release': RELEASE }));
  expect((await readOf(base, gzipSync(await tarOf({ app: 'x' })))).served).toEqual([0]);
});

test('each layer of an image without a system is read: it has none', async () => {
  const layer = gzipSync(await tarOf({ app: 'x' }));
  expect(await readOf(layer, layer)).toEqual({ files: {}, served: [0, 1] });
  expect(await readOf()).toEqual({ files: {}, served: [] });
});

test('beyond 4 MiB nothing is read; a file that came before names the system', async () => {
  const large = { 'usr/lib/libc.so': randomBytes(MOST_SYSTEM_BYTES + 1000), 'usr/lib/os-release': RELEASE };
  const debian = await readOf(gzipSync(await tarOf({ 'etc/debian_version': '12.5\n', ...large })));
  expect(debian).toEqual({ files: { 'etc/debian_version': '12.5\n' }, isPartial: true, served: [0] });
  const other = await readOf(gzipSync(await tarOf(large)), gzipSync(await tarOf({ 'etc/os-release': RELEASE })));
  expect(other).toEqual({ files: {}, isPartial: true, served: [0] });
});

test('a symbolic link, a folder and a file of a megabyte name nothing', async () => {
  const tar = await packTar([
    { header: { name: 'etc/os-release', type: 'symlink', linkname: '../usr/lib/os-release', size: 0 } },
    { header: { name: 'usr/lib/os-release/', type: 'directory', size: 0 } },
    { header: { name: 'etc/alpine-release', size: 1_000_000 }, body: new Uint8Array(1_000_000) },
  ]);
  expect(await readOf(gzipSync(tar))).toEqual({ files: {}, served: [0] });
});

test('a layer that unpacks to gigabytes is left at 64 MiB', async () => {
  const zeros = new Uint8Array(80 * 1024 * 1024);
  const bomb = gzipSync(await tarOf({ zeros, 'etc/os-release': RELEASE }), { level: 1 });
  expect(bomb.length).toBeLessThan(MOST_SYSTEM_BYTES);
  expect(await readOf(bomb)).toEqual({ files: {}, isPartial: true, served: [0] });
}, 30_000);

test.each([
  ['noise', randomBytes(5000)],
  ['a broken gzip', Buffer.concat([gzipSync(Buffer.alloc(9000, 'x')).subarray(0, 30), randomBytes(500)])],
])('%s is no layer, and proves no absence', async (_, bytes) => {
  expect(await readOf(bytes)).toEqual({ files: {}, isPartial: true, served: [0] });
});

test('of a hundred layers the lowest sixteen are read', async () => {
  const layer = gzipSync(await tarOf({ app: 'x' }));
  const read = await readOf(...Array.from({ length: 100 }, () => layer));
  expect(read).toEqual({ files: {}, isPartial: true, served: Array.from({ length: 16 }, (_, n) => n) });
});
