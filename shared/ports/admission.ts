import type { ImageLedger, PlaceLedger } from './ledger.ts';

/** What the facts for an admission are read from. Reads at the same time are one batch. */
export interface AdmissionReads {
  readonly images: Pick<ImageLedger, 'get'>;
  readonly places: Pick<PlaceLedger, 'indexes'>;
}
