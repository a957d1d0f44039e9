import { doorAt, doorsSchema, mayJudge, mayRefuseNewly, refusesNewly } from '../../../../shared/domain/policy/doors.ts';
import { parse, safeParse } from '../../../../shared/schema.ts';
import { fc } from '../../../support/seeded.ts';

const SHOP = { account: '111122223333', region: 'eu-west-1', cluster: 'prod-1', namespace: 'shop' };
const PLACE = { account: '111122223333', region: 'eu-west-1' };
const doors = parse(doorsSchema, {
  mode: 'warn',
  rules: [
    { clusters: ['prod-*'], namespaces: ['kube-*'], mode: 'off' },
    { accounts: ['111122223333'], clusters: ['prod-*'], mode: 'deny', requireDigest: false },
    { regions: ['us-east-1'], mode: 'deny' },
  ],
});

describe('the settings of a door', () => {
  test.each([
    ['the first rule that names the place', SHOP, { mode: 'deny', requireDigest: false }],
    ['an earlier rule for a namespace', { ...SHOP, namespace: 'kube-system' }, { mode: 'off', requireDigest: true }],
    ['no rule for the account', { ...SHOP, account: '444455556666' }, { mode: 'warn', requireDigest: true }],
    ['a rule for a Region', { ...SHOP, region: 'us-east-1', cluster: 'x' }, { mode: 'deny', requireDigest: true }],
    ['no rule', { ...SHOP, cluster: 'test' }, { mode: 'warn', requireDigest: true }],
    [
      'no rule that names the namespace of an add-on',
      { ...SHOP, namespace: 'karpenter' },
      { mode: 'off', requireDigest: true },
    ],
  ])('%s', (_, place, expected) => {
    expect(doorAt({ doors }, place)).toEqual({ ...expected, onUnreachable: 'refuse', graceRunningDays: 14 });
  });

  test('a rule with namespaces names no ECS cluster', () => {
    const { namespace: _, ...ecs } = SHOP;
    const everyNamespace = parse(doorsSchema, { rules: [{ namespaces: ['*'], mode: 'deny' }] });
    expect(doorAt({ doors: everyNamespace }, ecs).mode).toBe('off');
    expect(doorAt({ doors }, ecs).mode).toBe('deny');
  });

  test('a policy without doors refuses nothing', () => {
    expect(doorAt({}, SHOP).mode).toBe('off');
  });

  test.each([
    ['nothing says it', {}, 'refuse'],
    ['it is said for all doors', { onUnreachable: 'allow' }, 'allow'],
    ['the rule says it', { rules: [{ mode: 'deny', onUnreachable: 'allow' }] }, 'allow'],
    [
      'the rule says otherwise',
      { onUnreachable: 'allow', rules: [{ mode: 'deny', onUnreachable: 'refuse' }] },
      'refuse',
    ],
    ['the rule says nothing', { onUnreachable: 'allow', rules: [{ mode: 'deny' }] }, 'allow'],
    ['another rule says it', { rules: [{ clusters: ['x'], mode: 'deny', onUnreachable: 'allow' }] }, 'refuse'],
  ] as const)('what a door does without an answer, if %s', (_, written, expected) => {
    expect(doorAt({ doors: parse(doorsSchema, { mode: 'deny', ...written }) }, SHOP).onUnreachable).toBe(expected);
  });

  test('a task is stopped only where a door or its rule says so', () => {
    const minutesAt = (written: object) => doorAt({ doors: parse(doorsSchema, written) }, SHOP).stopTasksAfterMinutes;
    expect(minutesAt({ mode: 'deny' })).toBeUndefined();
    expect(minutesAt({ mode: 'deny', stopTasksAfterMinutes: 30 })).toBeUndefined();
    expect(minutesAt({ stopTasks: true })).toBe(60);
    expect(minutesAt({ stopTasks: true, stopTasksAfterMinutes: 30, rules: [{ mode: 'deny' }] })).toBe(30);
    expect(minutesAt({ stopTasks: true, rules: [{ mode: 'deny', stopTasks: false }] })).toBeUndefined();
    expect(minutesAt({ rules: [{ mode: 'deny', stopTasks: true }] })).toBe(60);
  });

  test.each([
    { stopTasksAfterMinutes: 14 },
    { stopTasksAfterMinutes: 10081 },
    { mode: 'strict' },
    { graceRunningDays: -1 },
    { graceRunningDays: 91 },
    { rules: [{ clusters: [], mode: 'deny' }] },
    { rules: [{ clusters: ['a'] }] },
    { rules: [{ cluster: 'a', mode: 'deny' }] },
    { breakGlass: {} },
    { breakGlass: { groups: [] } },
    { breakGlass: { groups: ['on-call', 'system:authenticated'] } },
    { breakGlass: { groups: ['system:unauthenticated'] } },
  ])('%j is refused', (document) => {
    expect(safeParse(doorsSchema, document).success).toBe(false);
  });
});

test.each([
  ['the mode of all doors', { mode: 'warn' }, SHOP, true],
  ['a rule for a namespace of the cluster', { rules: [{ namespaces: ['a'], mode: 'deny' }] }, SHOP, true],
  ['a rule for another cluster', { rules: [{ clusters: ['test'], mode: 'deny' }] }, SHOP, false],
  ['a rule for another Region', { rules: [{ regions: ['us-east-1'], mode: 'deny' }] }, SHOP, false],
  ['only rules that switch doors off', { rules: [{ clusters: ['prod-*'], mode: 'off' }] }, SHOP, false],
  ['a rule for a cluster of the Region', { rules: [{ clusters: ['x'], mode: 'warn' }] }, PLACE, true],
  ['a rule for one account, anywhere', { rules: [{ accounts: ['444455556666'], mode: 'warn' }] }, {}, true],
  ['a rule for one Region, anywhere', { rules: [{ regions: ['us-east-1'], mode: 'warn' }] }, {}, true],
  ['a rule for another account', { rules: [{ accounts: ['444455556666'], mode: 'warn' }] }, PLACE, false],
])('%s: whether a door may judge there', (_, document, place, expected) => {
  expect(mayJudge({ doors: parse(doorsSchema, document) }, place)).toBe(expected);
});

test('a rule that newly names kube-system refuses newly there', () => {
  const before = { doors: parse(doorsSchema, { mode: 'deny' }) };
  const after = { doors: parse(doorsSchema, { mode: 'deny', rules: [{ namespaces: ['kube-*'], mode: 'deny' }] }) };
  expect(mayRefuseNewly(after, before, PLACE)).toBe(true);
  expect(mayRefuseNewly(before, after, PLACE)).toBe(false);
});

test('without doors none judges', () => {
  expect(mayJudge({}, SHOP)).toBe(false);
});

test('a place that is refused newly is found in its area', () => {
  const names = fc.array(fc.constantFrom('a', 'ab', 'a*', '*b', '*', 'a*b'), { minLength: 1, maxLength: 2 });
  const rule = fc.record(
    {
      mode: fc.constantFrom('off', 'warn', 'deny'),
      accounts: fc.constant([PLACE.account]),
      clusters: names,
      namespaces: names,
      requireDigest: fc.boolean(),
    },
    { requiredKeys: ['mode'] },
  );
  const doors = fc
    .record({ mode: fc.constantFrom('off', 'deny'), rules: fc.array(rule, { maxLength: 3 }) })
    .map((document) => ({ doors: parse(doorsSchema, document) }));
  const name = fc.constantFrom('a', 'ab', 'axb', 'ax', 'xb', 'x');
  let found = 0;
  fc.assert(
    fc.property(doors, doors, name, fc.option(name, { nil: undefined }), (after, before, cluster, namespace) => {
      const place = { ...PLACE, cluster, ...(namespace !== undefined && { namespace }) };
      if (!refusesNewly(after, before, place)) return;
      found += 1;
      const { account, region } = place;
      for (const area of [{}, { account, region }, ...(namespace === undefined ? [] : [{ account, region, cluster }])])
        expect(mayRefuseNewly(after, before, area)).toBe(true);
      expect(mayRefuseNewly(after, after, { account, region })).toBe(false);
    }),
    { numRuns: 3000 },
  );
  expect(found).toBeGreaterThan(100);
});
