import type { Digest } from '../image/image.ts';

/**
 * A layer without a file, as builders write one for an instruction that changed none (`WORKDIR` of a folder that is
 * there): 1,024 zeros, which are the end of a tar archive; and the same packed by Go's gzip with its two headers.
 */
const EMPTY: ReadonlySet<string> = new Set<Digest>([
  'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
  'sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1',
  'sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4',
]);

export const isEmptyLayer = (layer: string): boolean => EMPTY.has(layer);
