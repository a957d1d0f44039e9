import { DAY_MS } from '../../../domain/common/time.ts';
import { type Registry, registryKey } from '../../../domain/image/image.ts';
import type { EcsService, ServiceAtZero } from '../../../domain/image/service-at-zero.ts';
import type { ServiceAtZeroLedger, ServiceAtZeroReads } from '../../../ports/services-at-zero.ts';
import * as keys from '../table/keys.ts';
import type { StoredServiceAtZero } from '../table/shapes.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** Reports name why a confirmation counts no more for so long. */
const KEPT_MS = 30 * DAY_MS;

/** Services at zero: one partition, read as a whole by the report and by the check of closures. */
export class DynamoServicesAtZero implements ServiceAtZeroReads {
  protected readonly records: StoredRecords<StoredServiceAtZero>;

  constructor(table: LedgerTable) {
    this.records = new StoredRecords(table, 'service-at-zero');
  }

  async *all(of?: Registry): AsyncIterable<ServiceAtZero> {
    const found = this.records.below(keys.AT_ZERO, of && `${registryKey(of)}/`);
    for await (const { expiresAt: _, ...one } of found) yield one;
  }
}

/** The same, and its changes. The table deletes what ended: no function that reads the fleet may. */
export class DynamoServiceAtZeroLedger extends DynamoServicesAtZero implements ServiceAtZeroLedger {
  async change(
    service: EcsService,
    change: (before: ServiceAtZero | undefined) => ServiceAtZero | undefined,
  ): Promise<ServiceAtZero | undefined> {
    const stands = await this.records.change(keys.serviceAtZero(service), (stored) => {
      const before = stored && recordOf(stored);
      const after = change(before);
      if (!after || after === before) return undefined;
      const { ended } = after;
      return { ...after, ...(ended && { expiresAt: Math.floor((ended.atEpochMs + KEPT_MS) / 1000) }) };
    });
    return stands && recordOf(stands);
  }
}

const recordOf = ({ expiresAt: _, ...one }: StoredServiceAtZero): ServiceAtZero => one;
