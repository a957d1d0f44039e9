import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CliContext } from '../../../cli/command.ts';
import { doorsCommand } from '../../../cli/commands/doors.ts';
import { EXIT, NotFoundError, UsageError } from '../../../cli/errors.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Cluster } from '../../../shared/domain/image/usage.ts';
import type { Policy } from '../../../shared/domain/policy/policy.ts';
import { ClusterForbiddenError } from '../../../shared/ports/cluster-errors.ts';
import { AccountNotOursError, NoPolicyError } from '../../../shared/ports/errors.ts';
import type { TemplateSource, WorkloadTemplate } from '../../../shared/ports/templates.ts';
import { type FakeWorld, fakeWorld } from '../../support/fakes/world.ts';
import { DAY_MS, digestOf, HOUR_MS, usage } from '../../support/samples.ts';
import { judgedWorld, MAIN, named, policyWith, running, SCOPE } from './doors-world.ts';
import { ANA, cliContext, readOnlyContext, run, runJson } from './support.ts';

/** Templates in memory, and clusters that cannot be read. */
const templatesOf = (
  platform: TemplateSource['platform'],
  templates: readonly (WorkloadTemplate & { readonly cluster: Cluster })[],
  { fails, lists = true }: { readonly fails?: Error; readonly lists?: boolean } = {},
): TemplateSource => ({
  platform,
  async *clusters(scope) {
    if (!lists) throw new AccountNotOursError(scope.account);
    for (const cluster of new Set(templates.map((one) => one.cluster)))
      if (cluster.account === scope.account) yield cluster;
  },
  async *templates(cluster) {
    yield templates.filter((one) => one.cluster === cluster);
    if (fails) throw fails;
  },
});

const template = (reference: string, changes: Partial<WorkloadTemplate> = {}) => ({
  ...{ cluster: MAIN, workloadKind: 'eks-cronjob' as const, workload: 'shop/nightly' },
  images: [{ field: 'spec.containers[0].image', reference }],
  ...changes,
});

const contextOf = (world: FakeWorld, ...sources: readonly TemplateSource[]): CliContext => ({
  ...readOnlyContext(world),
  templates: async () => sources,
});

const check = (world: FakeWorld, sources: readonly TemplateSource[] = [], flags: Record<string, string> = {}) =>
  run(doorsCommand, contextOf(world, ...sources), ['check'], flags);

test('what runs within its grace is shown with its end, and is no failure', async () => {
  const { code, text } = await check(await running());
  expect(code).toBe(EXIT.done);
  expect(text).toMatch(/0 images would be refused\n {2}0 would be refused if the door denied\n {2}1 may start until/);
  expect(text).toMatch(/Start until their grace ends\n.*\n2026-12-08 03:00 UTC \(in 14 days\) {2}.*\/main\/shop {2}/);
  expect(text).toMatch(/1 would start, 0 where the door is off/);
});

test('what would be refused has its place, workload, owner, image, rule and next step', async () => {
  const world = await running();
  world.advance(14 * DAY_MS);
  const { code, text } = await check(world);
  expect(code).toBe(EXIT.violating);
  const short = named('violating').slice(0, -52);
  expect(text).toContain(`\n111122223333/eu-west-1/main/shop  eks-deployment violating  payments  ${short}  critical `);
  expect(text).toMatch(/may not start: .* Deploy a newer image/);
});

test('a door that only warns tells what it would refuse, and refuses nothing', async () => {
  const world = await running('warn');
  world.advance(14 * DAY_MS);
  const { code, text } = await check(world);
  expect(code).toBe(EXIT.done);
  expect(text).toContain('Refused if the door denied; its mode is warn\n');
});

test('a template without a pod is judged, and named as one', async () => {
  const templates = templatesOf('EKS', [template(named('violating')), template(named('compliant'))]);
  const { code, text } = await check(await running(), [templates]);
  expect(code).toBe(EXIT.done);
  const fresh = templatesOf('EKS', [template('docker.io/library/nginx:1')]);
  const other = await check(await running(), [fresh]);
  expect(other.code).toBe(EXIT.violating);
  expect(other.text).toContain('eks-cronjob nightly (template)  -  ');
  expect(text).not.toContain('Refused');
});

test('a cluster of ECS and one of EKS with the same name are both read', async () => {
  const inEcs = { workloadKind: 'ecs-service', workload: 'api' } as const;
  const ecs = templatesOf('ECS', [template('docker.io/library/nginx:1', inEcs)]);
  const { text } = await check(await running(), [ecs, templatesOf('EKS', [template('docker.io/library/nginx:2')])]);
  expect(text).toContain('2 images would be refused');
  expect(text).toMatch(/\/eu-west-1\/main +ecs-service api \(template\)/);
  expect(text).toMatch(/\/main\/shop +eks-cronjob nightly \(template\)/);
  const unidentified = (workload: string) => ({
    repository: 'r',
    workload: `${workload} 111122223333/eu-west-1/main/x`,
  });
  const world = await running();
  const workloads = ['ecs-service', 'eks-deployment'].map(unidentified);
  await world.scopes.record({ scope: SCOPE, completeAtEpochMs: world.clock(), unidentified: workloads });
  const fails = new ClusterForbiddenError(MAIN, 'list', 'cronjobs');
  const half = await check(world, [ecs, templatesOf('EKS', [template(named('compliant'))], { fails })]);
  expect(half.text).toMatch(/1 workload ran images without a known digest: eks-deployment/);
});

test('says what it does not check', async () => {
  const { text } = await check(await running(), [templatesOf('ECS', []), templatesOf('EKS', [])]);
  expect(text).toMatch(
    /\n\nNot checked\n {2}ECS tasks that do not run and that no service starts.*\n {2}Workloads of other/,
  );
});

test.each(['arn:aws:iam::111122223333:role/Reader', 'a b', 'r\u001b[2J', '/Reader', 'x'.repeat(65)])(
  'a role of the name %j is a usage error, also where no template is read',
  async (role) => {
    await expect(check(await running(), [], { role })).rejects.toThrow(UsageError);
  },
);

test('a role may have a path, and an external id has the form that AWS takes', async () => {
  expect((await check(await running(), [], { role: 'ops/team/Reader' })).code).toBe(EXIT.done);
  await expect(check(await running(), [], { role: 'Reader', 'external-id': 'a b' })).rejects.toThrow(UsageError);
});

test('a workload that no template explains is unknown, also where templates were read', async () => {
  const world = await running();
  const unidentified = (...workloads: readonly string[]) =>
    world.scopes.record({
      ...{ scope: SCOPE, completeAtEpochMs: world.clock() },
      unidentified: workloads.map((kind) => ({ repository: 'r', workload: `${kind} 111122223333/eu-west-1/main/x` })),
    });
  const sources = [templatesOf('EKS', [template(named('compliant'))])];
  await unidentified('eks-deployment');
  expect((await check(world, sources)).code).toBe(EXIT.done);
  await unidentified('eks-deployment', 'eks-pod');
  const { code, text } = await check(world, sources);
  expect(code).toBe(EXIT.unknown);
  expect(text).toMatch(/1 workload ran images without a known digest: eks-pod/);
  await unidentified('eks-deployment');
  const fails = new ClusterForbiddenError(MAIN, 'list', 'cronjobs');
  const half = await check(world, [templatesOf('EKS', [template(named('compliant'))], { fails })]);
  expect(half.text).toMatch(/1 workload ran images without a known digest: eks-deployment/);
});

test('a scope that left is not asked for, and one that is back is unknown until a review reads it', async () => {
  const world = await running();
  const scope = { ...SCOPE, region: 'us-east-1' };
  const left = { atEpochMs: 1, usages: 3 };
  await world.scopes.record({ scope, left });
  expect((await check(world)).code).toBe(EXIT.done);
  await world.scopes.record({ scope, completeAtEpochMs: 1, left: { ...left, isBack: true } });
  const { code, text } = await check(world);
  expect(code).toBe(EXIT.unknown);
  expect(text).toMatch(/us-east-1 {2}it is back, and no review has read it since/);
});

test('a cluster of which nothing but a failure is known is no misspelled one', async () => {
  const world = await running();
  const scope = { ...SCOPE, eksCluster: 'new' };
  await world.scopes.record({ scope, failure: { error: 'Forbidden', detail: 'no access entry', sinceEpochMs: 0 } });
  expect(await check(world, [], { cluster: 'new' })).toMatchObject({ code: EXIT.unknown });
});

test('templates that cannot be read are unknown, and what was read before counts', async () => {
  const fails = new ClusterForbiddenError(MAIN, 'list', 'cronjobs');
  const { code, text } = await check(await running(), [templatesOf('EKS', [template(named('compliant'))], { fails })]);
  expect(code).toBe(EXIT.unknown);
  expect(text).toMatch(
    /Unknown\n.*\n111122223333\/eu-west-1\/main {2}its workload templates cannot be read: .*list cronjobs.*AmazonEKSViewPolicy/,
  );
  const refused = await check(await running(), [templatesOf('EKS', [template('nginx')], { fails })]);
  expect(refused.code).toBe(EXIT.violating);
});

test('clusters that cannot be listed are unknown', async () => {
  const { code, text } = await check(await running(), [templatesOf('ECS', [], { lists: false })]);
  expect(code).toBe(EXIT.unknown);
  expect(text).toContain('\n  1 place unknown: see below\n');
  expect(text).toMatch(/its ECS clusters cannot be listed: it is another account than yours\. Next: .*--role NAME/);
});

test.each<[string, (world: FakeWorld) => Promise<unknown>, RegExp]>([
  [
    'a scope that was never read',
    (world) => world.scopes.record({ scope: { ...SCOPE, region: 'us-east-1' } }),
    /us-east-1 {2}no review has read what runs there/,
  ],
  [
    'a scope that can no longer be read',
    (world) =>
      world.scopes.record({
        ...{ scope: SCOPE, completeAtEpochMs: world.clock() },
        failure: { error: 'AccessDenied', detail: 'no role', sinceEpochMs: 0 },
      }),
    /eu-west-1 {2}reviews cannot read what runs \(last at 2026-11-24 03:00 UTC complete\): no role/,
  ],
  [
    'a record of what runs that cannot be read',
    async (world) => world.usages.corrupt(SCOPE, digestOf('lost')),
    /eu-west-1 {2}the record of what runs sha256:\w{64} is unreadable/,
  ],
  [
    'a workload whose image has no known digest',
    (world) =>
      world.scopes.record({
        ...{ scope: SCOPE, completeAtEpochMs: world.clock() },
        unidentified: [{ repository: 'r', workload: 'ecs-task 111122223333/eu-west-1/batch/job' }],
      }),
    /eu-west-1 {2}1 workload ran images without a known digest: ecs-task 111122223333/,
  ],
])('%s is unknown', async (_, arrange, expected) => {
  const world = await running();
  await arrange(world);
  const { code, text } = await check(world);
  expect(code).toBe(EXIT.unknown);
  expect(text).toMatch(expected);
});

test('a scope where no door judges is not asked for', async () => {
  const world = await running('deny', policyWith({ rules: [{ regions: ['eu-west-1'], mode: 'deny' }] }));
  await world.scopes.record({ scope: { ...SCOPE, region: 'us-east-1' } });
  expect((await check(world)).code).toBe(EXIT.done);
});

test('a policy without doors says so', async () => {
  const { code, text } = await check(await running('off', policyWith(undefined)));
  expect(code).toBe(EXIT.done);
  expect(text).toContain('No door of this policy judges');
});

test('only one cluster; one that nobody knows is an error', async () => {
  const world = await running();
  await world.usages.record([usage('violating', { workload: 'other' })], 0);
  expect((await check(world)).code).toBe(EXIT.violating);
  for (const cluster of ['main', '111122223333/eu-west-1/main'])
    expect((await check(world, [], { cluster })).code).toBe(EXIT.done);
  await expect(check(world, [], { cluster: 'mian' })).rejects.toThrow(NotFoundError);
});

test('a policy that is not in force, from a file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'doors-'));
  try {
    const policy = join(folder, 'policy.yaml');
    writeFileSync(
      policy,
      'version: 1\nages: { default: { limitDays: 30 } }\nseverities: [{ id: critical, severities: [critical], graceDays: 0 }]\nstreams: []\ndoors: { mode: deny, graceRunningDays: 0 }\n',
    );
    const world = await judgedWorld();
    await expect(check(world)).rejects.toThrow(NoPolicyError);
    const { code, text } = await check(await running('off'), [], { policy });
    expect(code).toBe(EXIT.violating);
    expect(text).toContain('1 image would be refused');
    await expect(check(world, [], { policy: join(folder, 'none.yaml') })).rejects.toThrow(UsageError);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('another action is a usage error, and so is an external id without its role', async () => {
  const world = await running();
  await expect(run(doorsCommand, contextOf(world), ['open'])).rejects.toThrow(UsageError);
  await expect(check(world, [], { 'external-id': 'x' })).rejects.toThrow(UsageError);
});

test('the role is for accounts that reviews read, and no other', async () => {
  const world = await running();
  const asked: unknown[] = [];
  const context = {
    ...readOnlyContext(world),
    templates: async (...others: readonly unknown[]) => {
      asked.push(...others);
      return [];
    },
  };
  await run(doorsCommand, context, ['check'], { role: 'Reader', 'external-id': 'xyz' });
  const [others] = asked as [{ readonly isOurs: (account: string) => Promise<boolean> }];
  expect(others).toMatchObject({ role: 'Reader', externalId: 'xyz' });
  expect(await Promise.all(['111122223333', '999999999999'].map(others.isOurs))).toEqual([true, false]);
});

test('the JSON has counts, each start that is not simply allowed, and what is unknown', async () => {
  const world = await running();
  const sources = [templatesOf('EKS', [template('nginx')]), templatesOf('ECS', [], { lists: false })];
  const document = await runJson(doorsCommand, contextOf(world, ...sources), ['check']);
  expect(document).toMatchObject({
    counts: { refused: 1, onlyWarned: 0, inGrace: 1, warned: 0, allowed: 1, notJudged: 0, unnamed: 0 },
    starts: [
      { workload: 'shop/nightly', outcome: 'refused', ruleId: 'digest-required', sources: ['template'], mode: 'deny' },
      { workload: 'shop/violating', outcome: 'in-grace', owner: 'payments', graceEndsAtEpochMs: expect.any(Number) },
    ],
    unknown: [{ place: '111122223333/eu-west-1', problem: expect.any(String), next: expect.any(String) }],
  });
});

test('hostile text of a template is shown, and does nothing', async () => {
  const { text } = await check(await running(), [templatesOf('EKS', [template('evil\u001b[2J\nnginx')])]);
  expect(text).not.toContain('\u001b[2J');
  expect(text).toContain('\\u001b');
});

test.each<[string, Partial<Policy>, RegExp]>([
  ['an organization', {}, /\nevery account {2}no review has read what runs there\. Next: patchwave review\n/],
  [
    'listed accounts',
    { scopes: [{ account: '111122223333', regions: ['eu-west-1'] }] },
    /\n111122223333\/eu-west-1 {2}/,
  ],
])('before the first review of %s everything is unknown', async (_, changes, expected) => {
  const world = fakeWorld();
  await world.policies.publish({ ...policyWith({ mode: 'deny' }), ...changes }, {});
  const { code, text } = await check(world);
  expect(code).toBe(EXIT.unknown);
  expect(text).toMatch(expected);
});

test('an account that the policy adds is unknown until a review has read it, if a door judges there', async () => {
  const scopes = [SCOPE.account, '444455556666'].map((account) => ({ account, regions: ['eu-west-1'] }));
  const world = await running('deny', { ...policyWith({ mode: 'deny' }), scopes });
  expect((await check(world)).text).toMatch(/\n444455556666\/eu-west-1 {2}no review has read/);
  const doors = { rules: [{ accounts: [SCOPE.account], mode: 'deny' }] };
  expect((await check(await running('deny', { ...policyWith(doors), scopes }))).code).toBe(EXIT.done);
});

test('break-glass lists who opened which namespace, when and why, and who ended it', async () => {
  const world = await judgedWorld();
  expect(await run(doorsCommand, readOnlyContext(world), ['break-glass'])).toMatchObject({
    ...{ code: EXIT.done, text: expect.stringContaining('Nothing was opened.') },
  });
  const place = { ...MAIN, namespace: 'shop' };
  const atEpochMs = world.clock();
  const begun = (reason: string) => ({ author: 'Ada', reason, expiresAtEpochMs: atEpochMs + DAY_MS });
  await world.exceptions.begin(place, begun('incident 7\u001b[2J'), { uid: '1', user: 'sso:ada', atEpochMs });
  await world.exceptions.end(place, { uid: '2', user: 'sso:jo', atEpochMs: atEpochMs + 60_000 });
  await world.exceptions.begin({ ...place, namespace: 'jobs' }, begun('x'), {
    uid: '3',
    user: 'sso:eve',
    atEpochMs,
    proof: 'cluster',
  });
  const { text } = await run(doorsCommand, readOnlyContext(world), ['break-glass']);
  expect(text).toMatch(
    /main\/shop +2026-11-24 03:00 UTC +sso:ada +nothing +2026-11-24 03:01 UTC +sso:jo +Ada +incident 7\\u001b\[2J/,
  );
  expect(text).toMatch(/main\/jobs +2026-11-24 03:00 UTC +sso:eve +its cluster +2026-11-25 03:00 UTC +open +Ada +x/);
  world.advance(DAY_MS);
  expect((await run(doorsCommand, readOnlyContext(world), ['break-glass'])).text).toMatch(/UTC +its time +Ada +x/);
  expect(await runJson(doorsCommand, readOnlyContext(world), ['break-glass'])).toMatchObject([
    { place, by: 'sso:ada', endedAtEpochMs: atEpochMs + 60_000, endedBy: 'sso:jo' },
    { place: { namespace: 'jobs' }, by: 'sso:eve', expiresAtEpochMs: atEpochMs + DAY_MS },
  ]);
  const misplaced = run(doorsCommand, readOnlyContext(world), ['break-glass'], { cluster: 'main' });
  await expect(misplaced).rejects.toThrow(UsageError);
});

describe('forget', () => {
  const NAMED = '111122223333/eu-west-1/main';
  const forget = (world: FakeWorld, place = NAMED) => run(doorsCommand, cliContext(world), ['forget', place]);
  const known = async (world: FakeWorld) => (await collect(world.webhooks.all())).map(({ cluster }) => cluster);

  test('ends what is known of one cluster until it asks again, and says if nothing was', async () => {
    const world = fakeWorld();
    const other = { ...MAIN, cluster: 'other' };
    for (const cluster of [MAIN, other]) await world.webhooks.record(cluster, 'signed', world.clock());
    expect(await forget(world)).toMatchObject({
      code: EXIT.done,
      text: `Forgotten until it asks the webhook again: ${NAMED}\n`,
    });
    expect(await known(world)).toEqual([other]);
    expect((await forget(world)).text).toBe(`No cluster ${NAMED} is known to have asked the webhook.\n`);
    await world.webhooks.record(MAIN, 'signed', world.clock());
    expect(await known(world)).toEqual([MAIN, other]);
    expect(await runJson(doorsCommand, cliContext(world), ['forget', NAMED])).toEqual({
      cluster: MAIN,
      wasKnown: true,
    });
  });

  test.each([
    ['a namespace, of which no webhook is known', `${NAMED}/shop`],
    ['a place that is none', 'main'],
  ])('refuses %s', async (_, place) => {
    const world = fakeWorld();
    await world.webhooks.record(MAIN, 'signed', world.clock());
    await expect(forget(world, place)).rejects.toThrow(UsageError);
    expect(await known(world)).toEqual([MAIN]);
  });
});

describe('open', () => {
  const SHOP = '111122223333/eu-west-1/main/shop';
  const place = { ...MAIN, namespace: 'shop' };
  const open = (
    world: FakeWorld,
    words = [SHOP],
    flags: Record<string, string> = { for: '2h', reason: 'incident 7' },
  ) => run(doorsCommand, cliContext(world), ['open', ...words], flags);

  test('opens a namespace for the time, with who, why and the proof, without a policy or a cluster', async () => {
    const world = fakeWorld();
    const { code, text } = await open(world);
    expect(code).toBe(EXIT.done);
    expect(text).toContain(`Every image may start in the namespace ${SHOP} until 2026-11-24 05:00 UTC`);
    const breakGlass = { author: ANA, reason: 'incident 7', expiresAtEpochMs: world.clock() + 2 * HOUR_MS };
    expect(await world.exceptions.breakGlassOf(place)).toEqual(breakGlass);
    const listed = (await run(doorsCommand, readOnlyContext(world), ['break-glass'])).text;
    expect(listed).toMatch(/main\/shop .* rights on the ledger .* open .* incident 7/);
  });

  test.each([
    '111122223333/us-isof-south-1/main/shop',
    `111122223333/ap-southeast-1/${'c'.repeat(100)}/${'n'.repeat(63)}`,
  ])('opens the place with the longest names: %s', async (named) => {
    const world = fakeWorld();
    expect((await open(world, [named])).text).toContain(`in the namespace ${named} until`);
  });

  test('opens an ECS cluster, and no namespace of the same name', async () => {
    const world = fakeWorld();
    const { text } = await open(world, ['111122223333/eu-west-1/main']);
    expect(text).toContain('in the ECS cluster 111122223333/eu-west-1/main until');
    expect(await world.exceptions.breakGlassOf(MAIN)).toBeDefined();
    expect(await world.exceptions.breakGlassOf(place)).toBeUndefined();
  });

  test('close ends what is open there, also what the annotation opened, and says if nothing was', async () => {
    const world = fakeWorld();
    await open(world);
    await world.exceptions.begin(
      place,
      { author: 'Ada', reason: 'x', expiresAtEpochMs: world.clock() + DAY_MS },
      { uid: '1', user: 'sso:ada', atEpochMs: world.clock(), proof: 'cluster' },
    );
    world.advance(60_000);
    const close = () => run(doorsCommand, cliContext(world), ['close', SHOP]);
    expect(await close()).toMatchObject({ code: EXIT.done, text: `Closed: ${SHOP}\n` });
    expect(await world.exceptions.breakGlassOf(place)).toBeUndefined();
    expect((await close()).text).toBe(`No break-glass is open at ${SHOP}.\n`);
  });

  test('prints both as JSON', async () => {
    const world = fakeWorld();
    const opened = await runJson(doorsCommand, cliContext(world), ['open', SHOP], { for: '30m', reason: 'x' });
    const expiresAtEpochMs = world.clock() + HOUR_MS / 2;
    expect(opened).toEqual({
      place,
      by: ANA,
      author: ANA,
      reason: 'x',
      beganAtEpochMs: world.clock(),
      expiresAtEpochMs,
    });
    expect(await runJson(doorsCommand, cliContext(world), ['close', SHOP])).toEqual({ place, wasOpen: true });
  });

  test.each<[string, readonly string[], Record<string, string>]>([
    ['no place', [], { for: '2h', reason: 'x' }],
    ['a place that is none', ['shop'], { for: '2h', reason: 'x' }],
    ['a Region that is none', [`${MAIN.account}/europe-west1/main/shop`], { for: '2h', reason: 'x' }],
    ['a namespace that is too long', [`${MAIN.account}/eu-west-1/main/${'n'.repeat(64)}`], { for: '2h', reason: 'x' }],
    ['a namespace that Kubernetes has not', [`${MAIN.account}/eu-west-1/main/Shop`], { for: '2h', reason: 'x' }],
    ['no time', [SHOP], { reason: 'x' }],
    ['a time without a unit', [SHOP], { for: '2', reason: 'x' }],
    ['no time at all', [SHOP], { for: '0h', reason: 'x' }],
    ['more than a day', [SHOP], { for: '1441m', reason: 'x' }],
    ['no reason', [SHOP], { for: '2h' }],
    ['an option of another action', [SHOP], { for: '2h', reason: 'x', cluster: 'main' }],
  ])('refuses %s, and writes nothing', async (_, words, flags) => {
    const world = fakeWorld();
    await expect(open(world, [...words], flags)).rejects.toThrow(UsageError);
    expect(world.exceptions.written).toBe(0);
  });
});
