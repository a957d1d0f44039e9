import { jest } from '@jest/globals';
import type { ImageSystem } from '../../../shared/domain/image/system.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import { systemReader } from '../../../shared/judging/system-below.ts';
import { digestOf, factsOf } from './support.ts';

const ALPINE: ImageSystem = { kind: 'named', id: 'alpine', version: '3.19.1' };
const NONE: ImageSystem = { kind: 'none' };
const UNREAD: ImageSystem = { kind: 'unread' };

/** Image `number`, built on image `below`. */
const record = (number: number, below: number | undefined, system?: ImageSystem): ImageRecord => ({
  ...factsOf(digestOf(number)),
  ...{ inUse: true, isHead: false, scan: { state: 'complete', coverage: ['os'] } },
  ...(below !== undefined && {
    lineage: {
      parent: { digest: digestOf(below), evidence: 'layers' },
      age: { known: true, bornAtEpochMs: 0, decidedBy: digestOf(below) },
    },
  }),
  ...(system && { system: system.kind === 'named' ? { ...system, readAtEpochMs: number } : system }),
});

async function readOf(image: ImageRecord, ...others: readonly ImageRecord[]) {
  const known = new Map(others.map((one) => [one.digest, one]));
  const get = jest.fn(async (digests: readonly ImageRecord['digest'][]) => {
    return new Map(digests.flatMap((one) => (known.has(one) ? [[one, known.get(one) as ImageRecord]] : [])));
  });
  const read = systemReader({ images: { get } });
  const found = await read(image);
  expect(await read(image)).toEqual(found);
  return { found, reads: get.mock.calls.length };
}

test('an application has the system of its base, which is read once', async () => {
  const found = { system: ALPINE, digest: digestOf(3), readAtEpochMs: 3 };
  expect(await readOf(record(1, 2), record(2, 3), record(3, undefined, ALPINE))).toEqual({ found, reads: 2 });
});

test('its own system counts, without a reading', async () => {
  expect(await readOf(record(1, 2, NONE), record(2, undefined, ALPINE))).toEqual({
    found: { system: NONE, digest: digestOf(1) },
    reads: 0,
  });
});

test('a system that could not be read is looked for further below', async () => {
  const [first, second] = [record(1, 2, UNREAD), record(2, undefined, ALPINE)];
  expect((await readOf(first, second)).found).toEqual({ system: ALPINE, digest: digestOf(2), readAtEpochMs: 2 });
  expect((await readOf(first)).found).toEqual({ system: UNREAD, digest: digestOf(1) });
});

test('an image on no base has no known system; a circle ends', async () => {
  expect((await readOf(record(1, 2), record(2, undefined))).found).toBeUndefined();
  expect((await readOf(record(1, 2), record(2, 1))).found).toBeUndefined();
});
