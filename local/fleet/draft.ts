import type { PolicyDocument as SamplePolicy } from '../../shared/domain/policy/policy.ts';
import type { BuildRepository } from '../builds/registry.ts';
import { placeKey } from './places.ts';
import type { FleetFile } from './schema.ts';

export type ImageDraft = NonNullable<FleetFile['images']>[number];
export type WorkloadDraft = NonNullable<FleetFile['workloads']>[number];
export type ContainerDraft = WorkloadDraft['containers'][number];
export type RepositoryDraft = NonNullable<FleetFile['repositories']>[number];
export type RegistryDraft = NonNullable<FleetFile['registries']>[number];

const NAMES = ['platform', 'payments', 'retail', 'logistics', 'insights', 'mobile', 'risk', 'media'] as const;
const REGIONS = ['us-east-1', 'eu-west-1', 'eu-central-1', 'ap-southeast-2', 'us-west-2', 'ca-central-1'] as const;
/** Accounts of AWS's own registries (Amazon GuardDuty user guide). */
export const AWS_MANAGED_ACCOUNT = '593207742271';
export const APPLICATION_TAG = '^[0-9a-f]{7,40}-[0-9]+$';

export interface DraftScope {
  readonly account: string;
  readonly region: string;
}

/** Accounts with ids and names that are easy to tell apart; the first is the hub. */
export function someAccounts(count: number, regionCount: number): FleetFile['accounts'] {
  const regions = REGIONS.slice(0, regionCount);
  return Array.from({ length: count }, (_, n) => ({
    id: n === 0 ? '111122223333' : String(200_000_000_000 + n * 1_000_003),
    name: n < NAMES.length ? `${NAMES[n]}` : `${NAMES[n % NAMES.length]}-${Math.floor(n / NAMES.length) + 1}`,
    regions: [...regions],
  }));
}

export function scopesOf(accounts: FleetFile['accounts']): DraftScope[] {
  return accounts.flatMap(({ id, regions }) => regions.map((region) => ({ account: id, region })));
}

/** Makes sure the repository is listed, and names it. */
export function place(repositories: Map<string, RepositoryDraft>, scope: DraftScope, name: string): BuildRepository {
  const repository = { account: scope.account, region: scope.region, repository: name };
  repositories.set(placeKey(repository), { ...scope, name });
  return repository;
}

export interface DraftLine {
  readonly repository: string;
  readonly headTag: string;
}

/** A policy that knows the base and platform lines of the hub, and every repository under `apps/` as an application. */
export function samplePolicy(
  accounts: FleetFile['accounts'],
  lines: { base: DraftLine[]; platform: DraftLine[] },
): SamplePolicy {
  const [hub] = accounts;
  if (hub === undefined) throw new RangeError('a fleet needs an account');
  const centralStreams = (['base', 'platform'] as const).flatMap((tier) =>
    lines[tier].map(({ repository, headTag }) => ({
      ...{
        id: `${repository.replaceAll(/[^a-z0-9]+/g, '-')}`,
        tier,
        account: hub.id,
        regions: hub.regions.slice(0, 1),
      },
      repositories: [repository],
      headTags: [`^${headTag}$`],
      owner: 'platform',
    })),
  );
  const applications = accounts.map(({ id, name, regions }) => ({
    id: `apps-${name}`,
    tier: 'application' as const,
    account: id,
    regions,
    repositories: ['apps/*'],
    headTags: [APPLICATION_TAG],
    owner: name,
  }));
  return {
    version: 1,
    mode: 'report-only',
    ages: { default: { limitDays: 30, warnAtPercent: 80 } },
    streams: [...centralStreams, ...applications],
    severities: [
      { id: 'no-critical', severities: ['critical'], graceDays: 0, urgent: true },
      { id: 'high-within-a-week', severities: ['high'], graceDays: 7 },
      { id: 'rest-within-a-quarter', severities: ['medium', 'low'], graceDays: 90 },
    ],
    approvedRegistries: { allow: ['*.dkr.ecr.*.amazonaws.com/*', 'public.ecr.aws/nginx/*'] },
    awsManaged: { accounts: [AWS_MANAGED_ACCOUNT] },
    mirrors: [{ account: hub.id, repositories: ['docker-hub/*'] }],
  };
}
