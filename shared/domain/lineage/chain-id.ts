import { createHash } from 'node:crypto';
import type { Digest } from '../image/image.ts';

/**
 * Identity of layers in their order, lowest first: OCI's ChainID (image-spec, config.md), here over the manifest's
 * layer digests. Equal chains are equal content: tags, configs and repositories do not count. No layers, no chain.
 */
export function chainId(layers: readonly Digest[]): Digest | undefined {
  const [lowest, ...above] = layers;
  return lowest && above.reduce<Digest>((below, layer) => sha256(`${below} ${layer}`), lowest);
}

/** The chains of the lowest layer, of the two lowest, and so on up to all of them. */
export function chainIds(layers: readonly Digest[]): readonly Digest[] {
  const ids: Digest[] = [];
  for (const layer of layers) ids.push(ids.length === 0 ? layer : sha256(`${ids.at(-1)} ${layer}`));
  return ids;
}

/**
 * Identity of the uncompressed layers: equal lists of diff ids are equal content, with any compression. No layers, no
 * identity.
 */
export const unpackedId = (diffIds: readonly Digest[]): Digest | undefined =>
  diffIds.length === 0 ? undefined : sha256(diffIds.join(' '));

const sha256 = (text: string): Digest => `sha256:${createHash('sha256').update(text).digest('hex')}`;
