import { beforeAll } from '@jest/globals';
import { DynamoRunLedger } from '../../shared/adapters/dynamodb/reviews/run-ledger.ts';
import type { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { runIdOf } from '../../shared/domain/review/run-id.ts';
import { abandonReview } from '../../shared/review/abandon.ts';
import { useCloud } from '../support/cloud.ts';
import { ledgerTables } from '../support/ledger-table.ts';
import { NOON_EPOCH_MS, review } from '../support/samples.ts';

const cloud = useCloud();
let newTable: () => Promise<LedgerTable>;
beforeAll(async () => {
  newTable = await ledgerTables(cloud());
});

const executionArn = 'execution:fleet-review:stopped';
const opened = review(runIdOf(executionArn, NOON_EPOCH_MS), { executionArn });
const abandon = (runs: DynamoRunLedger) =>
  abandonReview([runs], () => NOON_EPOCH_MS + 1, {
    executionArn,
    executionStartedAt: NOON_EPOCH_MS,
    error: { Error: 'ABORTED', Cause: '' },
  });

/** The table as a process sees it whose call number `call` waits until another process has done all of its own. */
function interrupted(table: LedgerTable, call: number, other: () => Promise<unknown>) {
  let calls = 0;
  const seen = new Proxy(table, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]): Promise<unknown> => {
        calls += 1;
        if (calls === call) await other();
        return member.apply(target, args);
      };
    },
  });
  return { ledger: new DynamoRunLedger(seen), calls: () => calls };
}

const MOST_CALLS = 20;

test('wherever a review is stopped while it begins, it ends as failed and the lease is free', async () => {
  for (let call = 1, reached = true; reached; call += 1) {
    const table = await newTable();
    const runs = new DynamoRunLedger(table);
    const { ledger, calls } = interrupted(table, call, () => abandon(runs));
    await ledger.begin(opened);
    reached = calls() >= call;
    // What is stopped after it began is found by its record.
    if (!reached) await abandon(runs);
    expect((await runs.latest()).running).toBeUndefined();
    expect((await runs.get(opened.runId))?.state ?? 'failed').toBe('failed');
    expect(call).toBeLessThan(MOST_CALLS);
  }
});

test('wherever a review begins while it is being abandoned, the same', async () => {
  for (let call = 1, reached = true; reached; call += 1) {
    const table = await newTable();
    const runs = new DynamoRunLedger(table);
    const { ledger, calls } = interrupted(table, call, () => runs.begin(opened));
    await abandon(ledger);
    reached = calls() >= call;
    if (!reached) expect(await runs.begin(opened)).toMatchObject({ begun: false });
    expect((await runs.latest()).running).toBeUndefined();
    expect((await runs.get(opened.runId))?.state ?? 'failed').toBe('failed');
    expect(call).toBeLessThan(MOST_CALLS);
  }
});
