import { readFileSync } from 'node:fs';
import type { Digest, Platform } from '../../../shared/domain/image/image.ts';
import type { LayeredImage } from '../../../shared/domain/lineage/layered-image.ts';

export interface PublicImage {
  readonly layered: LayeredImage & { readonly platform: Platform; readonly names: readonly string[] };
  /** As the build or the Dockerfile has it; absent where neither the parent nor what that built on is in the list. */
  readonly parent?: Digest;
}

/** The list has the first eight digits; the others do not matter to anybody. */
const whole = (digits: string): Digest => `sha256:${digits.padEnd(64, '0')}`;

export const PUBLIC_IMAGES: readonly PublicImage[] = readFileSync(new URL('public-images.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [name = '', platform = '', digest = '', parent = '', ...layers] = line.split(' ');
    return {
      layered: { digest: whole(digest), platform: platform as Platform, names: [name], layers: layers.map(whole) },
      ...(parent !== '-' && { parent: whole(parent.replace('~', '')) }),
    };
  });
