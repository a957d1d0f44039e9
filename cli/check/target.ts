import { type Digest, type ImageLocation, isDigest } from '../../shared/domain/image/image.ts';
import { ImageReferenceError, parseImageReference, repositoryName } from '../../shared/domain/image/reference.ts';
import { REGION_CODE } from '../../shared/domain/image/region.ts';
import type { CliContext } from '../command.ts';
import { UsageError } from '../errors.ts';

/** The image to check. */
export interface CheckTarget {
  readonly digest: Digest;
  /** Where it was pushed to; absent if the ledger does not know it either. */
  readonly location?: ImageLocation;
}

const REGISTRY = 'REGISTRY is ACCOUNT.dkr.ecr.REGION.amazonaws.com, or ACCOUNT/REGION in short.';
const EXPECTED = `Give REGISTRY/REPOSITORY@sha256:... or REGISTRY/REPOSITORY:TAG, or a digest that Patchwave knows. ${REGISTRY}`;
const PART_OF_DIGEST = /^(sha256:)?[0-9a-f]{6,63}$/;

/**
 * Reads what the caller names. The digest decides; a tag is looked up in the registry.
 * @throws UsageError, NotFoundError, TagUnreadableError
 */
export async function targetOf(
  { places, tags }: Pick<CliContext, 'places' | 'tags'>,
  text: string,
): Promise<CheckTarget> {
  if (isDigest(text)) {
    const [first] = await places.locations(text);
    return { digest: text, ...(first && { location: first.location }) };
  }
  if (PART_OF_DIGEST.test(text))
    throw new UsageError(`"${text}" is a part of a digest. Give all of it; this shows it: patchwave why ${text}`);
  const { location, digest, tag } = referenceIn(text);
  if (!location) throw new UsageError(`"${text}" names no private registry of Amazon ECR. ${EXPECTED}`);
  return { location, digest: digest ?? (await tags.digestOf(location, tag ?? 'latest')) };
}

/**
 * The repository that the caller names.
 * @throws UsageError
 */
export function repositoryNamed(text: string): ImageLocation {
  const expected = `Give REGISTRY/REPOSITORY. ${REGISTRY}`;
  const { location } = referenceIn(text, expected);
  if (!location) throw new UsageError(`"${text}" names no private registry of Amazon ECR. ${expected}`);
  if (/[:@][^/]*$/.test(text)) throw new UsageError(`"${text}" names an image. ${expected}`);
  return location;
}

const PLACE = new RegExp(`^(\\d{12})/(${REGION_CODE})/([^:@]+)(.*)$`);

function referenceIn(text: string, expected = EXPECTED): ReturnType<typeof parseImageReference> {
  if (text.trim() === '') throw new UsageError(`The name is empty. ${expected}`);
  const [, account, region, repository, rest = ''] = PLACE.exec(text) ?? [];
  try {
    const isPlace = account !== undefined && region !== undefined && repository !== undefined;
    return parseImageReference(isPlace ? repositoryName({ account, region, repository }) + rest : text);
  } catch (cause) {
    if (cause instanceof ImageReferenceError) throw new UsageError(`${cause.message} ${expected}`, { cause });
    throw cause;
  }
}
