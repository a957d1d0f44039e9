import { digest } from '../domain/image/digest-schema.ts';
import { type Digest, isDigest } from '../domain/image/image.ts';
import type { Provenance } from '../ports/provenance.ts';
import * as v from '../schema.ts';

/*
 * Provenance as BuildKit attaches it to an image: an attestation manifest in the index of the image, whose layers are
 * in-toto statements. https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
 * Any person who pushes the image can write the text: only an instant and digests of it are used, and nothing is shown.
 */

const IN_TOTO = 'application/vnd.in-toto+json';
const PREDICATE_TYPE = 'in-toto.io/predicate-type';

/** https://slsa.dev/spec/v0.2/provenance and https://slsa.dev/spec/v1.0/provenance */
const SLSA = 'https://slsa.dev/provenance/';

/** A build names the images of all its stages; more than this is no honest list. */
const MOST_MATERIALS = 100;

const attestation = v.object({
  layers: v.array(
    v.object({ mediaType: v.string(), digest, annotations: v.nullish(v.record(v.string(), v.string())) }),
  ),
});

/** The blob of an attestation manifest that holds the provenance. */
export function provenanceBlobOf(manifest: string): Digest | undefined {
  const parsed = v.safeParse(attestation, parseJson(manifest));
  if (!parsed.success) return undefined;
  return parsed.data.layers.find(
    ({ mediaType, annotations }) => mediaType === IN_TOTO && annotations?.[PREDICATE_TYPE]?.startsWith(SLSA),
  )?.digest;
}

const digests = v.nullish(v.object({ sha256: v.optional(v.unknown()) }));
const named = v.object({ uri: v.optional(v.string()), digest: digests });
const statement = v.object({
  predicateType: v.string(),
  subject: v.array(v.object({ digest: digests })),
  predicate: v.looseObject({}),
});
/** Each part by itself: if one has another form, the others still count. */
const times = {
  v02: v.object({ metadata: v.object({ buildFinishedOn: v.string() }) }),
  v1: v.object({ runDetails: v.object({ metadata: v.object({ finishedOn: v.string() }) }) }),
};
const materials = {
  v02: v.object({ materials: v.array(named) }),
  v1: v.object({ buildDefinition: v.object({ resolvedDependencies: v.array(named) }) }),
};

/** @returns `undefined` if the text is no provenance of this image */
export function parseProvenance(text: string, image: Digest): Provenance | undefined {
  const parsed = v.safeParse(statement, parseJson(text));
  if (!parsed.success || !parsed.data.predicateType.startsWith(SLSA)) return undefined;
  const { subject, predicate } = parsed.data;
  if (!subject.some((one) => sha256In(one.digest) === image)) return undefined;
  const finishedAtEpochMs = Date.parse(finishedIn(predicate) ?? '');
  return {
    ...(Number.isFinite(finishedAtEpochMs) && { finishedAtEpochMs }),
    materials: [...new Set(materialsIn(predicate).flatMap(imageIn))].slice(0, MOST_MATERIALS),
  };
}

function finishedIn(predicate: unknown): string | undefined {
  const [v02, v1] = [v.safeParse(times.v02, predicate), v.safeParse(times.v1, predicate)];
  if (v02.success) return v02.data.metadata.buildFinishedOn;
  return v1.success ? v1.data.runDetails.metadata.finishedOn : undefined;
}

function materialsIn(predicate: unknown): readonly Named[] {
  const [v02, v1] = [v.safeParse(materials.v02, predicate), v.safeParse(materials.v1, predicate)];
  if (v02.success) return v02.data.materials;
  return v1.success ? v1.data.buildDefinition.resolvedDependencies : [];
}

type Named = v.InferOutput<typeof named>;

/** Packages and sources are materials, too. https://github.com/package-url/purl-spec */
function imageIn({ uri = '', digest: said }: Named): readonly Digest[] {
  const found = /^pkg:(docker|oci)\//.test(uri) ? sha256In(said) : undefined;
  return found === undefined ? [] : [found];
}

function sha256In(found: v.InferOutput<typeof digests>): Digest | undefined {
  const text = typeof found?.sha256 === 'string' ? `sha256:${found.sha256}` : undefined;
  return isDigest(text) ? text : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
