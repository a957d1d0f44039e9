import { type Digest, type ImageLocation, isDigest } from '../domain/image.ts';
import * as v from '../schema.ts';
import { type EventContract, envelope } from './contract.ts';

/** What happened to an image in its registry. Only a push that succeeded is of use. */
export interface ImageAction {
  readonly isPush: boolean;
  readonly digest: Digest;
  readonly location: ImageLocation;
  /** Absent for a push by digest, as that of an index's images. */
  readonly tag?: string;
  /** When ECR told of it, to the second. */
  readonly atEpochMs: number;
}

const SOURCE = 'aws.ecr';
const DETAIL_TYPE = 'ECR Image Action';

/**
 * An image was pushed or deleted, or a tag was. Best effort: it may be lost, late, repeated or out of order.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
 */
const schema = v.pipe(
  v.object({
    ...envelope.entries,
    source: v.literal(SOURCE),
    'detail-type': v.literal(DETAIL_TYPE),
    detail: v.object({
      'action-type': v.text(),
      result: v.text(),
      'repository-name': v.text(),
      'image-digest': v.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'not a sha256 digest'),
      'image-tag': v.exactOptional(v.string()),
    }),
  }),
  v.transform(({ account, region, time, detail }): ImageAction => {
    const { 'image-tag': tag = '', 'image-digest': digest, 'repository-name': repository } = detail;
    return {
      isPush: detail['action-type'] === 'PUSH' && detail.result === 'SUCCESS',
      digest,
      location: { account, region, repository },
      ...(tag !== '' && { tag }),
      atEpochMs: Date.parse(time),
    };
  }),
);

export const ecrImageAction = {
  source: SOURCE,
  detailType: DETAIL_TYPE,
  direction: 'consumed',
  schema,
} as const satisfies EventContract<ImageAction>;
