import type { Digest } from '../image/image.ts';
import { chainId, chainIds } from './chain-id.ts';
import type { ImageContent } from './image-content.ts';

type Layered = Pick<ImageContent, 'layers' | 'diffIds'>;

/** Only a list as long as that of the layers can be compared with it. */
const unpackedLayers = ({ layers, diffIds = [] }: Layered): readonly Digest[] =>
  layers.length === diffIds.length ? diffIds : [];

/**
 * The chain of the unpacked layers of an image; it finds the image after a build repacked the layers. `undefined` if it
 * is unknown, or equals the chain of the layers.
 */
export function unpackedChain(content: Layered): Digest | undefined {
  const chain = chainId(unpackedLayers(content));
  return chain === chainId(content.layers) ? undefined : chain;
}

/** All chains under which parents may be found: of the layers and of the unpacked layers. */
export const chainsWithin = (content: Layered): readonly Digest[] => [
  ...new Set([...chainIds(content.layers), ...chainIds(unpackedLayers(content))]),
];
