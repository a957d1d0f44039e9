import { collect, mapConcurrently } from '../../../concurrency.ts';
import { sameContent } from '../../../domain/common/same-content.ts';
import type { Digest, ImageLocation } from '../../../domain/image/image.ts';
import type { ImageExpiry, RepositoryCheck } from '../../../domain/retention/image-expiry.ts';
import type { ExpiryLedger, KnownExpiries } from '../../../ports/expiries.ts';
import * as keys from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** Expiries and checks, for functions that only tell of them. */
export class DynamoExpiries implements Pick<ExpiryLedger, 'checks' | 'of' | 'ofImage'> {
  protected readonly table: LedgerTable;
  protected readonly expiries: StoredRecords<ImageExpiry>;
  protected readonly checked: StoredRecords<RepositoryCheck>;

  constructor(table: LedgerTable) {
    this.table = table;
    this.expiries = new StoredRecords(table, 'expiry');
    this.checked = new StoredRecords(table, 'lifecycle-check');
  }

  checks(): AsyncIterable<RepositoryCheck> {
    return this.checked.below(keys.LIFECYCLE_CHECKS);
  }

  of(location: ImageLocation): AsyncIterable<ImageExpiry> {
    return this.expiries.below(keys.expiriesOf(location));
  }

  async ofImage(digest: Digest, locations: readonly ImageLocation[]): Promise<KnownExpiries> {
    const [expiries, checks] = await Promise.all([
      this.expiries.getAll(locations.map((location) => keys.expiry(location, digest))),
      this.checked.getAll(locations.map(keys.lifecycleCheck)),
    ]);
    return { expiries, checks };
  }
}

const WRITES_AT_ONCE = 8;

/** One item for each image that expires, and one for each check. The check comes last: it says that there are any. */
export class DynamoExpiryLedger extends DynamoExpiries implements ExpiryLedger {
  async record(check: RepositoryCheck, expiries?: readonly ImageExpiry[]): Promise<void> {
    if (expiries) await this.#replace(check.location, expiries);
    await this.checked.put(keys.lifecycleCheck(check.location), check);
  }

  async forget(location: ImageLocation): Promise<void> {
    await this.#replace(location, []);
    await this.table.delete(keys.lifecycleCheck(location));
  }

  async #replace(location: ImageLocation, expiries: readonly ImageExpiry[]): Promise<void> {
    const known = new Map<Digest, ImageExpiry>();
    for (const expiry of await collect(this.of(location))) known.set(expiry.digest, expiry);
    const dated = expiries.map((expiry) => ({
      ...expiry,
      foundAtEpochMs: known.get(expiry.digest)?.foundAtEpochMs ?? expiry.foundAtEpochMs,
    }));
    const changed = dated.filter((expiry) => !sameContent(expiry, known.get(expiry.digest)));
    await mapConcurrently(changed, WRITES_AT_ONCE, (expiry) =>
      this.expiries.put(keys.expiry(location, expiry.digest), expiry),
    );
    for (const { digest } of expiries) known.delete(digest);
    await mapConcurrently([...known.keys()], WRITES_AT_ONCE, (digest) =>
      this.table.delete(keys.expiry(location, digest)),
    );
  }
}
