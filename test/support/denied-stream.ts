import type { Digest } from '../../shared/domain/image/image.ts';
import type { StreamRecord } from '../../shared/domain/stream/stream-record.ts';
import type { doorWorld } from './door-world.ts';
import { alone, digestOf, imageProperties, judgement, verdict } from './samples.ts';

/** The stream of an image of `doorWorld`. */
export const STREAM_OF_DENIED: Omit<StreamRecord, 'stream'> = {
  ...{ tier: 'application', owner: 'shop-team', headTag: '^[0-9a-f]{7}$' },
  location: { account: '111122223333', region: 'eu-west-1', repository: 'team/violating' },
};

/** Gives an image its stream, with a head, and the image `violating-too` beside it. */
export async function headOfStream(
  world: Awaited<ReturnType<typeof doorWorld>>,
  name: string,
  head: Digest | undefined,
): Promise<void> {
  const stream = `111122223333/eu-west-1/team/violating:${STREAM_OF_DENIED.headTag}`;
  const record = { ...STREAM_OF_DENIED, stream, ...(head && { head: { images: { 'linux/amd64': head } } }) };
  await world.streams.recordStream(record, undefined);
  for (const image of [name, 'violating-too']) {
    const properties = { ...imageProperties(image), stream, owner: STREAM_OF_DENIED.owner };
    await world.images.recordProperties(properties);
    await world.images.recordLineage(digestOf(image), alone(properties));
    const reasons = verdict('violating').reasons.map((one) => ({ ...one, deadlineEpochMs: world.clock() }));
    const scan = { state: 'complete', completedAtEpochMs: world.clock(), coverage: ['os'] } as const;
    const judged = { scan, verdict: { ...verdict('violating'), reasons } };
    await world.images.recordJudgement(judgement(image, world.clock(), judged));
  }
}
