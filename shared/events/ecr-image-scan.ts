import { type Digest, type ImageLocation, isDigest } from '../domain/image/image.ts';
import * as v from '../schema.ts';
import { type EventContract, envelope } from './contract.ts';

/** A scan event is only a hint to read this image: its findings are never taken from the event. */
export interface ImageScanned {
  readonly digest: Digest;
  readonly location: ImageLocation;
  /** The status from ECR, for a reader. Only `COMPLETE` is documented; others occur, so any text is accepted. */
  readonly status: string;
  readonly atEpochMs: number;
}

const SOURCE = 'aws.ecr';
const DETAIL_TYPE = 'ECR Image Scan';

/**
 * A basic scan that ended. Best effort: it may be lost, late, repeated or out of order.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
 */
const schema = v.pipe(
  v.object({
    ...envelope.entries,
    source: v.literal(SOURCE),
    'detail-type': v.literal(DETAIL_TYPE),
    detail: v.object({
      'scan-status': v.text(),
      'repository-name': v.text(),
      'image-digest': v.custom<Digest>(
        (value) => typeof value === 'string' && isDigest(value),
        'must be a SHA-256 digest',
      ),
    }),
  }),
  v.transform(
    ({ account, region, time, detail }): ImageScanned => ({
      digest: detail['image-digest'],
      location: { account, region, repository: detail['repository-name'] },
      status: detail['scan-status'],
      atEpochMs: Date.parse(time),
    }),
  ),
);

export const ecrImageScan = {
  source: SOURCE,
  detailType: DETAIL_TYPE,
  direction: 'consumed',
  schema,
} as const satisfies EventContract<ImageScanned>;
