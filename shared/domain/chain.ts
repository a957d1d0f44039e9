import { createHash } from 'node:crypto';
import type { Digest } from './image.ts';

/**
 * Identity of layers in their order, lowest first: OCI's ChainID (image-spec, config.md), here over the manifest's
 * layer digests. Equal chains are equal content, under whatever tags, configs and repositories. No layers, no chain.
 */
export function chainId(layers: readonly Digest[]): Digest | undefined {
  const [lowest, ...above] = layers;
  return lowest && above.reduce<Digest>((below, layer) => sha256(`${below} ${layer}`), lowest);
}

const sha256 = (text: string): Digest => `sha256:${createHash('sha256').update(text).digest('hex')}`;
