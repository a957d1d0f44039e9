import type { StreamImages } from '../../../ports/rebuilds.ts';
import * as keys from '../table/keys.ts';
import type { StreamImage } from '../table/shapes.ts';
import { DynamoImagesOfStreams } from './images-of-streams.ts';

/** Images as items of the stream that made them. */
export class DynamoStreamImages extends DynamoImagesOfStreams implements StreamImages {
  /** The earliest push, so that the order in which places of an image are read makes no difference. */
  async record(stream: string, { digest, pushedAtEpochMs }: StreamImage): Promise<void> {
    await this.records.change(keys.streamImage(stream, digest), (before) => {
      const pushes = [before?.pushedAtEpochMs, pushedAtEpochMs].filter((at) => at !== undefined);
      return { digest, ...(pushes.length > 0 && { pushedAtEpochMs: Math.min(...pushes) }) };
    });
  }
}
