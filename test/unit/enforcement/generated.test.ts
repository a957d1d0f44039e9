import { agreementOn, theDecision, theWebhook } from '../../support/conformance/agreement.ts';
import { everyRow } from '../../support/conformance/reference-table.ts';
import { SEED } from '../../support/seeded.ts';

/* 100,000 of each are in generated.slow.test.ts. */

/** Rows that only the cases reach: they need a change of a namespace, a failed read, or a policy that came. */
const OF_CASES_ALONE = /^(exception|unread) |^reference 4$/;

test.each([
  ['the decision', theDecision, 10_000],
  ['the webhook', theWebhook, 5000],
])('%s agrees with the tables on situations by chance, which use each row', async (_, decider, count) => {
  const { decisions, tables } = await agreementOn(SEED, count, decider);
  for (const decision of ['allow', 'warn', 'deny']) expect(decisions.get(decision)).toBeGreaterThan(count / 20);
  const unused = everyRow.filter((row) => !tables.used.has(row) && !OF_CASES_ALONE.test(row));
  expect(unused).toEqual(decider.subjects.includes('template') ? [] : [expect.stringMatching(/^door /)]);
});
