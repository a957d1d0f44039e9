import { mapConcurrently } from '../../../concurrency.ts';
import type { ExpectedDenial } from '../../../domain/admission/expected-denial.ts';
import { sameContent } from '../../../domain/common/same-content.ts';
import type { DenialLedger } from '../../../ports/denials.ts';
import * as keys from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** Expected denials, for those that only tell of them. */
export class DynamoDenials implements Pick<DenialLedger, 'all'> {
  protected readonly table: LedgerTable;
  protected readonly denials: StoredRecords<ExpectedDenial>;

  constructor(table: LedgerTable) {
    this.table = table;
    this.denials = new StoredRecords(table, 'expected-denial');
  }

  all(): AsyncIterable<ExpectedDenial> {
    return this.denials.below(keys.DENIALS);
  }
}

const WRITES_AT_ONCE = 8;

/** One item for each image and place. */
export class DynamoDenialLedger extends DynamoDenials implements DenialLedger {
  async replace(expected: readonly ExpectedDenial[]): Promise<void> {
    const known = new Map<string, ExpectedDenial>();
    for await (const denial of this.all()) known.set(keyOf(denial).SK, denial);
    const changed = expected
      .map((denial) => asFound(known.get(keyOf(denial).SK), denial))
      .filter((denial) => !sameContent(denial, known.get(keyOf(denial).SK)));
    await mapConcurrently(changed, WRITES_AT_ONCE, (denial) => this.denials.put(keyOf(denial), denial));
    for (const denial of expected) known.delete(keyOf(denial).SK);
    await mapConcurrently([...known.values()], WRITES_AT_ONCE, (denial) => this.table.delete(keyOf(denial)));
  }
}

const keyOf = ({ place, digest }: ExpectedDenial): keys.Key => keys.expectedDenial(place, digest);

/** The same instant was found before. */
const asFound = (before: ExpectedDenial | undefined, denial: ExpectedDenial): ExpectedDenial =>
  before?.deniedFromEpochMs === denial.deniedFromEpochMs
    ? { ...denial, foundAtEpochMs: before.foundAtEpochMs }
    : denial;
