import { evaluate } from '@marcbachmann/cel-js';
import { askedDoors, ClusterNeededError, clusterDoors } from '../../../enforcement/build/door-modes.ts';
import { DOOR_MODES, doorAt, ON_UNREACHABLE } from '../../../shared/domain/policy/doors.ts';
import { doorPolicy } from '../../support/door-world.ts';
import { fc } from '../../support/seeded.ts';

const NAMES = ['shop', 'shop-a', 'kube-system', 'karpenter', 'kube-public', 'a-lax', "it's", 'x'];
const CLUSTERS = ['prod', 'prod-a', 'test'].map((cluster) => ({
  ...{ account: '111122223333', region: 'eu-west-1', cluster },
}));

const mode = fc.constantFrom(...DOOR_MODES);
const rule = fc.record(
  {
    accounts: fc.subarray(['111122223333', '444455556666'], { minLength: 1 }),
    regions: fc.subarray(['eu-west-1', 'us-east-1'], { minLength: 1 }),
    clusters: fc.subarray(['prod', 'prod-*', '*'], { minLength: 1 }),
    namespaces: fc.subarray(['shop', 'shop-*', 'kube-*', 'kube-system', '*-lax', '*', "it's", 's*p'], { minLength: 1 }),
    mode,
    requireDigest: fc.boolean(),
    onUnreachable: fc.constantFrom(...ON_UNREACHABLE),
  },
  { requiredKeys: ['mode'] },
);

test('the expressions of a cluster say for each namespace what the policy says', () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 5 }), mode, fc.constantFrom(...CLUSTERS), (rules, otherwise, cluster) => {
      const { doors } = doorPolicy({ mode: otherwise, rules });
      if (!doors) throw new Error('the policy has doors');
      const made = clusterDoors(doors, cluster);
      for (const namespace of NAMES) {
        const context = { request: { namespace } };
        const door = doorAt({ doors }, { ...cluster, namespace });
        expect(evaluate(made.mode('request.namespace'), context)).toBe(door.mode);
        expect(evaluate(made.requireDigest('request.namespace'), context)).toBe(door.requireDigest);
        expect(made.modes.has(door.mode)).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});

test('a door that is asked denies openly exactly where the policy lets images start without an answer', () => {
  const unanswered = fc.constantFrom(undefined, ...ON_UNREACHABLE);
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 5 }), mode, unanswered, (rules, otherwise, onUnreachable) => {
      const [cluster] = CLUSTERS;
      const { doors } = doorPolicy({ mode: otherwise, ...(onUnreachable && { onUnreachable }), rules });
      if (!doors || !cluster) throw new Error('the policy has doors');
      const made = askedDoors(doors, cluster);
      for (const namespace of NAMES) {
        const door = doorAt({ doors }, { ...cluster, namespace });
        const expected = door.mode === 'deny' && door.onUnreachable === 'allow' ? 'deny-open' : door.mode;
        expect(evaluate(made.mode('request.namespace'), { request: { namespace } })).toBe(expected);
        expect(made.modes.has(expected)).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});

test('people read which namespaces a file covers, in the order in which rules count', () => {
  const coverage = (written: object) => clusterDoors(doorPolicy(written).doors as never, CLUSTERS[0]).coverage;
  const others = 'karpenter, amazon-guardduty, amazon-cloudwatch, amazon-network-flow-monitor';
  expect(coverage({ mode: 'deny' })).toBe(`off in kube-system, ${others}; deny in all others`);
  expect(coverage({ mode: 'warn', rules: [{ namespaces: ['shop', 'kube-*'], mode: 'deny' }] })).toBe(
    `deny in shop, kube-*; off in ${others}; warn in all others`,
  );
});

test('a selector leaves out no namespace of its mode, and every one that a rule names with another mode', () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 5 }), mode, mode, (rules, otherwise, wanted) => {
      const [cluster] = CLUSTERS;
      const { doors } = doorPolicy({ mode: otherwise, rules });
      if (!doors || !cluster) throw new Error('the policy has doors');
      const made = clusterDoors(doors, cluster);
      const selector = made.namespaces((one) => one === wanted);
      // The API server refuses a selector without a name.
      if (made.modes.has(wanted)) expect(selector?.matchExpressions[0]?.values).not.toEqual([]);
      const named = new Set(rules.flatMap(({ namespaces = [] }) => namespaces));
      for (const namespace of NAMES) {
        const isSelected = (selector?.matchExpressions ?? []).every(
          ({ operator, values }) => values.includes(namespace) === (operator === 'In'),
        );
        const isWanted = doorAt({ doors }, { ...cluster, namespace }).mode === wanted;
        if (isWanted) expect([namespace, isSelected]).toEqual([namespace, true]);
        // A rule behind one for every namespace names nothing here, and need not be left out.
        const isLeft = named.has(namespace) && isReached(rules, cluster, namespace);
        if (!isWanted && isLeft) expect([namespace, isSelected]).toEqual([namespace, false]);
      }
    }),
    { numRuns: 300 },
  );
});

/** Whether a rule names the namespace itself before a rule for all namespaces of the cluster. */
function isReached(
  rules: readonly { accounts?: string[]; regions?: string[]; clusters?: string[]; namespaces?: string[] }[],
  cluster: (typeof CLUSTERS)[number],
  namespace: string,
): boolean {
  const here = rules.filter(
    ({ accounts, regions, clusters }) =>
      (accounts?.includes(cluster.account) ?? true) &&
      (regions?.includes(cluster.region) ?? true) &&
      (clusters?.some((one) => one === cluster.cluster || one === '*') ?? true),
  );
  const last = here.findIndex(({ namespaces }) => namespaces === undefined);
  return (last < 0 ? here : here.slice(0, last)).some(({ namespaces = [] }) => namespaces.includes(namespace));
}

test.each(['accounts', 'regions', 'clusters'])('a rule that names %s asks for a cluster', (field) => {
  const names = { accounts: '111122223333', regions: 'eu-west-1', clusters: 'main' }[field];
  const { doors } = doorPolicy({ mode: 'warn', rules: [{ [field]: [names], mode: 'deny' }] });
  if (!doors) throw new Error('the policy has doors');
  expect(() => clusterDoors(doors, undefined)).toThrow(ClusterNeededError);
  expect(() => clusterDoors(doors, { account: '111122223333', region: 'eu-west-1', cluster: 'main' })).not.toThrow();
});
