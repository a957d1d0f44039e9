import { type Digest, type ImageLocation, isDigest } from '../domain/image/image.ts';
import * as v from '../schema.ts';
import { type EventContract, envelope } from './contract.ts';

/** An action on an image in its registry. Only added images matter: pushed, replicated, or cached. */
export interface ImageAction {
  /** The image came into its repository. */
  readonly isPush: boolean;
  readonly digest: Digest;
  readonly location: ImageLocation;
  /** Absent for a push by digest, as that of an index's images. */
  readonly tag?: string;
  /** The time of the event, to the second. */
  readonly atEpochMs: number;
}

const SOURCE = 'aws.ecr';

/**
 * One kind of ECR event about an image that may have come into a repository of the event's account and Region. Best
 * effort: it may be lost, late, repeated or out of order.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
 * @param arrived the members of an event about an image that came; any other text in them means that none did
 */
export function imageArrival<const DetailType extends string>(
  detailType: DetailType,
  arrived: Readonly<Record<string, string>>,
) {
  const names = Object.keys(arrived);
  const arrivedEntries = Object.fromEntries(names.map((name) => [name, v.text()]));
  const detail = v.object({
    ...arrivedEntries,
    'repository-name': v.text(),
    'image-digest': v.custom<Digest>(
      (value) => typeof value === 'string' && isDigest(value),
      'must be a SHA-256 digest',
    ),
    'image-tag': v.exactOptional(v.string()),
  });
  const schema = v.pipe(
    v.object({ ...envelope.entries, source: v.literal(SOURCE), 'detail-type': v.literal(detailType), detail }),
    v.transform(({ account, region, time, detail }): ImageAction => {
      const { 'image-tag': tag = '', 'image-digest': digest, 'repository-name': repository } = detail;
      const said: Readonly<Record<string, unknown>> = detail;
      return {
        isPush: names.every((name) => said[name] === arrived[name]),
        digest,
        location: { account, region, repository },
        ...(tag !== '' && { tag }),
        atEpochMs: Date.parse(time),
      };
    }),
  );
  return { source: SOURCE, detailType, direction: 'consumed', schema } as const satisfies EventContract<ImageAction>;
}

/** An image was pushed, deleted, archived or restored, or a tag was deleted. */
export const ecrImageAction = imageArrival('ECR Image Action', { 'action-type': 'PUSH', result: 'SUCCESS' });
