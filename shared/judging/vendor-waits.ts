import { mapConcurrently, piecesOf } from '../concurrency.ts';
import type { VendorDependency, VendorWaits } from '../domain/report/vendor-dependency.ts';
import type { ImageLedger, StreamLedger } from '../ports/ledger.ts';
import type { GuardLedger } from '../ports/rebuilds.ts';

const IMAGES_A_READ = 100;
const READS_AT_ONCE = 4;

export interface VendorPorts {
  readonly images: Pick<ImageLedger, 'get'>;
  readonly streams: Pick<StreamLedger, 'streams'>;
  readonly guards: Pick<GuardLedger, 'get'>;
}

/** Reads the missing images level by level, and returns what is waited for. */
export async function waitedFor(ports: VendorPorts, waits: VendorWaits): Promise<readonly VendorDependency[]> {
  for (let left = waits.missing(); left.digests.length + left.streams.length > 0; left = waits.missing()) {
    for (const record of (await ports.streams.streams(left.streams)).values()) waits.addStream(record);
    await mapConcurrently(piecesOf(left.digests, IMAGES_A_READ), READS_AT_ONCE, async (piece) => {
      for (const image of (await ports.images.get(piece)).values()) waits.add(image);
    });
  }
  const streams = waits.streams;
  return waits.dependencies(streams.length > 0 ? await ports.guards.get(streams) : new Map());
}
