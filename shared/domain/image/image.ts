/** The name of content: `sha256:` and 64 hexadecimal digits (OCI image spec, descriptor digests). */
export type Digest = `sha256:${string}`;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

export const isDigest = (text: string | undefined): text is Digest => text !== undefined && DIGEST.test(text);

/**
 * Who may change an image. `base`, `platform` and `application` come from the policy only; the others are inventoried,
 * judged and reported, never rebuilt: `mirrored` (a copy of an upstream image), `external` (not in our registries),
 * `aws-managed` (add-ons and agents), `unmanaged` (ours, matched by no rule).
 */
export const TIERS = ['base', 'platform', 'application', 'mirrored', 'external', 'aws-managed', 'unmanaged'] as const;
export type Tier = (typeof TIERS)[number];

/** `os/architecture` with an optional variant, as in an OCI index: `linux/arm64`. */
export type Platform = `${string}/${string}`;

/** One private registry: ECR has exactly one for each account and Region. */
export interface Registry {
  readonly account: string;
  readonly region: string;
}

/** A place that stores a digest. */
export interface ImageLocation extends Registry {
  readonly repository: string;
}

export const registryKey = ({ account, region }: Registry): string => `${account}/${region}`;

export const locationKey = (location: ImageLocation): string => `${registryKey(location)}/${location.repository}`;

/** An image in one repository of a registry. */
export interface PlacedImage {
  readonly location: ImageLocation;
  readonly digest: Digest;
}

/** Of images in one registry. */
export const placedKey = (repository: string, digest: Digest): string => `${repository}@${digest}`;

/** An artifact in a registry. Attestations (platform `unknown/unknown`) are never images. */
export type Artifact =
  | {
      readonly kind: 'image';
      readonly digest: Digest;
      readonly mediaType: string;
      readonly configDigest: Digest;
      /** Lowest layer first. */
      readonly layers: readonly Digest[];
      readonly annotations: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'index';
      readonly digest: Digest;
      readonly mediaType: string;
      /** Each image that a node may start, also those of indexes inside it; empty if it has only attestations. */
      readonly children: readonly IndexChild[];
    };

/** Media types of an index: OCI image spec v1.1 (image-index.md) and Docker manifest version 2, schema 2. */
export const INDEX_TYPES: readonly string[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];

/** An image of an index: what containerd may start (`containerd.ts`). */
export interface IndexChild {
  readonly digest: Digest;
  /** As the index names it; where it names none, as the config of the image does. */
  readonly platform: Platform;
  /** How the index leads to it, outermost index first. Absent in an index that names the platform of each image itself. */
  readonly path?: readonly IndexStep[];
  /** What the builder says of it, beside it in the index. In the ledger only until it is read, if it is needed. */
  readonly attestation?: Digest;
}

/** Tiers of the images that teams of the policy build, lowest first. */
export const BUILT_TIERS = ['base', 'platform', 'application'] as const satisfies readonly Tier[];
/** Tiers of streams, lowest first. Patchwave follows the heads of mirrored streams and never rebuilds them. */
export const STREAM_TIERS = ['mirrored', ...BUILT_TIERS] as const satisfies readonly Tier[];
export type StreamTier = (typeof STREAM_TIERS)[number];

/** An entry of an index that leads to an image. */
export interface IndexStep {
  /** Its position in the index. */
  readonly at: number;
  /** Absent if the index names none. */
  readonly platform?: Platform;
  /** Entries of the index that lead to no image, although a node may take them: then it starts nothing. */
  readonly without?: readonly Pick<IndexStep, 'at' | 'platform'>[];
}

/** The platform of an image of an index where neither the index nor the config names one. No node starts it. */
export const NO_PLATFORM: Platform = 'unknown/unknown';

/** Whether others are built on images of the streams of a tier. */
export const isBearing = (tier: Tier | undefined): tier is Exclude<StreamTier, 'application'> =>
  tier === 'mirrored' || tier === 'base' || tier === 'platform';

/** Tiers of third parties, which build nothing on our images. */
export const FOREIGN_TIERS: readonly (Tier | undefined)[] = ['mirrored', 'external', 'aws-managed'];
