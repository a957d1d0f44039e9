import { readFileSync } from 'node:fs';
import { buildFiles } from '../../../enforcement/build/build-files.ts';
import { canonicalJson } from '../../../shared/domain/common/canonical-json.ts';
import type { Policy } from '../../../shared/domain/policy/policy.ts';
import { parsePolicy } from '../../../shared/domain/policy/policy-document.ts';
import { pathKey } from '../../support/path-key.ts';
import { fc } from '../../support/seeded.ts';

const GOLDEN = 'test/unit/enforcement/golden';
const CLUSTER = { account: '111122223333', region: 'eu-west-1', cluster: 'test' };
const webhook = { url: 'https://webhook.example', sign: pathKey(1).sign };
const OPTIONS = { clusters: [CLUSTER], shardCount: 1, webhook } as const;
const policy = parsePolicy(readFileSync(`${GOLDEN}/policy.yaml`, 'utf8'));
const files = buildFiles(policy, OPTIONS);

/*
 * A difference is what an installation would get. If it is meant, write the files again, with the key of test/support/path-key.ts:
 * npm run enforcement:build -- test/unit/enforcement/golden/policy.yaml --out test/unit/enforcement/golden --shards 1 \
 *   --cluster 111122223333/eu-west-1/test --webhook-url https://webhook.example --key FILE
 */
test.each([...files])('%s is as it was', (path, text) => {
  expect(text).toBe(readFileSync(`${GOLDEN}/${path}`, 'utf8'));
});

/** The same policy with its fields in another order, and with the lists in another order whose order says nothing. */
const shuffled = fc
  .tuple(
    fc.shuffledSubarray(Object.entries(policy), { minLength: Object.keys(policy).length }),
    fc.shuffledSubarray(policy.approvedRegistries?.allow ?? [], { minLength: 2 }),
    fc.shuffledSubarray(['602401143452', '918309763551', '900889452093'], { minLength: 3 }),
    fc.shuffledSubarray(['shop', 'shop-*', 'cart'], { minLength: 3 }),
  )
  .map(([entries, allow, accounts, namespaces]): Policy => {
    const { awsManaged, doors, ...others } = Object.fromEntries(entries) as unknown as Policy;
    const [first, second, ...rest] = doors?.rules ?? [];
    if (!doors || !first || !second) throw new Error('the policy has rules of doors');
    return {
      ...others,
      approvedRegistries: { allow, id: 'approved-registries' },
      awsManaged: { references: awsManaged.references, accounts },
      doors: { ...doors, rules: [first, { ...second, namespaces }, ...rest] },
    };
  });

test('the order of what has no order does not change a byte', () => {
  fc.assert(
    fc.property(shuffled, shuffled, (one, other) => {
      const [texts, otherTexts] = [one, other].map((each) => canonicalJson([...buildFiles(each, OPTIONS)]));
      expect(texts).toBe(otherTexts);
    }),
    { numRuns: 30 },
  );
});

test('what the files do not depend on does not change a byte', () => {
  const other: Policy = { ...policy, ages: { ...policy.ages, default: { limitDays: 7, warnAtPercent: 50 } } };
  expect([...buildFiles(other, OPTIONS)]).toEqual([...files]);
});

test('the order of rules says which one decides, so it counts', () => {
  const { doors } = policy;
  if (!doors) throw new Error('the policy has doors');
  const reversed = { ...policy, doors: { ...doors, rules: doors.rules.toReversed() } };
  expect([...buildFiles(reversed, { ...OPTIONS, clusters: [{ ...CLUSTER, cluster: 'prod' }] })]).not.toEqual([
    ...buildFiles(policy, { ...OPTIONS, clusters: [{ ...CLUSTER, cluster: 'prod' }] }),
  ]);
});
