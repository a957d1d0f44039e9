import type { RunPart } from '../../../domain/review/run.ts';
import type { RunParts } from '../../../ports/ledger.ts';
import { recordOf } from '../table/items.ts';
import * as keys from '../table/keys.ts';
import { below, type LedgerTable } from '../table/table.ts';

/** What the steps of a run leave for its end: apart from the rest of it, which would weigh in their bundles. */
export class DynamoRunParts implements RunParts {
  protected readonly table: LedgerTable;

  constructor(table: LedgerTable) {
    this.table = table;
  }

  async recordPart(runId: string, part: RunPart): Promise<void> {
    await this.table.put({ ...keys.runPart(runId, part.kind, part.key), kind: 'run-part', part });
  }

  async *parts(runId: string): AsyncIterable<RunPart> {
    const { PK } = keys.run(runId);
    // Consistent: the run is summed up right after its last parts were written.
    const question = { ...below(PK, 'PART#'), consistent: true };
    for await (const item of this.table.items(question)) yield recordOf<{ part: RunPart }>(item).part;
  }
}
