/** What images are built on, by the layers that registries have of them, asked by plain SDK calls. */

import { digestsIn, type Made, madeOf } from './registry.ts';
import type { Home } from './running.ts';

export interface Bearing extends Made {
  readonly digest: string;
  readonly home: Home;
  readonly tier: string;
}

/** All images of repositories that others are built upon. */
export async function bearingImages(
  endpoint: string,
  repositories: readonly (Home & { readonly tier: string })[],
): Promise<readonly Bearing[]> {
  const found = await Promise.all(
    repositories.map(async ({ tier, ...home }) => {
      const digests = await digestsIn(endpoint, home);
      const made = await Promise.all(
        digests.map(async (digest) => ({ digest, image: await madeOf(endpoint, home, digest) })),
      );
      return made.flatMap(({ digest, image }) => (image ? [{ ...image, digest, home, tier }] : []));
    }),
  );
  return found.flat();
}

/** Those whose layers are the lowest of an image's, and not all of them; the lowest first. */
export const below = ({ layers, architecture }: Made, bearing: readonly Bearing[]): readonly Bearing[] =>
  bearing
    .filter((one) => one.architecture === architecture && one.layers.length > 0 && one.layers.length < layers.length)
    .filter((one) => one.layers.every((layer, depth) => layers[depth] === layer))
    .sort((one, other) => one.layers.length - other.layers.length);
