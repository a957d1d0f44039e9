import type { Rebuild } from '../../shared/domain/cause/rebuild.ts';
import { type Digest, locationKey } from '../../shared/domain/image/image.ts';
import type { ScanReason } from '../../shared/domain/scan/scan.ts';
import { SCAN_REASONS } from '../../shared/domain/scan/scan-reasons.ts';
import { parseStreamId } from '../../shared/domain/stream/stream.ts';
import { RegistryUnreachableError } from '../../shared/ports/errors.ts';
import type { OutputImage } from './output-images.ts';
import type { VerifyPorts } from './ports.ts';

/** The scanner does not find the image. */
const DOUBTFUL: readonly ScanReason[] = ['image-not-found', 'not-in-coverage'];

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
  // The content of a digest never changes.
  const [unsupported] = whose(unclear, (reason) => SCAN_REASONS[reason]?.about === 'content');
  if (unsupported) return `no scanner can read ${unsupported.digest}: ${unsupported.detail}`;
  const doubtful = whose(unclear, (reason) => DOUBTFUL.includes(reason)).map(({ digest }) => digest);
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
  isOne: (reason: ScanReason) => boolean,
): readonly { readonly digest: Digest; readonly detail: string }[] =>
  images.flatMap(({ digest, record }) => {
    const { reason, detail = reason ?? '' } = record?.scan ?? {};
    return reason !== undefined && isOne(reason) ? [{ digest, detail }] : [];
  });
