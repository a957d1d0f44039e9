import type { Artifact, Digest, ImageLocation, Platform } from '../../../shared/domain/image/image.ts';
import { digestOf } from '../../support/samples.ts';
import type { TruePackages } from './archive.ts';
import type { Line } from './fleet.ts';

/** What one build of a stream put on top of what it was built on. */
export interface TrueLayer {
  readonly line: string;
  /** The digest of its content, with any compression. */
  readonly diffId: Digest;
  readonly packages: TruePackages;
  /** When its content was made; a build without a cache that gives the same content makes it anew. */
  madeAtEpochMs: number;
  /** When its content was first made: a later build by its team tells Patchwave nothing of its age. */
  readonly firstMadeAtEpochMs: number;
  /** Builds that Patchwave asked for and that made it once more. */
  readonly reconfirmations: { readonly runId: string; readonly atEpochMs: number }[];
  /** Builds of pipelines that were asked for no cache and gave the same content from their cache: Patchwave cannot know better. */
  readonly claims: { readonly runId: string; readonly atEpochMs: number }[];
}

/** When a pipeline last gave content of its cache as new; 0 where none did. */
export const claimedAtEpochMs = ({ claims }: TrueLayer): number =>
  Math.max(0, ...claims.map(({ atEpochMs }) => atEpochMs));

/** What an image for one platform really is. */
export interface TrueImage {
  readonly digest: Digest;
  /** For people: `base#3`. */
  readonly name: string;
  readonly line: string;
  readonly platform: Platform;
  /** Absent where it only adds metadata. */
  readonly own?: TrueLayer;
  /** What it was really built on. */
  readonly parent?: TrueImage;
  /** As a registry has its layers; the lowest first. */
  readonly packed: readonly Digest[];
  readonly pushedAtEpochMs: number;
}

/** What a build pushed: one image, or an index of several. */
export interface TrueArtifact {
  readonly digest: Digest;
  readonly name: string;
  readonly line: string;
  readonly images: readonly TrueImage[];
  readonly isIndex: boolean;
  readonly pushedAtEpochMs: number;
  /** The run that made it; absent where its team did. */
  readonly runId?: string;
}

/** The image and all that it was built on, nearest first. */
export function lineageOf(image: TrueImage): readonly TrueImage[] {
  const lineage: TrueImage[] = [];
  for (let one: TrueImage | undefined = image; one; one = one.parent) lineage.push(one);
  return lineage;
}

/** The layers of an image, the lowest first. */
export const layersOf = (image: TrueImage): readonly TrueLayer[] =>
  lineageOf(image)
    .flatMap(({ own }) => own ?? [])
    .reverse();

const PACKAGES = new WeakMap<TrueImage, TruePackages>();

/** What is installed: a later layer overrides an earlier one. */
export function packagesOf(image: TrueImage): TruePackages {
  const known = PACKAGES.get(image);
  if (known) return known;
  const packages = new Map(layersOf(image).flatMap((layer) => [...layer.packages]));
  PACKAGES.set(image, packages);
  return packages;
}

/** The unpacked content, with any name and compression. */
export const contentOf = (image: TrueImage): string =>
  lineageOf(image)
    .flatMap(({ own }) => own?.diffId ?? [])
    .join();

export const platformOf = (architecture: string): Platform => `linux/${architecture}`;

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

/** As a registry keeps it: its images, and the index over them. */
export function artifactsOf({ digest, images, isIndex }: TrueArtifact): readonly Artifact[] {
  const manifests = images.map((image) => ({
    ...{ kind: 'image' as const, digest: image.digest, mediaType: MANIFEST, annotations: {} },
    ...{ layers: image.packed, configDigest: configDigestOf(image) },
  }));
  if (!isIndex) return manifests;
  const children = images.map((image) => ({ digest: image.digest, platform: image.platform }));
  return [...manifests, { kind: 'index', digest, mediaType: INDEX, children }];
}

export const configDigestOf = ({ digest }: TrueImage): Digest => digestOf(`config of ${digest}`);

export const hostOf = ({ account, region }: Pick<ImageLocation, 'account' | 'region'>): string =>
  `${account}.dkr.ecr.${region}.amazonaws.com`;

export const referenceOf = ({ location }: Pick<Line, 'location'>, tagOrDigest: string): string =>
  `${hostOf(location)}/${location.repository}${tagOrDigest.startsWith('sha256:') ? '@' : ':'}${tagOrDigest}`;
