/** A person edits the policy while closures are open and the flaw runs: no edit of a rule proves that it does not. */

import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { untilSettled } from '../../local/acting.ts';
import { collect } from '../../shared/concurrency.ts';
import type { PolicyDocument } from '../../shared/domain/policy/policy.ts';
import { PLANNING, wakePlanner } from '../support/acting.ts';
import { CLUSTER, TEAM } from '../support/acting-fleet.ts';
import { environmentOf } from '../support/bad-input.ts';
import { useInstallation } from '../support/installation.ts';
import { flawsThatRun, inherits } from '../support/tiered-cases.ts';
import { tieredFleet } from '../support/tiered-fleet.ts';
import { runCommand } from './oracle/command.ts';

const LIMIT_MS = 180_000;
/** Each is deployed by its owner, so their closures wait. */
const SERVICES = ['shop', 'worker'];

const installation = useInstallation(
  () =>
    tieredFleet({
      bases: [{ name: 'debian' }],
      platforms: [{ name: 'node', base: 'debian', pipeline: inherits }],
      apps: [
        { name: 'shop', parent: 'node', pipeline: inherits, rollout: 'none' },
        { name: 'worker', parent: 'debian', pipeline: inherits, rollout: 'none' },
      ],
      services: { shop: ['shop'], worker: ['worker'] },
    }),
  { mode: 'enforce', parameters: PLANNING },
);

type Rule = PolicyDocument['streams'][number];
const ruleOf = (id: string, change: (rule: Rule) => Rule) => (policy: PolicyDocument) => ({
  ...policy,
  streams: policy.streams.map((rule) => (rule.id === id ? change(rule) : rule)),
});
const severity = (changes: Partial<PolicyDocument['severities'][number]>) => (policy: PolicyDocument) => ({
  ...policy,
  severities: policy.severities.map((rule) => ({ ...rule, ...changes })),
});

/** Each changes the policy that the one before left. */
const EDITS: readonly (readonly [string, (policy: PolicyDocument) => PolicyDocument])[] = [
  ['the head tags of the base', ruleOf('debian', (rule) => ({ ...rule, headTags: ['^(1)$'] }))],
  ['the head tags of the platform', ruleOf('node', (rule) => ({ ...rule, headTags: ['^[1]$'] }))],
  ['the head tags of an application', ruleOf('shop', (rule) => ({ ...rule, headTags: ['^(stable)$'] }))],
  ['another head tag beside it', ruleOf('worker', (rule) => ({ ...rule, headTags: ['^stable$', '^latest$'] }))],
  ['the owner of the base', ruleOf('debian', (rule) => ({ ...rule, owner: 'images' }))],
  ['the name of a rule', ruleOf('node', (rule) => ({ ...rule, id: 'nodejs' }))],
  ['the order of the rules', (policy) => ({ ...policy, streams: policy.streams.toReversed() })],
  ['the Regions of the base', ruleOf('debian', (rule) => ({ ...rule, regions: [...rule.regions, 'us-east-1'] }))],
  ['the tier of the platform', ruleOf('nodejs', (rule) => ({ ...rule, tier: 'base' }))],
  ['the tier of the platform again', ruleOf('nodejs', (rule) => ({ ...rule, tier: 'platform' }))],
  ['the mode of the base', ruleOf('debian', (rule) => ({ ...rule, mode: 'report-only' }))],
  ['the mode of the fleet', (policy) => ({ ...policy, mode: 'report-only' })],
  [
    'modes back to enforce',
    (policy) => ruleOf('debian', ({ mode: _, ...rule }) => rule)({ ...policy, mode: 'enforce' }),
  ],
  ['the grace of findings', severity({ graceDays: 60 })],
  ['the name of the severity rule', severity({ id: 'critical-within-a-quarter' })],
  ['the tiers of the severity rule', severity({ tiers: ['base'] })],
  ['the severities of the rule', severity({ severities: ['high'] })],
  ['the fixes of the rule', severity({ severities: ['critical'], fix: ['no'] })],
  ['no severity rule at all', (policy) => ({ ...policy, severities: [] })],
  [
    'a rule of all severities',
    (policy) => ({ ...policy, severities: [{ id: 'all', severities: ['critical', 'low'], graceDays: 90 }] }),
  ],
  ['the guards', (policy) => ({ ...policy, guards: { ...policy.guards, coolDownMinutes: 10, attempts: 5 } })],
  ['the days of an age', (policy) => ({ ...policy, ages: { default: { limitDays: 90, warnAtPercent: 50 } } })],
  ['the rollout of an application', ruleOf('shop', (rule) => ({ ...rule, rollout: 'register' }))],
  ['a rule for systems', (policy) => ({ ...policy, systemSupported: {} })],
];

const closures = () => collect(installation().context.rollouts.openClosures());
const openStreams = async () => (await closures()).map(({ stream }) => stream).sort();

let policy: PolicyDocument;
let applied = 0;
async function apply(edited: PolicyDocument): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'policy-edits-'));
  const file = join(folder, `policy-${applied}.json`);
  applied += 1;
  await writeFile(file, JSON.stringify(edited));
  const words = ['policy', 'apply', file, '--yes', '--json', '--leave-streams', '--despite-refusals'];
  const { code, stderr } = await runCommand('cli/main.ts', words, environmentOf(installation()));
  if (code !== 0) throw new Error(stderr);
  policy = edited;
}

async function review(): Promise<void> {
  expect(await installation().review()).toMatchObject({ status: 'SUCCEEDED' });
  await wakePlanner(installation());
  await untilSettled(installation().context, LIMIT_MS);
}

let before: readonly string[];

beforeAll(async () => {
  await review();
  await review();
  policy = installation().fleet.policy as PolicyDocument;
  before = await openStreams();
}, LIMIT_MS);

test('everything is rebuilt, and four closures wait for the owners of two services', async () => {
  expect(before).toHaveLength(4);
  expect(await flawsThatRun(installation().cloud.endpoint)).toHaveLength(2);
});

test.each(EDITS)(
  'an edit of %s closes nothing and loses nothing',
  async (_, edit) => {
    await apply(edit(policy));
    await review();
    expect(await openStreams()).toEqual(before);
    expect(await flawsThatRun(installation().cloud.endpoint)).toHaveLength(2);
  },
  LIMIT_MS,
);

test(
  'once the owners deploy, all of them close',
  async () => {
    await apply(installation().fleet.policy as PolicyDocument);
    const ecs = new ECSClient(installation().cloud.clients(TEAM.account, TEAM.region));
    for (const service of SERVICES)
      await ecs.send(new UpdateServiceCommand({ cluster: CLUSTER, service, forceNewDeployment: true }));
    await review();
    await review();
    expect(await flawsThatRun(installation().cloud.endpoint)).toEqual([]);
    expect(await openStreams()).toEqual([]);
  },
  LIMIT_MS,
);
