import type { Digest } from '../../../shared/domain/image/image.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import { readAncestors } from '../../../shared/inventory/read-ancestors.ts';
import { digestOf, imageProperties } from '../../support/samples.ts';

const record = (name: string, parent?: string): ImageRecord => ({
  ...imageProperties(name),
  ...{ inUse: true, isHead: false, scan: { state: 'complete', coverage: ['os'] } },
  ...(parent !== undefined && {
    lineage: { parent: { digest: digestOf(parent), evidence: 'layers' }, age: { known: false, unknown: [] } },
  }),
});

/** A ledger of these images that keeps what it was asked. */
function ledgerOf(...records: readonly ImageRecord[]) {
  const known = new Map(records.map((one) => [one.digest, one]));
  const asked: Digest[] = [];
  return {
    asked,
    get: async (digests: readonly Digest[]) => {
      asked.push(...digests);
      return new Map(
        digests.flatMap((digest) => (known.has(digest) ? [[digest, known.get(digest) as ImageRecord]] : [])),
      );
    },
  };
}

test('two images on one platform: the platform and its base are read once', async () => {
  const images = ledgerOf(
    record('app', 'platform'),
    record('job', 'platform'),
    record('platform', 'base'),
    record('base'),
  );
  const known = await readAncestors(images, [digestOf('app'), digestOf('job')], ({ isHead }) => isHead);
  expect([...known.keys()]).toEqual(['app', 'job', 'platform', 'base'].map(digestOf));
  expect(images.asked).toHaveLength(4);
});

test('images built on each other in a circle end the reading', async () => {
  const images = ledgerOf(record('one', 'other'), record('other', 'one'));
  expect((await readAncestors(images, [digestOf('one')], () => true)).size).toBe(2);
});

test('an ancestor that the ledger does not know is left out', async () => {
  const known = await readAncestors(ledgerOf(record('app', 'gone')), [digestOf('app')], () => true);
  expect([...known.keys()]).toEqual([digestOf('app')]);
});

test('the next images may depend on the picked part', async () => {
  const images = ledgerOf(record('app', 'platform'), record('base'));
  const known = await readAncestors(
    images,
    [digestOf('app')],
    ({ digest }) => (digest === digestOf('app') ? [digestOf('base')] : []),
    (_, picked) => picked,
  );
  expect([...known.keys()]).toEqual(['app', 'base'].map(digestOf));
});
