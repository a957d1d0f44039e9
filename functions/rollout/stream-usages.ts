import { collect, mapConcurrently, piecesOf } from '../../shared/concurrency.ts';
import type { RunningImage } from '../../shared/domain/rollout/closure.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import type { RolloutPorts } from './ports.ts';

const RECORDS_AT_ONCE = 100;
const QUESTIONS_AT_ONCE = 8;

interface RunningRecord extends RunningImage {
  readonly image: ImageRecord;
}

interface RunningPorts extends Pick<RolloutPorts, 'streamImages' | 'images'> {
  readonly usages: Pick<RolloutPorts['usages'], 'ofImage'>;
}

/** Usages of the stream's images that `asks` names. Each image costs one query, so callers name few. */
export async function runningImages(
  { streamImages, images, usages }: RunningPorts,
  stream: string,
  asks: (image: ImageRecord) => boolean,
): Promise<readonly RunningRecord[]> {
  const digests = await collect(streamImages.of(stream));
  const running: RunningRecord[] = [];
  for (const piece of piecesOf(digests, RECORDS_AT_ONCE)) {
    const records = [...(await images.get(piece)).values()].filter(asks);
    const used = await mapConcurrently(records, QUESTIONS_AT_ONCE, async (image) => ({
      image,
      usages: await usages.ofImage(image.digest),
    }));
    running.push(...used.filter((one) => one.usages.length > 0));
  }
  return running;
}
