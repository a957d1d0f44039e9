import type { PathKind } from '../../../domain/admission/webhook-path.ts';
import { DAY_MS, HOUR_MS } from '../../../domain/common/time.ts';
import type { Cluster } from '../../../domain/image/usage.ts';
import type { AskedWebhook, AskedWebhookLedger, StoredAskedWebhook } from '../../../ports/admission.ts';
import * as keys from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

const KEPT_MS = 90 * DAY_MS;

/** One item a cluster, in one partition: it is written about once an hour and cluster. */
export class DynamoAskedWebhooks implements AskedWebhookLedger {
  readonly #table: LedgerTable;
  readonly #records: StoredRecords<StoredAskedWebhook>;

  constructor(table: LedgerTable) {
    this.#table = table;
    this.#records = new StoredRecords(table, 'asked-webhook');
  }

  async *all(): AsyncIterable<AskedWebhook> {
    for await (const { expiresAt: _, ...one } of this.#records.below(keys.WEBHOOKS)) yield one;
  }

  async forget({ account, region, cluster }: Cluster): Promise<boolean> {
    return this.#table.delete(keys.askedWebhook({ account, region, cluster }), { expression: 'attribute_exists(PK)' });
  }

  async record({ account, region, cluster }: Cluster, kind: PathKind, atEpochMs: number): Promise<void> {
    const hour = Math.floor(atEpochMs / HOUR_MS) * HOUR_MS;
    const of = { account, region, cluster };
    await this.#records.change(keys.askedWebhook(of), (before) => {
      const { lastAskedAtEpochMs: last = 0, sharedSecretAtEpochMs: shared = 0 } = before ?? {};
      const sharedSecretAtEpochMs = kind === 'shared-secret' ? Math.max(hour, shared) : shared;
      if (hour <= last && sharedSecretAtEpochMs === shared) return undefined;
      const lastAskedAtEpochMs = Math.max(hour, last);
      return {
        ...{ cluster: of, lastAskedAtEpochMs },
        ...(sharedSecretAtEpochMs > 0 && { sharedSecretAtEpochMs }),
        expiresAt: Math.floor((lastAskedAtEpochMs + KEPT_MS) / 1000),
      };
    });
  }
}
