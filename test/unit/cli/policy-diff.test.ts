import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planCommand } from '../../../cli/commands/plan.ts';
import { policyCommand } from '../../../cli/commands/policy.ts';
import { shown } from '../../../cli/output.ts';
import { policyDiff, policyDoubts } from '../../../cli/policy/policy-diff.ts';
import { policyYaml } from '../../../cli/policy/policy-file.ts';
import { shellWord } from '../../../cli/shell-word.ts';
import type { PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import { parsePolicy, policyVersion } from '../../../shared/domain/policy/policy-document.ts';
import { type PlanWorld, planWorld, streamOf, violating } from '../cascade-plan/support.ts';
import { cliContext, run, runJson } from './support.ts';

const PLACE = '111122223333/eu-west-1';

const policyOf = (document: Partial<PolicyDocument> = {}) =>
  parsePolicy(
    JSON.stringify({ version: 1, ages: { default: { limitDays: 30 } }, streams: [], severities: [], ...document }),
  );

const rule = (id: string, repository: string, more: Partial<PolicyDocument['streams'][number]> = {}) => ({
  ...{ id, tier: 'application' as const, account: '111122223333', regions: ['eu-west-1'], owner: 'web' },
  ...{ repositories: [repository], headTags: ['^v$'], ...more },
});

const waiver = (id: string, expires: string) => ({
  ...{ id, rule: 'age-limit', reason: 'accepted until the move', author: 'ana' },
  ...{ created: '2026-06-01', expires },
});

describe('the difference of two policies', () => {
  const before = policyOf({
    streams: [
      rule('web', 'web', { pipeline: { name: 'web' } }),
      rule('api', 'api', { pipeline: { name: 'api' } }),
      rule('old', 'old'),
    ],
    severities: [{ id: 'high', severities: ['high'], graceDays: 7 }],
    waivers: [waiver('kept', '2026-11-01'), waiver('dropped', '2026-11-01')],
  });
  const after = policyOf({
    mode: 'enforce',
    ages: { default: { limitDays: 30 }, tiers: { base: { limitDays: 14 } } },
    caps: { concurrentRebuilds: 20 },
    streams: [
      rule('web', 'web', { pipeline: { name: 'web-2' }, owner: 'shop' }),
      rule('api', 'api', { mode: 'report-only' }),
      rule('new', 'new'),
    ],
    severities: [{ id: 'high', severities: ['critical', 'high'], graceDays: 0 }],
    waivers: [waiver('kept', '2026-11-20')],
  });

  test('names fields, rules and waivers, with both values', () => {
    const { settings, streamRules, severityRules, waivers } = policyDiff(before, after, []);
    expect(settings).toEqual([
      { path: 'ages.tiers.base.limitDays', after: '14' },
      { path: 'ages.tiers.base.warnAtPercent', after: '80' },
      { path: 'caps.concurrentRebuilds', before: '8', after: '20' },
      { path: 'mode', before: 'report-only', after: 'enforce' },
    ]);
    expect(streamRules).toMatchObject([
      {
        ...{ id: 'web', change: 'changed' },
        fields: [
          { path: 'owner', before: 'web', after: 'shop' },
          { path: 'pipeline.name', before: 'web', after: 'web-2' },
        ],
      },
      { id: 'api', change: 'changed' },
      { id: 'new', change: 'added' },
      { id: 'old', change: 'removed', fields: [] },
    ]);
    expect(severityRules).toEqual([
      {
        ...{ id: 'high', change: 'changed' },
        fields: [
          { path: 'graceDays', before: '7', after: '0' },
          { path: 'severities', before: 'high', after: 'critical, high' },
        ],
      },
    ]);
    expect(waivers).toEqual([
      { id: 'kept', change: 'changed', fields: [{ path: 'expires', before: '2026-11-01', after: '2026-11-20' }] },
      { id: 'dropped', change: 'removed', fields: [] },
    ]);
  });

  test('names known streams that lose or gain a rule or a pipeline, or change their mode', () => {
    const ids = ['web', 'api', 'old', 'new', 'other'].map((name) => `${PLACE}/${name}:^v$`);
    expect(policyDiff(before, after, ids).streams).toEqual([
      {
        stream: `${PLACE}/api:^v$`,
        before: { rule: 'api', pipeline: `${PLACE}/api`, mode: 'report-only' },
        after: { rule: 'api', mode: 'report-only' },
      },
      {
        stream: `${PLACE}/new:^v$`,
        before: { mode: 'report-only' },
        after: { rule: 'new', mode: 'enforce' },
      },
      { stream: `${PLACE}/old:^v$`, before: { rule: 'old', mode: 'report-only' }, after: { mode: 'report-only' } },
      {
        stream: `${PLACE}/web:^v$`,
        before: { rule: 'web', pipeline: `${PLACE}/web`, mode: 'report-only' },
        after: { rule: 'web', pipeline: `${PLACE}/web-2`, mode: 'enforce' },
      },
    ]);
  });

  test('there is none between a policy and itself; before the first policy everything is new', () => {
    expect(policyDiff(after, policyOf(JSON.parse(JSON.stringify(after))), [`${PLACE}/web:^v$`])).toEqual({
      ...{ settings: [], streamRules: [], severityRules: [], waivers: [], streams: [] },
    });
    expect(policyDiff(undefined, after, []).streamRules.map(({ change }) => change)).toEqual([
      'added',
      'added',
      'added',
    ]);
  });
});

test('an empty list is shown as such, and not as nothing', () => {
  const { settings } = policyDiff(policyOf({}), policyOf({ doors: { mode: 'warn' } }), []);
  expect(settings.find(({ path }) => path === 'doors.rules')).toEqual({ path: 'doors.rules', after: '[]' });
});

test.each<[PolicyDocument['doors'], readonly RegExp[]]>([
  [{ mode: 'deny' }, []],
  [{ mode: 'warn', onUnreachable: 'allow' }, []],
  [{ mode: 'deny', onUnreachable: 'allow' }, [/is `allow`, every image starts/]],
  [{ mode: 'warn', rules: [{ clusters: ['a'], mode: 'deny', onUnreachable: 'allow' }] }, [/is `allow`/]],
  [{ mode: 'warn', onUnreachable: 'allow', rules: [{ clusters: ['a'], mode: 'deny' }] }, [/is `allow`/]],
  [{ mode: 'deny', onUnreachable: 'refuse' }, [/is `refuse`, no new pod starts/]],
  [
    { mode: 'deny', onUnreachable: 'allow', rules: [{ clusters: ['a'], mode: 'deny', onUnreachable: 'refuse' }] },
    [/is `allow`/, /is `refuse`/],
  ],
])('doubts: the doors %j, while Patchwave cannot be asked', (doors, expected) => {
  expect(policyDoubts(policyOf({ doors }), 0)).toEqual(expected.map((text) => expect.stringMatching(text)));
});

test('doubts: an age limit of 0 days and a waiver that is over, from the end of its day', () => {
  const policy = policyOf({
    ages: { default: { limitDays: 30 }, tiers: { base: { limitDays: 0 }, platform: { limitDays: 1 } } },
    waivers: [waiver('w', '2026-11-01')],
  });
  const [limit, ...none] = policyDoubts(policy, Date.parse('2026-11-01T23:59:59Z'));
  expect([limit, none]).toEqual([expect.stringMatching(/^The age limit of tier base is 0 days, .*limitDays/), []]);
  expect(policyDoubts(policy, Date.parse('2026-11-02T00:00:00Z'))).toEqual([
    limit,
    expect.stringMatching(/^Waiver w expired at 2026-11-02 00:00 UTC/),
  ]);
  expect(policyDoubts(policyOf({ ages: { default: { limitDays: 0 } } }), 0)).toEqual([
    expect.stringContaining('of all other tiers is 0 days'),
  ]);
});

describe('the commands', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'policy-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** The policy of the world, with other settings. */
  async function changed(world: PlanWorld, more: Partial<PolicyDocument>): Promise<string> {
    const file = join(folder, 'next.json');
    writeFileSync(file, JSON.stringify({ ...(await world.policies.current()).policy, ...more }));
    return file;
  }

  test('apply and plan --policy show what would start and stop, and the fields that differ', async () => {
    const world = await planWorld();
    await violating(world);
    const stops = [{ stream: streamOf(0), work: 'rebuild', rules: [expect.any(String)] }];
    const paused = await changed(world, { mode: 'report-only' });
    expect(await runJson(planCommand, cliContext(world), [], { policy: paused })).toMatchObject({
      planned: [],
      change: { starts: [], stops, diff: { settings: [{ path: 'mode', before: 'enforce', after: 'report-only' }] } },
    });
    const { text } = await run(policyCommand, cliContext(world), ['apply', paused], { yes: true });
    expect(text).toMatch(/\nFields of the policy\nfield +now +with this policy\nmode +enforce +report-only\n/);
    expect(text).toContain(
      '\n0 rebuilds and deployments would start for causes that are open now, and 1 would not start any more.',
    );
    expect(text).toMatch(
      new RegExp(
        `Would not start any more\nstream +work +rules\n${streamOf(0).replaceAll(/[\^$.*]/g, '\\$&')} +rebuild`,
      ),
    );

    expect(text).toContain(` To see the whole plan: patchwave plan --policy ${paused}\n`);

    const back = await changed(world, { mode: 'enforce' });
    const plan = (await run(planCommand, cliContext(world), [], { policy: back })).text;
    expect(plan).toMatch(
      /1 rebuild or deployment would start .*\nWould start\n[\s\S]*\n1 stream to rebuild, 0 to deploy/,
    );
    expect(plan).not.toContain('To see the whole plan');
  });

  test('a command that names the file can be typed into a shell', () => {
    const words = ['policies/next.yaml', 'my policy.yaml', "it's.yaml", '$(rm).yaml', ''];
    expect(words.map(shellWord)).toEqual([
      ...['policies/next.yaml', "'my policy.yaml'", "'it'\\''s.yaml'", "'$(rm).yaml'", "''"],
    ]);
  });

  test('a plan that the role may not read leaves the work unknown, in words', async () => {
    const world = await planWorld();
    await violating(world);
    const cascades = {
      open() {
        throw Object.assign(new Error('no states:DescribeExecution'), { name: 'AccessDeniedException' });
      },
    };
    const context = { ...cliContext(world), cascades: { ...cliContext(world).cascades, ...cascades } };
    const { text } = await run(policyCommand, context, ['apply', await changed(world, { mode: 'paused' })], {
      yes: true,
    });
    expect(text).toContain('Rebuilds and deployments: unknown. Your role may not read what a plan needs: no states:');
  });

  test('validate warns, and show prints YAML that is the same policy', async () => {
    const world = await planWorld();
    const strange = await changed(world, {
      ages: { default: { limitDays: 0 } },
      modes: { owners: { 'a\u202eb: \\u202e # c': 'paused', 'line\nbreak\u200b': 'enforce', yes: 'paused' } },
    });
    expect(await runJson(policyCommand, cliContext(world), ['validate', strange])).toMatchObject({
      valid: true,
      warnings: [expect.stringContaining('is 0 days')],
    });
    expect((await run(policyCommand, cliContext(world), ['validate', strange])).text).toMatch(/^Warning: .*\nValid: /);
    await run(policyCommand, cliContext(world), ['apply', strange], { yes: true });
    const { policy, version } = await world.policies.current();
    const { text } = await run(policyCommand, cliContext(world), ['show']);
    expect(text).toContain(`# The policy in force, with its defaults. Its version:\n# ${version}\n`);
    expect(text).not.toMatch(/[\u202e\u200b]/);
    expect(policyVersion(parsePolicy(text))).toBe(version);
    expect(parsePolicy(shown(policyYaml(policy)))).toEqual(policy);
    expect(await runJson(policyCommand, cliContext(world), ['show'])).toEqual({ version, policy });
  });
});
