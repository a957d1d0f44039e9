import { piecesOf } from '../concurrency.ts';
import { type ConfigFacts, configFactsOf } from '../domain/image/config-facts.ts';
import type { Digest, ImageLocation } from '../domain/image/image.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { needsConfig } from '../domain/verdict/config-rules.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import { type ArtifactPorts, IMAGES_A_PIECE, isTimeOver, readArtifacts } from './artifacts.ts';

/**
 * Reads the configs of known images again whose record says nothing of them, if a rule of the policy needs it: an
 * earlier version did not record what a config says. What cannot be read this time is read by the next review.
 * @throws RegistryUnreachableError
 */
export async function readOlderConfigs(
  ports: ArtifactPorts,
  policy: Policy,
  location: ImageLocation,
  known: Iterable<ImageRecord>,
): Promise<ReadonlyMap<Digest, ConfigFacts>> {
  const older = [...known].filter(
    (image) => image.configFacts === undefined && !image.unresolved && needsConfig(image, policy),
  );
  const facts = new Map<Digest, ConfigFacts>();
  for (const piece of piecesOf(older, IMAGES_A_PIECE)) {
    if (isTimeOver(ports)) break;
    const { newlyRead } = await readArtifacts(
      ports,
      location,
      piece.map(({ digest }) => digest),
    );
    for (const { artifact, config } of newlyRead)
      facts.set(artifact.digest, configFactsOf(artifact.annotations, config));
  }
  return facts;
}
