import { agreementOn, theDecision, theWebhook } from '../../support/conformance/agreement.ts';
import { SEED } from '../../support/seeded.ts';

const COUNT = 100_000;

test.each([
  ['the decision', theDecision],
  ['the webhook', theWebhook],
])(
  `%s agrees with the tables on ${COUNT} situations by chance`,
  async (_, decider) => {
    const { decisions } = await agreementOn(SEED + 1, COUNT, decider);
    expect([...decisions.values()].reduce((sum, one) => sum + one, 0)).toBe(COUNT);
  },
  600_000,
);
