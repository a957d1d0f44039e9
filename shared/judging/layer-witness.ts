import type { Digest } from '../domain/image/image.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import { type LayerDisagreement, layerDisagreements } from '../domain/verdict/layer-disagreement.ts';
import type { ContentLedger, ImageLedger } from '../ports/ledger.ts';

export interface WitnessPorts {
  readonly images: Pick<ImageLedger, 'get'>;
  readonly contents: Pick<ContentLedger, 'get'>;
}

/** Conflicts between layer data and the attribution of findings; reads nothing if the scanner names no layers. */
export async function readLayerWitness(ports: WitnessPorts, image: ImageRecord): Promise<readonly LayerDisagreement[]> {
  if (!image.verdict?.reasons.some((reason) => reason.kind === 'finding' && reason.layer !== undefined)) return [];
  const lineage = new Map<Digest, ImageRecord | undefined>([[image.digest, image]]);
  for (let at = image.lineage?.parent?.digest; at && !lineage.has(at); ) {
    const record = (await ports.images.get([at])).get(at);
    lineage.set(at, record);
    at = record?.lineage?.parent?.digest;
  }
  const contents = await ports.contents.get([...lineage.keys()]);
  return layerDisagreements(
    Array.from(lineage, ([digest, record]) => {
      const content = contents.get(digest);
      return { ...record, digest, ...(content && { content }) };
    }),
  );
}
