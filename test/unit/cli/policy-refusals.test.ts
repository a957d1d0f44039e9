import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { jest } from '@jest/globals';
import { planCommand } from '../../../cli/commands/plan.ts';
import { policyCommand } from '../../../cli/commands/policy.ts';
import { EXIT, UsageError } from '../../../cli/errors.ts';
import { type FakeWorld, fakeWorld } from '../../support/fakes/world.ts';
import { DAY_MS, digestOf, imageProperties, judgement, usage, verdict } from '../../support/samples.ts';
import { MAIN, named, policyWith, running, SCOPE } from './doors-world.ts';
import { cliContext, run, runJson } from './support.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'refusals-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const NO_GRACE = { mode: 'deny', graceRunningDays: 0 };

function fileOf(doors: object): string {
  const file = join(folder, `${JSON.stringify(doors).replaceAll(/\W+/g, '-')}.json`);
  const severities = [{ id: 'critical', severities: ['critical'], graceDays: 0 }];
  const policy = { version: 1, ages: { default: { limitDays: 30 } }, streams: [], severities, doors };
  writeFileSync(file, JSON.stringify(policy));
  return file;
}

const apply = (world: FakeWorld, doors: object, flags: Record<string, boolean> = { yes: true }) =>
  run(policyCommand, cliContext(world), ['apply', fileOf(doors)], flags);

/** Answers the question of a terminal; gives what was asked. */
async function answering<Result>(answer: string, act: () => Promise<Result>): Promise<readonly [Result, string]> {
  const answers = Object.assign(new PassThrough(), { isTTY: true });
  const stdin = Object.getOwnPropertyDescriptor(process, 'stdin') ?? {};
  Object.defineProperty(process, 'stdin', { ...stdin, get: () => answers });
  let question = '';
  const asked = jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    question += String(text);
    return answers.write(`${answer}\n`);
  });
  try {
    return [await act(), question];
  } finally {
    Object.defineProperty(process, 'stdin', stdin);
    asked.mockRestore();
  }
}

const isDenied = async ({ policies }: FakeWorld): Promise<boolean> =>
  (await policies.current()).policy.doors?.mode === 'deny';

test('a policy whose doors would refuse what runs is not applied, and each is named with its owner', async () => {
  const world = await running('off');
  const { code, text } = await apply(world, NO_GRACE);
  expect(code).toBe(EXIT.failed);
  expect(text).toContain('The doors would refuse 1 image that runs now\n');
  expect(text).toMatch(/\/main\/shop {2}eks-deployment violating {2}payments {2}/);
  expect(text).toMatch(/New rules of this policy count from the next review on/);
  expect(text).toMatch(/Nothing was changed\. .*patchwave doors check --policy \S+\.json\..* --despite-refusals/);
  expect(await isDenied(world)).toBe(false);
});

test.each([
  ['a door that warns', { ...NO_GRACE, mode: 'warn' }],
  ['what runs within its grace', { mode: 'deny' }],
  ['a door that denies elsewhere', { ...NO_GRACE, mode: 'off', rules: [{ clusters: ['test'], mode: 'deny' }] }],
  ['a namespace that is left out', { ...NO_GRACE, rules: [{ namespaces: ['shop'], mode: 'off' }] }],
])('%s stops no policy', async (_, doors) => {
  const world = await running('off');
  const { code, text } = await apply(world, doors);
  expect([code, text]).toEqual([EXIT.done, expect.stringContaining('is in force now')]);
  expect(text).not.toContain('would refuse');
});

describe('a rule that a policy brings', () => {
  const withRules = (rules: object) => {
    const file = join(folder, `${JSON.stringify(rules).replaceAll(/\W+/g, '-')}.json`);
    const doors = { mode: 'deny' };
    writeFileSync(
      file,
      JSON.stringify({
        version: 1,
        ages: { default: { limitDays: 30 } },
        streams: [],
        severities: [],
        doors,
        ...rules,
      }),
    );
    return file;
  };

  async function rootWorld(): Promise<FakeWorld> {
    const world = await running('deny');
    const properties = { ...imageProperties('compliant'), configFacts: { user: 'root' } };
    await world.images.recordProperties(properties);
    const scan = { state: 'complete', completedAtEpochMs: world.clock() + 90 * DAY_MS, coverage: ['os'] } as const;
    await world.images.recordJudgement(
      judgement('compliant', world.clock(), { scan, verdict: { ...verdict('compliant'), reasons: [] } }),
    );
    return world;
  }

  test.each([
    ['nonRoot', { nonRoot: { tiers: ['base', 'platform', 'application'] } }, 'non-root'],
    ['approvedRegistries', { approvedRegistries: { allow: ['elsewhere.example/*'] } }, 'approved-registries'],
  ])('%s stops no policy, and says until when what runs may start', async (_, rules, rule) => {
    const world = await rootWorld();
    const { code, text } = await run(policyCommand, cliContext(world), ['apply', withRules(rules)], { yes: true });
    expect([code, text]).toEqual([EXIT.done, expect.stringContaining('is in force now')]);
    const until = new Date(world.clock() + 14 * DAY_MS).toISOString().slice(0, 10);
    expect(text).toMatch(/The doors would let start \d images? that runs? now with a warning, until its grace ends\n/);
    expect(text).toMatch(new RegExp(`${until} .*compliant.* ${rule} `));
    expect(text).not.toContain('The doors would refuse');
  });

  test('has no grace for what is in no good standing', async () => {
    const world = await rootWorld();
    const here = { place: { ...MAIN, namespace: 'shop' }, digest: digestOf('compliant') };
    await world.running.record([{ ...here, presence: { standing: 'forbidden', beganAtEpochMs: world.clock() } }]);
    const file = withRules({ nonRoot: { tiers: ['application'] } });
    const { code, text } = await run(policyCommand, cliContext(world), ['apply', file], { yes: true });
    expect([code, text]).toEqual([
      EXIT.failed,
      expect.stringContaining('The doors would refuse 1 image that runs now'),
    ]);
  });
});

test('what the policy in force refuses already stops no other policy, and is counted', async () => {
  const world = await running('deny');
  world.advance(14 * DAY_MS);
  const { code, text } = await apply(world, { mode: 'deny', graceRunningDays: 7 });
  expect(code).toBe(EXIT.done);
  expect(text).toContain('The policy in force refuses 1 other image, too.');
});

test('a pipeline cannot go on, whatever flags it gives', async () => {
  const world = await running('off');
  await expect(apply(world, NO_GRACE, { yes: true, 'despite-refusals': true })).rejects.toThrow(UsageError);
  expect((await apply(world, NO_GRACE, { yes: true })).code).toBe(EXIT.failed);
  expect(await isDenied(world)).toBe(false);
});

test.each([
  ['the number', '1', EXIT.done, true],
  ['yes', 'yes', EXIT.failed, false],
  ['another number', '11', EXIT.failed, false],
  ['nothing', '', EXIT.failed, false],
])('a person who types %s', async (_, answer, code, denied) => {
  const world = await running('off');
  const [result, question] = await answering(answer, () =>
    apply(world, NO_GRACE, { yes: true, 'despite-refusals': true }),
  );
  expect(question).toContain('would refuse 1 image that runs. They cannot start again');
  expect(result.code).toBe(code);
  expect(await isDenied(world)).toBe(denied);
});

test('without anything to refuse, the flag changes nothing: the usual question is asked', async () => {
  const world = await running('off');
  const [{ code }, question] = await answering('y', () => apply(world, { mode: 'deny' }, { 'despite-refusals': true }));
  expect([code, question]).toEqual([EXIT.done, expect.stringContaining('Put it in force? [y/N]')]);
});

test('where the policy denies newly and what runs is unknown, it is not applied', async () => {
  const unread = { ...SCOPE, region: 'us-east-1' };
  const world = await running('off');
  await world.scopes.record({ scope: unread });
  const { code, text } = await apply(world, { mode: 'deny' });
  expect(code).toBe(EXIT.failed);
  expect(text).toMatch(/1 place where the doors would deny, and what runs is not known\n.*\n111122223333\/us-east-1 /);
  const elsewhere = { mode: 'off', rules: [{ regions: ['eu-west-1'], mode: 'deny' }] };
  expect((await apply(world, elsewhere)).code).toBe(EXIT.done);
  // It denied there before, so nothing of this is new.
  const other = await running('deny');
  await other.scopes.record({ scope: unread });
  expect((await apply(other, { mode: 'deny', graceRunningDays: 20 })).code).toBe(EXIT.done);
});

test.each<[string, object, object, boolean]>([
  ['one namespace more', { rules: [{ namespaces: ['test'], mode: 'deny' }] }, { mode: 'deny' }, true],
  [
    'the namespaces of a pattern',
    { rules: [{ namespaces: ['test'], mode: 'deny' }] },
    { rules: [{ namespaces: ['te*'], mode: 'deny' }] },
    true,
  ],
  [
    'fewer namespaces',
    { mode: 'deny' },
    {
      mode: 'deny',
      rules: [{ namespaces: ['test'], mode: 'off' }],
    },
    false,
  ],
  ['a mode that a rule for all had hidden', { mode: 'deny', rules: [{ mode: 'warn' }] }, { mode: 'deny' }, true],
  ['a digest that was not required', { mode: 'deny', requireDigest: false }, { mode: 'deny' }, true],
  ['a digest that is required no more', { mode: 'deny' }, { mode: 'deny', requireDigest: false }, false],
])(
  '%s: a cluster that no review has read is unknown where the policy refuses newly',
  async (_, before, after, isNew) => {
    const world = await running('off', policyWith(before));
    await world.scopes.record({ scope: { ...SCOPE, eksCluster: 'unread' } });
    const { code, text } = await apply(world, { graceRunningDays: 90, ...after });
    expect([code, text.includes('/unread')]).toEqual(isNew ? [EXIT.failed, true] : [EXIT.done, false]);
  },
);

test('a workload whose image has no known digest is unknown where the policy denies newly', async () => {
  const world = await running('off');
  const unidentified = [{ repository: 'r', workload: 'ecs-task 111122223333/eu-west-1/batch/job' }];
  await world.scopes.record({ scope: SCOPE, completeAtEpochMs: 1, unidentified });
  const only = (cluster: string) => ({ mode: 'off', rules: [{ clusters: [cluster], mode: 'deny' }] });
  expect((await apply(world, only('batch'))).code).toBe(EXIT.failed);
  expect((await apply(world, only('main'))).code).toBe(EXIT.done);
});

test('of the namespaces of a cluster, only those that the policy newly refuses count', async () => {
  const world = await running('off');
  const unidentified = [{ repository: 'r', workload: 'eks-deployment 111122223333/eu-west-1/batch/shop/web' }];
  await world.scopes.record({ scope: SCOPE, completeAtEpochMs: 1, unidentified });
  const only = (namespace: string) => ({ mode: 'off', rules: [{ namespaces: [namespace], mode: 'deny' }] });
  expect((await apply(world, only('test'))).code).toBe(EXIT.done);
  expect((await apply(world, { ...only('shop'), graceRunningDays: 90 })).code).toBe(EXIT.failed);
});

test('the policy that cannot be read refuses nothing already', async () => {
  const world = await running('deny');
  world.advance(14 * DAY_MS);
  world.policies.damagePointer();
  expect((await apply(world, { mode: 'deny' })).code).toBe(EXIT.failed);
});

test('--json has all refusals, and plan --policy has them too', async () => {
  const world = await running('off');
  await world.usages.record(
    Array.from({ length: 30 }, (_, n) =>
      usage('violating', {
        ...{ cluster: MAIN.cluster, workloadKind: 'eks-deployment', workload: `shop/web-${n}` },
        reference: named('violating'),
      }),
    ),
    0,
  );
  const file = fileOf(NO_GRACE);
  const document = await runJson(policyCommand, cliContext(world), ['apply', file]);
  expect(document).toMatchObject({ applied: false, refusedAlready: 0, unknownStarts: [] });
  expect(document.refusals).toHaveLength(31);
  const { text } = await apply(world, NO_GRACE);
  expect(text).toContain('and 11 more. To see all: patchwave doors check --policy FILE\n');
  const planned = await run(planCommand, cliContext(world), [], { policy: file });
  expect(planned.text).toContain('The doors would refuse 31 images that run now');
});

test('before the first policy everything is new', async () => {
  const { policies: _, ...rest } = await running('off', policyWith(undefined));
  const world = { ...rest, policies: new (await import('../../support/fakes/policies.ts')).FakePolicyStore() };
  expect((await apply(world as FakeWorld, NO_GRACE)).code).toBe(EXIT.failed);
});

test('a first policy that denies is not applied before a review has read what runs', async () => {
  const world = fakeWorld();
  const { code, text } = await apply(world, { mode: 'deny' });
  expect([code, text]).toEqual([EXIT.failed, expect.stringContaining('do not know what runs in 1 place')]);
  expect((await apply(world, { mode: 'warn' })).code).toBe(EXIT.done);
});
