import type { Digest } from '../image/image.ts';
import { chainId, chainIds } from './chain-id.ts';
import type { ImageContent } from './image-content.ts';

type Layered = Pick<ImageContent, 'layers' | 'diffIds'>;

/** Only a list that is as long as that of the layers can be held against it. */
const unpackedLayers = ({ layers, diffIds = [] }: Layered): readonly Digest[] =>
  layers.length === diffIds.length ? diffIds : [];

/**
 * The chain of what the layers of an image unpack to: it finds the image where a build packed the layers anew. `undefined`
 * where nobody knows that, or where it is the chain of the layers as well.
 */
export function unpackedChain(content: Layered): Digest | undefined {
  const chain = chainId(unpackedLayers(content));
  return chain === chainId(content.layers) ? undefined : chain;
}

/** All chains under which images may be found that an image is built upon: of its layers, and of what these unpack to. */
export const chainsWithin = (content: Layered): readonly Digest[] => [
  ...new Set([...chainIds(content.layers), ...chainIds(unpackedLayers(content))]),
];
