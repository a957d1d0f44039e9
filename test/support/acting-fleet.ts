/** Fleets in which every application violates, one rebuild fixes it, and its services run the tag that its build moves. */

import { parseFleet } from '../../local/fleet/load.ts';
import type { Fleet, FleetFile } from '../../local/fleet/schema.ts';

type Draft<Kind extends 'pipelines' | 'workloads'> = NonNullable<FleetFile[Kind]>[number];

export interface ActingApp {
  readonly name: string;
  readonly pipeline?: Partial<Draft<'pipelines'>>;
  readonly service?: Partial<Draft<'workloads'>>;
  /** `digest`: its task definition names what it runs by its digest. */
  readonly reference?: 'tag' | 'digest';
  /** Members of its stream's rule. */
  readonly rule?: Readonly<Record<string, unknown>>;
}

export const HUB = { account: '111122223333', region: 'us-east-1' } as const;
export const TEAM = { account: '444455556666', region: 'us-east-1' } as const;
export const CLUSTER = 'main';
/** What the base of every application has, and the version that a build of it upgrades to. */
export const FLAW = { id: 'CVE-2026-40001', package: 'libssl3', fixedIn: '3.0.15-1' } as const;

export const BASE_STREAM = `${HUB.account}/${HUB.region}/base/debian:^12$`;
export const streamOf = (app: string): string => `${TEAM.account}/${TEAM.region}/apps/${app}:^stable$`;
export const serviceOf = (app: string): string => `${TEAM.account}/${TEAM.region}/${CLUSTER}/${app}`;

/**
 * @param policy members of the policy beside its streams
 * @param more what the fleet has beside its applications
 */
export function actingFleet(
  apps: readonly ActingApp[],
  policy: Readonly<Record<string, unknown>> = {},
  { accounts = [], ...more }: Partial<Pick<FleetFile, 'kubernetesClusters' | 'kubernetesWorkloads' | 'accounts'>> = {},
): Fleet {
  const base = { ...HUB, repository: 'base/debian' };
  return parseFleet(
    {
      ...more,
      name: 'acting',
      hub: HUB,
      organization: { id: 'o-a1b2c3d4e5' },
      accounts: [
        { id: HUB.account, name: 'platform', regions: [HUB.region] },
        { id: TEAM.account, name: 'team', regions: [TEAM.region] },
        ...accounts,
      ],
      vulnerabilities: [{ ...FLAW, severity: 'CRITICAL', publishedDaysAgo: 3 }],
      repositories: [{ ...HUB, name: base.repository }, ...apps.map(({ name }) => ({ ...TEAM, name: `apps/${name}` }))],
      images: [
        {
          ...{ name: 'base', ...base, tags: ['12'], os: 'debian', pushedDaysAgo: 5, createdDaysAgo: 5 },
          packages: { 'base-files': '12.4', [FLAW.package]: '3.0.13-1', zlib1g: '1.2.13' },
        },
        ...apps.map(({ name }) => ({
          ...{ name, ...TEAM, repository: `apps/${name}`, tags: ['stable', 'build-1'], parent: 'base' },
          ...{ pushedDaysAgo: 4, createdDaysAgo: 4, packages: { [`${name}-files`]: '1.0' } },
        })),
      ],
      clusters: [{ ...TEAM, name: CLUSTER }],
      workloads: apps.map(({ name, service, reference = 'tag' }) => ({
        ...{ name, ...TEAM, cluster: CLUSTER, kind: 'service', startedDaysAgo: 2 },
        containers: [{ name: 'app', image: name, reference, ...(reference === 'tag' && { tag: 'stable' }) }],
        ...service,
      })),
      pipelines: apps.map(({ name, pipeline }) => ({
        ...{ ...TEAM, name, builds: name, tags: ['stable', 'build-{build}'], firstBuild: 2, ...pipeline },
      })),
      policy: {
        version: 1,
        mode: 'enforce',
        ages: { default: { limitDays: 30, warnAtPercent: 80 } },
        severities: [{ id: 'no-critical', severities: ['critical'], graceDays: 0, urgent: true }],
        guards: { coolDownMinutes: 0 },
        ...policy,
        streams: [
          {
            ...{ id: 'base', tier: 'base', account: HUB.account, regions: [HUB.region], owner: 'platform' },
            ...{ repositories: [base.repository], headTags: ['^12$'], mode: 'report-only' },
          },
          ...apps.map(({ name, rule }) => ({
            ...{ id: name, tier: 'application', account: TEAM.account, regions: [TEAM.region], owner: 'team' },
            ...{ repositories: [`apps/${name}`], headTags: ['^stable$'], pipeline: { name }, rollout: 'restart' },
            ...rule,
          })),
        ],
      },
    },
    'the acting fleet',
  );
}
