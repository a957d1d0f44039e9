import { parseRepositoryName } from '../domain/image/ecr-arn.ts';
import { type Digest, type ImageLocation, isDigest } from '../domain/image/image.ts';
import * as v from '../schema.ts';
import { type EventContract, envelope } from './contract.ts';
import { inspectorInstant } from './inspector-instant.ts';

/*
 * Events of Amazon Inspector: best effort, so they may be lost, late, repeated or out of order. Each only says that
 * something about an image is new.
 * https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html
 */

/** A hint to read this image. Nothing in the event is taken as a fact. */
export interface InspectedImage {
  readonly digest: Digest;
  readonly location: ImageLocation;
  /** When Inspector sent it, or wrote what it is about: a later read of the image includes its news. */
  readonly atEpochMs: number;
}

interface Envelope {
  readonly account: string;
  readonly region: string;
  readonly time: string;
}

const SOURCE = 'aws.inspector2';
const event = { ...envelope.entries, source: v.literal(SOURCE) };

/** The subject of a finding or a coverage, with its digest. */
const imageArns = v.custom<string[]>(
  (value) => Array.isArray(value) && value.some((one) => typeof one === 'string' && imageIn([one]) !== undefined),
  'must name an image in Amazon ECR',
);

const imageIn = (arns: readonly string[]) => arns.map(parseRepositoryName).find(({ digest }) => digest !== undefined);

/** The delegated administrator receives events about other accounts, so the ARN says where the image is. */
function hint(
  name: string,
  { account, region, time }: Envelope,
  digest: Digest,
  said: string | undefined,
): InspectedImage {
  const named = parseRepositoryName(name);
  const location = { account: named.account ?? account, region: named.region ?? region, repository: named.repository };
  const saidAtEpochMs = said === undefined ? undefined : inspectorInstant(said);
  return { digest, location, atEpochMs: Math.max(Date.parse(time), saidAtEpochMs ?? 0) };
}

const ofImages = (envelopeOf: Envelope & { readonly resources: readonly string[] }, said: string | undefined) => {
  const [name = ''] = envelopeOf.resources.filter((one) => imageIn([one]));
  // `imageArns` has checked it.
  const digest = parseRepositoryName(name).digest as Digest;
  return hint(name, envelopeOf, digest, said);
};

/** The first scan of an image ended. Its findings follow as events of their own. */
export const inspectorScan = {
  source: SOURCE,
  detailType: 'Inspector2 Scan',
  direction: 'consumed',
  schema: v.pipe(
    v.object({
      ...event,
      'detail-type': v.literal('Inspector2 Scan'),
      detail: v.object({
        /** The ARN of the repository, or its name. */
        'repository-name': v.text(),
        'image-digest': v.custom<Digest>(
          (value) => typeof value === 'string' && isDigest(value),
          'must be a SHA-256 digest',
        ),
      }),
    }),
    v.transform(({ detail, ...envelopeOf }) =>
      hint(detail['repository-name'], envelopeOf, detail['image-digest'], undefined),
    ),
  ),
} as const satisfies EventContract<InspectedImage>;

/** One finding of an image is new, changed or closed: thousands may come at once for one image. */
export const inspectorFinding = {
  source: SOURCE,
  detailType: 'Inspector2 Finding',
  direction: 'consumed',
  schema: v.pipe(
    v.object({
      ...event,
      resources: imageArns,
      'detail-type': v.literal('Inspector2 Finding'),
      detail: v.object({ updatedAt: v.exactOptional(v.string()) }),
    }),
    v.transform(({ detail, ...envelopeOf }) => ofImages(envelopeOf, detail.updatedAt)),
  ),
} as const satisfies EventContract<InspectedImage>;

/** Inspector begins or ends to scan an image. */
export const inspectorCoverage = {
  source: SOURCE,
  detailType: 'Inspector2 Coverage',
  direction: 'consumed',
  schema: v.pipe(
    v.object({
      ...event,
      resources: imageArns,
      'detail-type': v.literal('Inspector2 Coverage'),
      detail: v.object({ eventTimestamp: v.exactOptional(v.string()) }),
    }),
    v.transform(({ detail, ...envelopeOf }) => ofImages(envelopeOf, detail.eventTimestamp)),
  ),
} as const satisfies EventContract<InspectedImage>;
