import { parse } from 'yaml';
import { buildFiles } from '../../../enforcement/build/build-files.ts';
import { ecsClusters } from '../../../enforcement/build/ecs-clusters.ts';
import { doorAt } from '../../../shared/domain/policy/doors.ts';
import type { Policy } from '../../../shared/domain/policy/policy.ts';
import { doorPolicy } from '../../support/door-world.ts';
import { fc } from '../../support/seeded.ts';

const filesOf = (policy: Policy) =>
  buildFiles(policy, { clusters: [{ account: '111122223333', region: 'eu-west-1', cluster: 'a' }], shardCount: 1 });

interface CustodianPolicy {
  readonly name: string;
  readonly resource: string;
  readonly actions?: readonly unknown[];
  readonly filters?: readonly unknown[];
}
const custodian = (doors: object, more: object = {}): readonly CustodianPolicy[] => {
  const policy = doorPolicy({ mode: 'warn', rules: [{ namespaces: ['a'], mode: 'deny' }], ...doors }, more);
  const text = filesOf(policy).get('ecs/custodian.yaml');
  return text === undefined ? [] : (parse(text) as { readonly policies: CustodianPolicy[] }).policies;
};

test('the patterns of clusters and the decision on a place agree', () => {
  const rule = fc.record(
    {
      accounts: fc.subarray(['111122223333', '444455556666'], { minLength: 1 }),
      regions: fc.subarray(['eu-west-1', 'us-east-1'], { minLength: 1 }),
      clusters: fc.subarray(['prod', 'prod-*', '*-a', 'p*d', 'a.b'], { minLength: 1 }),
      namespaces: fc.constant(['x']),
      mode: fc.constantFrom('off', 'warn', 'deny'),
      requireDigest: fc.boolean(),
      stopTasks: fc.boolean(),
    },
    { requiredKeys: ['mode'] },
  );
  const places = ['111122223333', '444455556666'].flatMap((account) =>
    ['eu-west-1', 'us-east-1'].flatMap((region) =>
      ['prod', 'prod-a', 'b-a', 'test', 'aXb'].map((cluster) => ({ account, region, cluster })),
    ),
  );
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 4 }), fc.constantFrom('off', 'warn', 'deny'), (rules, mode) => {
      const { doors } = doorPolicy({ mode, rules });
      if (!doors) throw new Error('the policy has doors');
      for (const place of places) {
        const arn = `arn:aws:ecs:${place.region}:${place.account}:cluster/${place.cluster}`;
        const found = ecsClusters(doors).filter(({ anyOf }) =>
          anyOf.some(
            ({ matches, except }) => new RegExp(matches).test(arn) && !except.some((one) => new RegExp(one).test(arn)),
          ),
        );
        expect(found.map(({ door }) => door)).toEqual([doorAt({ doors }, place)]);
      }
    }),
  );
});

test('tasks are reported only, unless the policy says that they are stopped', () => {
  expect(custodian({}).map(({ name }) => name)).toEqual(['patchwave-report-1', 'patchwave-definitions']);
  expect(custodian({ mode: 'deny' }).flatMap(({ actions = [] }) => actions)).toEqual([]);
  expect(custodian({ stopTasks: true }).flatMap(({ actions = [] }) => actions)).toEqual([]);
});

test('where it says so, a task is marked, and stopped once its time is over', () => {
  const [report, mark, stop, definitions, ...more] = custodian({
    ...{ mode: 'deny', stopTasks: true, stopTasksAfterMinutes: 90 },
  });
  expect(more).toEqual([]);
  expect([report?.actions, definitions?.actions]).toEqual([undefined, undefined]);
  expect(mark?.actions).toEqual([{ type: 'mark-for-op', tag: 'patchwave-stop', op: 'stop', hours: 2 }]);
  expect(stop?.actions).toEqual(['stop']);
  expect(stop).toMatchObject({
    filters: expect.arrayContaining([{ type: 'marked-for-op', tag: 'patchwave-stop', op: 'stop' }]),
  });
});

describe('where Patchwave may only report, Custodian stops nothing either', () => {
  const stopping = { mode: 'deny', stopTasks: true };
  const stream = {
    ...{ id: 'apps', tier: 'application', account: '111122223333', regions: ['eu-west-1'], repositories: ['apps/*'] },
    ...{ headTags: ['^v.*$'], owner: 'shop' },
  };
  test.each<[string, object, boolean]>([
    ['in the whole fleet', { mode: 'report-only' }, false],
    ['while everything is paused', { mode: 'paused' }, false],
    ['for a tier', { modes: { tiers: { external: 'report-only' } } }, false],
    ['for an owner', { modes: { owners: { shop: 'report-only' } } }, false],
    ['for a stream', { streams: [{ ...stream, mode: 'report-only' }] }, false],
    ['nowhere', { streams: [stream], modes: { tiers: { base: 'enforce' }, accounts: {} } }, true],
  ])('%s', (_, more, stops) => {
    const actions = custodian(stopping, more).flatMap((one) => one.actions ?? []);
    expect(actions.includes('stop')).toBe(stops);
  });

  test('in an account', () => {
    const accounts = { '444455556666': 'report-only', '111122223333': 'paused', '222233334444': 'enforce' };
    const filter = { type: 'value', key: 'clusterArn', op: 'regex-case' };
    const held = { not: [{ ...filter, value: '^arn:[^:]+:ecs:[^:]+:(?:111122223333|444455556666):' }] };
    const [report, mark, stop] = custodian(stopping, { modes: { accounts } });
    expect([mark?.filters, stop?.filters]).toEqual([expect.arrayContaining([held]), expect.arrayContaining([held])]);
    expect(report?.filters).not.toContainEqual(held);
  });
});

test('doors that are off in every ECS cluster write nothing for ECS', () => {
  expect(custodian({ mode: 'off' })).toEqual([]);
});

describe('the rules for templates', () => {
  const text =
    filesOf({
      ...doorPolicy({ mode: 'warn' }),
      approvedRegistries: { id: 'own', allow: ['*.dkr.ecr.*.amazonaws.com/team/*', 'docker.io/library/*'] },
    }).get('ecs/task-definitions.guard') ?? '';
  const checks = [...text.matchAll(/Image == \/(.*)\/ <<.*\(([a-z-]+)\)>>/g)].map(
    ([, pattern = '', rule]) => [new RegExp(pattern), rule] as const,
  );
  const broken = (image: string) => checks.flatMap(([pattern, rule]) => (pattern.test(image) ? [] : [rule]));
  const ECR = '111122223333.dkr.ecr.eu-west-1.amazonaws.com';
  const DIGEST = `@sha256:${'a'.repeat(64)}`;

  test.each([
    [`${ECR}/team/web${DIGEST}`, []],
    [`${ECR}/team/web:1${DIGEST}`, []],
    [`nginx${DIGEST}`, []],
    [`${ECR}/team/web:1`, ['digest-required']],
    [`${ECR}/other/web${DIGEST}`, ['own']],
    ['evil/web:1', ['own', 'digest-required']],
    [`${ECR}/Team/web${DIGEST}`, ['reference-readable', 'own']],
  ])('on %s', (image, rules) => {
    expect(broken(image)).toEqual(rules);
  });

  test('an image that the template does not spell out is no pass', () => {
    expect(text.match(/Image is_string/g)).toHaveLength(3);
    expect(text.match(/ContainerDefinitions is_list/g)).toHaveLength(3);
  });
});
