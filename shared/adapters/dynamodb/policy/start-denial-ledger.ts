import { DenialsOfHour, type DeniedTask, type StartDenial } from '../../../domain/admission/start-denial.ts';
import { DAY_MS } from '../../../domain/common/time.ts';
import type { StartDenialLedger } from '../../../ports/denials.ts';
import * as keys from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

const KEPT_MS = 30 * DAY_MS;
/** A crash loop asks about the same image every few minutes; so many are remembered, and not written again. */
const MOST_REMEMBERED = 1000;

/** Denied starts as one item each: the outbox publishes those that are new. */
export class DynamoStartDenials implements StartDenialLedger {
  readonly #records: StoredRecords<StartDenial & { readonly expiresAt: number }>;
  readonly #tasks: StoredRecords<DeniedTask & { readonly expiresAt: number }>;
  readonly #recorded = new Set<string>();
  readonly #ofHour = new DenialsOfHour();

  constructor(table: LedgerTable) {
    this.#records = new StoredRecords(table, 'start-denial');
    this.#tasks = new StoredRecords(table, 'denied-task');
  }

  async record(denial: StartDenial): Promise<void> {
    const key = keys.deniedStart(denial);
    const name = `${key.PK} ${key.SK}`;
    if (this.#recorded.has(name)) return;
    this.#ofHour.count(denial);
    await this.#records.put(
      key,
      { ...denial, expiresAt: expiry(denial.deniedAtEpochMs) },
      { expression: 'attribute_not_exists(PK)' },
    );
    if (this.#recorded.size >= MOST_REMEMBERED) this.#recorded.clear();
    this.#recorded.add(name);
  }

  async recordTask(task: DeniedTask, atEpochMs: number): Promise<void> {
    await this.#tasks.put(keys.deniedTask(task), { ...task, expiresAt: expiry(atEpochMs) });
  }
}

const expiry = (atEpochMs: number): number => Math.floor((atEpochMs + KEPT_MS) / 1000);
