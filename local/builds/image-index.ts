import {
  type Blob,
  type Descriptor,
  descriptorOf,
  type ImageFormat,
  jsonBlob,
  type Manifest,
  MEDIA_TYPES,
} from './blob.ts';
import { type BuiltImage, platformOf } from './image.ts';

const IN_TOTO = 'application/vnd.in-toto+json';
const PROVENANCE = 'https://slsa.dev/provenance/v0.2';

/** An index and everything it leads to that is not an image. */
export interface BuiltIndex {
  readonly manifest: Manifest;
  /** One per image, with platform `unknown/unknown`; none for a Docker manifest list. */
  readonly attestations: readonly Attestation[];
}

export interface Attestation {
  readonly manifest: Manifest;
  readonly blobs: readonly Blob[];
}

export interface IndexRecipe {
  readonly format: ImageFormat;
  /** `attestations-only` leaves the images out, `empty` everything. */
  readonly holds: 'images' | 'attestations-only' | 'empty';
  /** When the build ended, as its provenance says. */
  readonly finishedEpochMs: number;
  /** What it was built FROM, as its provenance says: a reference and the digest it had. */
  readonly material?: { readonly reference: string; readonly digest: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Builds the index of one build's images, as BuildKit writes it. */
export function buildIndex(recipe: IndexRecipe, images: readonly BuiltImage[]): BuiltIndex {
  const type = MEDIA_TYPES[recipe.format].index;
  const attested = recipe.format === 'oci' && recipe.holds !== 'empty' ? images : [];
  const attestations = attested.map((image) => ({ of: image, attestation: attest(recipe, image) }));
  const listed = recipe.holds === 'images' ? images : [];
  const manifests = [
    ...listed.map(
      (image): Descriptor => ({
        ...descriptorOf(image.manifest, image.manifest.mediaType),
        platform: platformOf(image.architecture),
      }),
    ),
    ...attestations.map(({ of, attestation }) => attestationDescriptor(of, attestation)),
  ];
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: type,
    manifests,
    ...(recipe.annotations && Object.keys(recipe.annotations).length > 0 ? { annotations: recipe.annotations } : {}),
  });
  return {
    manifest: { ...manifest, mediaType: type },
    attestations: attestations.map(({ attestation }) => attestation),
  };
}

/** Annotations as BuildKit's attestation-storage document fixes them. */
function attestationDescriptor(of: BuiltImage, { manifest }: Attestation): Descriptor {
  return {
    ...descriptorOf(manifest, manifest.mediaType),
    platform: { architecture: 'unknown', os: 'unknown' },
    annotations: {
      'vnd.docker.reference.digest': of.manifest.digest,
      'vnd.docker.reference.type': 'attestation-manifest',
    },
  };
}

function attest(recipe: IndexRecipe, image: BuiltImage): Attestation {
  const statement = jsonBlob(provenance(recipe, image));
  const config = jsonBlob({
    architecture: 'unknown',
    os: 'unknown',
    config: {},
    rootfs: { type: 'layers', diff_ids: [statement.digest] },
  });
  const { manifest: type, config: configType } = MEDIA_TYPES.oci;
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: type,
    config: descriptorOf(config, configType),
    layers: [{ ...descriptorOf(statement, IN_TOTO), annotations: { 'in-toto.io/predicate-type': PROVENANCE } }],
  });
  return { manifest: { ...manifest, mediaType: type }, blobs: [config, statement] };
}

/** An in-toto statement with SLSA v0.2 provenance, the fields Patchwave's evidence of birth and parents comes from. */
function provenance({ material, finishedEpochMs }: IndexRecipe, image: BuiltImage): Record<string, unknown> {
  const [algorithm = '', hex = ''] = image.manifest.digest.split(':');
  const finished = new Date(finishedEpochMs).toISOString();
  return {
    _type: 'https://in-toto.io/Statement/v0.1',
    predicateType: PROVENANCE,
    subject: [{ name: '_', digest: { [algorithm]: hex } }],
    predicate: {
      builder: { id: '' },
      buildType: 'https://mobyproject.org/buildkit@v1',
      materials: material === undefined ? [] : [materialOf(material, image)],
      metadata: { buildStartedOn: finished, buildFinishedOn: finished, reproducible: false },
    },
  };
}

function materialOf({ reference, digest }: { reference: string; digest: string }, { architecture }: BuiltImage) {
  return {
    uri: `pkg:docker/${reference.replace(/:([^:/]+)$/, '@$1')}?platform=linux%2F${architecture}`,
    digest: { sha256: digest.replace('sha256:', '') },
  };
}
