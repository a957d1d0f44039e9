import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import type { StreamImages } from '../../shared/ports/stream-images.ts';
import { digestOf, NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

export function streamImagesContract({ make }: Contract<StreamImages>): void {
  test('every image of a stream is listed once, and no other', async () => {
    const images = await make();
    const digests = Array.from({ length: 120 }, (_, n) => digestOf(`image-${n}`));
    await mapConcurrently(digests, 16, (digest) => images.record('one', { digest, pushedAtEpochMs: NOON_EPOCH_MS }));
    await images.record('one', { digest: digestOf('image-0') });
    await images.record('two', { digest: digestOf('other') });
    expect((await collect(images.of('one'))).sort()).toEqual([...digests].sort());
    expect(await collect(images.of('two'))).toEqual([digestOf('other')]);
    expect(await collect(images.of('three'))).toEqual([]);
  });
}
