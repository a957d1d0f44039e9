import type { Rebuild } from '../../shared/domain/cause/rebuild.ts';
import { type Digest, locationKey } from '../../shared/domain/image/image.ts';
import type { ScanReason } from '../../shared/domain/scan/scan.ts';
import { parseStreamId } from '../../shared/domain/stream/stream.ts';
import { RegistryUnreachableError } from '../../shared/ports/errors.ts';
import type { OutputImage } from './output-images.ts';
import type { VerifyPorts } from './ports.ts';

/** The scanner's answer concerns the content, which never changes for a digest. */
const UNSUPPORTED: readonly ScanReason[] = [
  'unsupported-image',
  'unsupported-type',
  'unsupported-os',
  'unsupported-config',
  'image-too-large',
];

/** https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageFailure.html */
const GONE: readonly string[] = ['ImageNotFound', 'RepositoryNotFoundException'];

/**
 * Why no complete scan of an output will ever come: it was deleted, or no scanner can read it. `undefined` if one may
 * still come. If a scanner does not find an image, the registry is read too; if that fails now, the next check asks
 * again.
 * @param unclear images of the output without a scan and a verdict
 */
export async function whyNeverScanned(
  { registry }: Pick<VerifyPorts, 'registry'>,
  { stream }: Pick<Rebuild, 'stream'>,
  unclear: readonly OutputImage[],
): Promise<string | undefined> {
  const [unsupported] = whose(unclear, UNSUPPORTED);
  if (unsupported) return `no scanner can read ${unsupported.digest}: ${unsupported.detail}`;
  const doubtful = whose(unclear, ['image-not-found', 'not-in-coverage']).map(({ digest }) => digest);
  if (doubtful.length === 0) return undefined;
  const { location } = parseStreamId(stream);
  try {
    const { missing } = await registry.manifests(location, doubtful);
    const gone = missing.filter(({ code }) => GONE.includes(code)).map(({ digest }) => digest);
    return gone.length > 0 ? `${locationKey(location)} no longer has ${gone.sort().join(', ')}` : undefined;
  } catch (error) {
    if (error instanceof RegistryUnreachableError) return undefined;
    throw error;
  }
}

const whose = (
  images: readonly OutputImage[],
  reasons: readonly ScanReason[],
): readonly { readonly digest: Digest; readonly detail: string }[] =>
  images.flatMap(({ digest, record }) => {
    const { reason, detail = reason ?? '' } = record?.scan ?? {};
    return reason !== undefined && reasons.includes(reason) ? [{ digest, detail }] : [];
  });
