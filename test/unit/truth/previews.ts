import { effectOf } from '../../../cli/policy/policy-change.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { type Policy, type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import type { VerdictStatus } from '../../../shared/domain/verdict/verdict.ts';
import { foreseeReview } from '../../../shared/judging/foresee-images.ts';
import { parse } from '../../../shared/schema.ts';
import { DAY_MS, digestOf, HOUR_MS } from '../../support/samples.ts';
import { Features } from './features.ts';
import { copiesOf, HUB, type Line, NEAR, policyOf, RULE } from './fleet.ts';
import { Life } from './life.ts';

/** The verdict of an image before an edit, and after it. */
export type Changes = ReadonlyMap<Digest, readonly [before: VerdictStatus, after: VerdictStatus]>;

/** A fleet at rest that nothing rebuilds: what changes between two reviews follows from the policy. */
export interface Still {
  readonly life: Life;
  /** As it is in force at first. */
  readonly document: PolicyDocument;
  /** Reviews the fleet under a policy that comes into force. */
  enforce(document: PolicyDocument): Promise<void>;
  /** What `policy apply` would show now. */
  shown(document: PolicyDocument): Promise<Changes>;
  verdicts(): Promise<ReadonlyMap<Digest, VerdictStatus>>;
  readable(changes: Changes): readonly string[];
}

const FEATURES = ['imports', 'age', 'indexes', 'metadata-only', 'unused-heads', 'copies', 'side-containers'] as const;

export async function still(seed: number, limitDays: number): Promise<Still> {
  const life = new Life(seed, new Features(FEATURES));
  const { world, clockwork, lines } = life;
  await life.begin();
  life.run();
  flaw(life);
  agents(life);
  for (const line of lines) copyOf(life, line);
  const document = documentOf(life, limitDays);
  const policy = (one: PolicyDocument): Policy => parse(policySchema, one);
  const review = async (): Promise<void> => {
    clockwork.in(0, () => life.review());
    await life.runUntil(clockwork.now + 2 * HOUR_MS, () => {});
  };
  const enforce = async (one: PolicyDocument): Promise<void> => {
    const { version: replaces } = await world.policies.current();
    await world.policies.publish(policy(one), { replaces });
    await review();
  };
  const verdicts = async () => {
    const found = new Map<Digest, VerdictStatus>();
    for (const { digest, verdict } of world.images.records.values()) if (verdict) found.set(digest, verdict.status);
    return found;
  };
  await enforce(document);
  await enforce(document);
  return {
    ...{ life, document, enforce, verdicts },
    shown: async (one) => {
      const ledger = { ...world, index: world.images };
      const next = { policy: policy(one), version: 'next' };
      const foreseen = await foreseeReview(ledger, next, (await world.policies.current()).policy);
      const { changes } = await effectOf(ledger, next.policy, foreseen);
      return new Map(changes.map(({ digest, before, after }) => [digest, [before, after]]));
    },
    readable: (changes) =>
      [...changes].map(([digest, [before, after]]) => life.readable(`${digest} ${before} -> ${after}`)).sort(),
  };
}

const days = (count: number): number => count * DAY_MS;

const SEVERITIES = [
  ['openssl', 'low'],
  ['zlib', 'medium'],
  ['node', 'high'],
  ['icu', 'critical'],
  ['lodash', 'critical'],
  ['axios', 'medium'],
] as const;

/** A flaw of each package, every second one with a fix. */
function flaw({ archive, names, clockwork: { now } }: Life): void {
  for (const [n, [name, severity]] of SEVERITIES.entries()) {
    const of = { package: names.package(name), severity, since: 1, publishedAtEpochMs: now };
    const fixedIn = n % 2 === 0 ? archive.release(of.package, now - days(1)) : undefined;
    archive.publish({ id: `CVE-2026-${1000 + n}`, ...of, ...(fixedIn !== undefined && { fixedIn }) });
  }
}

const AGENT = 'public.ecr.aws/aws-observability/aws-otel-collector';
const ADD_ON = '602401143452.dkr.ecr.us-east-1.amazonaws.com/eks/coredns';

/** Containers whose images no registry shows. */
function agents({ world }: Life): void {
  const named = [
    ['agent', `${AGENT}:v1`],
    ['nginx', 'docker.io/library/nginx:1'],
    ['add-on', `${ADD_ON}:v1`],
  ] as const;
  for (const [name, image] of named)
    world.workloads.run(
      { ...NEAR, cluster: 'agents' },
      {
        ...{ workloadKind: 'ecs-service', workload: name, architecture: 'amd64' },
        containers: [{ name, image, digest: digestOf(`image of ${name}`) }],
      },
    );
}

/** Each second line is copied to a repository of another team, in turn by head and by its first image. */
function copyOf({ lines, factory }: Life, line: Line): void {
  const n = lines.indexOf(line);
  const artifact = n % 4 === 0 ? factory.headOf(line) : factory.madeBy(line.name)[0];
  if (n % 2 === 0 && artifact) factory.copy(line, artifact, copiesOf(line, 'home'));
}

const documentOf = ({ lines, fixed, policy }: Life, limitDays: number): PolicyDocument => ({
  ...policyOf(lines, fixed, { ...policy, hasCopies: true }),
  mode: 'report-only',
  ages: { default: { limitDays } },
  severities: [
    { id: RULE, severities: ['critical'], graceDays: 0 },
    { id: 'high-in-platforms', severities: ['high'], graceDays: 0, tiers: ['platform'] },
    { id: 'medium-in-bases', severities: ['medium'], graceDays: 0, tiers: ['base'] },
    { id: 'low-in-mirrored', severities: ['low'], graceDays: 0, tiers: ['mirrored'] },
  ],
  approvedRegistries: { allow: ['*/fleet/*', '*/copies/*'] },
});

type Rule = PolicyDocument['streams'][number];

/** An edit of one field of the policy. */
export interface Edit {
  readonly field: string;
  readonly what: string;
  readonly edit: (document: PolicyDocument) => PolicyDocument;
}

const WAIVER = { reason: 'accepted until the next release', author: 'a person' };

/** Edits of a policy, each of one field. */
export function editsOf({ lines, clockwork: { now } }: Life): readonly Edit[] {
  const edits: Edit[] = [];
  const add = (field: string, what: unknown, edit: Edit['edit']): unknown =>
    edits.push({ field, what: JSON.stringify(what), edit });
  const ages = (field: string, change: Partial<PolicyDocument['ages']>) =>
    add(`ages.${field}`, change, (one) => ({ ...one, ages: { ...one.ages, ...change } }));
  const rules = (field: string, what: unknown, change: (rule: Rule) => Partial<Rule> | undefined) =>
    add(`streams.${field}`, what, (one) => ({
      ...one,
      streams: one.streams.flatMap((rule) => {
        const changed = change(rule);
        return changed ? [{ ...rule, ...changed }] : [];
      }),
    }));
  const severity = (field: string, change: Partial<PolicyDocument['severities'][number]>) =>
    add(`severities.${field}`, change, (one) => ({
      ...one,
      severities: one.severities.map((rule) => ({ ...rule, ...change })),
    }));
  const top = (field: string, change: Partial<PolicyDocument>) => add(field, change, (one) => ({ ...one, ...change }));
  const day = (offset: number) => new Date(now + days(offset)).toISOString().slice(0, 10);
  const waiver = (field: string, what: object) => {
    const one = { id: 'accepted', ...WAIVER, created: day(-1), expires: day(20), ...what };
    add(`waivers.${field}`, what, (all) => ({ ...all, waivers: [...(all.waivers ?? []), one] as typeof all.waivers }));
  };
  const only = (tier: Rule['tier'], change: Partial<Rule>) => (rule: Rule) => (rule.tier === tier ? change : {});
  const isCopy = ({ id }: Rule): boolean => id.startsWith('copies-');

  for (const limitDays of [5, 15, 60]) ages('default.limitDays', { default: { limitDays } });
  ages('vendorCounts', { vendorCounts: true });
  for (const tier of ['base', 'platform', 'application', 'mirrored'] as const)
    ages(`tiers.${tier}.limitDays`, { tiers: { [tier]: { limitDays: 5 } } });
  severity('severities', { severities: ['critical', 'high', 'medium', 'low'] });
  severity('severities', { severities: ['low'] });
  severity('graceDays', { graceDays: 30 });
  add('severities', 'only critical', (one) => ({ ...one, severities: one.severities.slice(0, 1) }));
  severity('fix', { fix: ['yes'] });
  severity('fix', { fix: ['no'] });
  severity('tiers', { tiers: ['base'] });
  severity('tiers', { tiers: ['application'] });
  severity('tiers', { tiers: ['mirrored'] });
  top('severities', { severities: [] });
  const own = lines.filter(({ tier }) => tier !== 'mirrored');
  for (const { name, tier } of own)
    for (const to of ['base', 'platform', 'application'] as const)
      if (to !== tier) rules('tier', [name, to], (rule) => (rule.id === name ? { tier: to } : {}));
  for (const tier of ['base', 'platform', 'mirrored'] as const)
    rules('tier', [tier, 'application'], only(tier, { tier: 'application' }));
  rules('tier', ['copies', 'base'], (rule) => (isCopy(rule) ? { tier: 'base' } : {}));
  rules('tier', ['copies', 'mirrored'], (rule) => (isCopy(rule) ? { tier: 'mirrored' } : {}));
  for (const tier of ['base', 'platform', 'application'] as const) {
    rules('headTags', [tier], only(tier, { headTags: ['^none$'] }));
    rules('leave', [tier], (rule) => (rule.tier === tier && !isCopy(rule) ? undefined : {}));
  }
  rules('leave', ['copies'], (rule) => (isCopy(rule) ? undefined : {}));
  rules('leave', ['all'], () => undefined);
  rules('heads', ['in-use'], (rule) => (rule.tier === 'application' ? {} : { heads: 'in-use' }));
  rules('heads', ['all'], (rule) => (rule.tier === 'application' ? {} : { heads: 'all' }));
  rules('parents', [], () => ({ parents: [] }));
  rules('regions', ['application'], only('application', { regions: ['eu-west-1'] }));
  rules('repositories', ['platform'], only('platform', { repositories: ['elsewhere/*'] }));
  rules('repositories', ['all'], ({ tier, repositories: [name = ''] }) =>
    tier === 'base' && name.startsWith('fleet/') ? { repositories: ['fleet/*'] } : {},
  );
  top('approvedRegistries', { approvedRegistries: { allow: ['*.dkr.ecr.*.amazonaws.com/fleet/*'] } });
  top('approvedRegistries', { approvedRegistries: { allow: ['docker.io/*', 'public.ecr.aws/*'] } });
  top('approvedRegistries', { approvedRegistries: undefined });
  top('sourceKnown', { sourceKnown: {} });
  top('sourceKnown.tiers', { sourceKnown: { tiers: ['application'] } });
  top('nonRoot', { nonRoot: {} });
  top('nonRoot.tiers', { nonRoot: { tiers: ['base'] } });
  top('systemSupported', { systemSupported: {} });
  for (const tier of ['base', 'platform', 'application'] as const)
    for (const scheme of ['versions', 'unique'] as const)
      top(`tags.tiers.${tier}`, { tags: { tiers: { [tier]: scheme } } });
  top('tags', { tags: {} });
  top('awsManaged.references', { awsManaged: { accounts: [], references: ['public.ecr.aws/aws-observability/*'] } });
  top('awsManaged.accounts', { awsManaged: { accounts: ['602401143452'], references: [] } });
  top('awsManaged.accounts', { awsManaged: { accounts: [NEAR.account], references: [] } });
  top('mirrors', { mirrors: [{ account: HUB.account, repositories: ['copies/*'] }] });
  add('mirrors', 'of what no rule names', (one) => ({
    ...one,
    streams: one.streams.filter(({ tier }) => tier !== 'base'),
    mirrors: [{ account: HUB.account, repositories: ['fleet/base*'] }],
  }));
  for (const { account, region } of [HUB, NEAR]) top('scopes', { scopes: [{ account, regions: [region] }] });
  top('staleScanHours', { staleScanHours: 24 });
  waiver('rule', { rule: 'no-critical' });
  waiver('rule', { rule: 'age' });
  for (const n of [1000, 1004]) waiver('finding', { finding: `CVE-2026-${n}` });
  waiver('scope.repositories', { rule: 'no-critical', scope: { repositories: ['fleet/base-1'] } });
  waiver('scope.account', { rule: 'no-critical', scope: { account: NEAR.account } });
  waiver('scope.owner', { rule: 'no-critical', scope: { owner: 'team-platform-1' } });
  waiver('scope.package', { rule: 'no-critical', scope: { package: 'openssl' } });
  add('streams.owner', 'with a waiver of the owner', (one) => ({
    ...one,
    streams: one.streams.map((rule) => ({ ...rule, owner: 'waived' })),
    waivers: [
      {
        id: 'of-owner',
        ...WAIVER,
        created: day(-1),
        expires: day(20),
        rule: 'no-critical',
        scope: { owner: 'waived' },
      },
    ],
  }));
  return edits;
}
