import { cutText } from '../common/cut-text.ts';
import { type Digest, type ImageLocation, isDigest, type Registry } from './image.ts';
import { REGION_CODE } from './region.ts';

/** An image reference in parts, as a task or a manifest writes it. */
export interface ImageReference {
  /** Lower case, with its port; `docker.io` for short names. */
  readonly host: string;
  /** The path behind the host; `library/nginx` for `nginx`. */
  readonly repository: string;
  /**
   * `latest` if the reference has neither tag nor digest. Beside a digest, a tag is a mere comment: the digest decides.
   */
  readonly tag?: string;
  readonly digest?: Digest;
  /** Its registry, if that is a private ECR registry, for every host form. */
  readonly location?: ImageLocation;
}

export class ImageReferenceError extends Error {
  override readonly name = 'ImageReferenceError';

  constructor(reference: string, problem: string) {
    super(
      `The image reference "${cutText(reference, 300)}" ${problem}. ` +
        'Write [host[:port]/]repository[:tag][@sha256:<64 hexadecimal digits>].',
    );
  }
}

const HOST =
  /^(?:localhost|[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])(?::\d{1,5})?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
/** Characters of a repository, and of a whole reference. */
export const MAX_NAME_LENGTH = 255;
export const MAX_REFERENCE_LENGTH = MAX_NAME_LENGTH + 1 + 128 + 1 + 71;

/**
 * Reads an image reference by the grammar of the OCI distribution specification, with Docker's short names.
 * @throws ImageReferenceError saying what is wrong with it.
 */
export function parseImageReference(text: string): ImageReference {
  if (text.length > MAX_REFERENCE_LENGTH) throw new ImageReferenceError(text, 'is too long');
  const [named = '', digest, ...more] = text.split('@');
  if (more.length > 0) throw new ImageReferenceError(text, 'has more than one "@"');
  if (digest !== undefined && !isDigest(digest))
    throw new ImageReferenceError(text, 'has a digest that is not SHA-256');
  const { name, tag } = splitTag(named);
  if (tag !== undefined && !TAG.test(tag)) throw new ImageReferenceError(text, `has the invalid tag "${tag}"`);
  const { host, repository } = splitHost(name);
  if (!HOST.test(host)) throw new ImageReferenceError(text, `has the invalid host "${host}"`);
  if (repository.length > MAX_NAME_LENGTH || !repository.split('/').every((part) => COMPONENT.test(part)))
    throw new ImageReferenceError(text, `has the invalid repository "${repository}"`);
  const effectiveTag = tag ?? (digest === undefined ? 'latest' : undefined);
  const registry = ecrRegistry(host);
  return {
    host,
    repository,
    ...(effectiveTag !== undefined && { tag: effectiveTag }),
    ...(digest !== undefined && { digest }),
    ...(registry && { location: { ...registry, repository } }),
  };
}

/** The same, if the reason for a failure does not matter: the caller that resolves the container reports it. */
export function readImageReference(text: string | undefined): ImageReference | undefined {
  if (text === undefined) return undefined;
  try {
    return parseImageReference(text);
  } catch (error) {
    if (error instanceof ImageReferenceError) return undefined;
    throw error;
  }
}

/** The tag to resolve for a reference; beside a digest, a tag is a comment that anybody can write. */
export const resolvedTag = ({ tag, digest }: ImageReference): string | undefined =>
  digest === undefined ? tag : undefined;

/** A colon starts a tag only after the last slash; before it, it belongs to a port. */
function splitTag(named: string): { name: string; tag?: string } {
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  if (colon < 0) return { name: named };
  return { name: named.slice(0, colon), tag: named.slice(colon + 1) };
}

const DOCKER_HUB = 'docker.io';

function splitHost(name: string): { host: string; repository: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const isHost = slash > 0 && (/[.:]/.test(first) || asciiLowerCase(first) === 'localhost');
  const host = isHost ? asciiLowerCase(first) : DOCKER_HUB;
  const path = isHost ? name.slice(slash + 1) : name;
  if (host !== DOCKER_HUB && host !== 'index.docker.io') return { host, repository: path };
  return { host: DOCKER_HUB, repository: path.includes('/') ? path : `library/${path}` };
}

/** `toLowerCase` also makes a `k` of the Kelvin sign, and so an approved host of one that no runtime accepts. */
const asciiLowerCase = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/**
 * Suffixes of ECR's hosts in each partition, by the first letters of their Regions; the first that fits counts.
 * `ecr` follows `<account>.dkr.ecr[-fips].<region>.`; `dualStack` follows `<account>.dkr-ecr[-fips].<region>.`.
 * https://docs.aws.amazon.com/general/latest/gr/ecr.html, .../AmazonECR/latest/userguide/ecr-requests.html
 */
export const PARTITION_HOSTS = [
  { regions: 'cn-', ecr: 'amazonaws.com.cn', dualStack: 'on.amazonwebservices.com.cn' },
  { regions: 'us-isob-', ecr: 'sc2s.sgov.gov' },
  { regions: 'us-isof-', ecr: 'csp.hci.ic.gov' },
  { regions: 'us-iso-', ecr: 'c2s.ic.gov' },
  { regions: 'eu-isoe-', ecr: 'cloud.adc-e.uk' },
  { regions: 'eusc-', ecr: 'amazonaws.eu', dualStack: 'on.amazonwebservices.eu' },
  { regions: '', ecr: 'amazonaws.com', dualStack: 'on.aws' },
] as const;

const ECR_HOST = new RegExp(`^(\\d{12})\\.dkr([.-])ecr(?:-fips)?\\.(${REGION_CODE})\\.([a-z0-9.-]+)$`);

/** The private registry of a host; `undefined` if the host is not one of ECR. */
export function ecrRegistry(host: string): Registry | undefined {
  const [, account, separator, region, suffix] = ECR_HOST.exec(host) ?? [];
  if (account === undefined || region === undefined) return undefined;
  const hosts = partitionHosts(region);
  const expected = separator === '.' ? hosts.ecr : 'dualStack' in hosts ? hosts.dualStack : undefined;
  return suffix === expected ? { account, region } : undefined;
}

/** The ECR repository that a runtime pulls from. The port of HTTPS, written out, names the same one. */
export function pulledFrom({ host, repository, location }: ImageReference): ImageLocation | undefined {
  const registry = ecrRegistry(host.replace(/:0*443$/, ''));
  return location ?? (registry && { ...registry, repository });
}

/** Host and path of an ECR repository with its plain host, the only form that policies use. */
export const repositoryName = ({ account, region, repository }: ImageLocation): string =>
  `${account}.dkr.ecr.${region}.${partitionHosts(region).ecr}/${repository}`;

/** Host and path of a reference, without tag and digest, in the form that policies use. */
export const referenceName = (reference: ImageReference): string =>
  reference.location ? repositoryName(reference.location) : `${reference.host}/${reference.repository}`;

/**
 * The domain of AWS's own endpoints in a Region's partition: `amazonaws.com`, `amazonaws.com.cn`, ... ECR's plain hosts
 * end with it too. https://docs.aws.amazon.com/general/latest/gr/rande.html
 */
export const serviceDomain = (region: string): string => partitionHosts(region).ecr;

function partitionHosts(region: string): (typeof PARTITION_HOSTS)[number] {
  const hosts = PARTITION_HOSTS.find(({ regions }) => region.startsWith(regions));
  if (!hosts)
    throw new RangeError(
      `Patchwave does not know the partition of Region "${region}". Check the spelling of the Region.`,
    );
  return hosts;
}
