/** Fleets of three tiers in which a base is at fault: its rebuild, and those of all above it, fix everything. */

import { parseFleet } from '../../local/fleet/load.ts';
import type { Fleet, FleetFile } from '../../local/fleet/schema.ts';
import { CLUSTER, FLAW, HUB, TEAM } from './acting-fleet.ts';

type Draft<Kind extends 'pipelines' | 'kubernetesClusters' | 'kubernetesWorkloads'> = NonNullable<
  FleetFile[Kind]
>[number];

export interface TieredPlatform {
  readonly name: string;
  readonly base: string;
  readonly pipeline?: Partial<Draft<'pipelines'>>;
}

export interface TieredApp {
  readonly name: string;
  /** What it is built FROM: a platform, or a base. */
  readonly parent: string;
  readonly pipeline?: Partial<Draft<'pipelines'>>;
  /** Left out: `restart`. */
  readonly rollout?: 'restart' | 'register' | 'none';
}

export interface TieredFleet {
  /** Left out: that of the acting fleet. */
  readonly flaw?: { readonly id: string; readonly package: string; readonly fixedIn: string };
  /** All have the flaw but those that are `sound`. */
  readonly bases: readonly { readonly name: string; readonly sound?: boolean }[];
  readonly platforms: readonly TieredPlatform[];
  readonly apps: readonly TieredApp[];
  /** Services by name, each with a container for each of its apps. */
  readonly services: Readonly<Record<string, readonly string[]>>;
  readonly kubernetesClusters?: readonly Draft<'kubernetesClusters'>[];
  readonly kubernetesWorkloads?: readonly Draft<'kubernetesWorkloads'>[];
  /** Members of the policy beside its streams. */
  readonly policy?: Readonly<Record<string, unknown>>;
}

export const baseStream = (name: string): string => `${HUB.account}/${HUB.region}/base/${name}:^1$`;
export const platformStream = (name: string): string => `${HUB.account}/${HUB.region}/platform/${name}:^1$`;

/** Base and platform pipelines push a candidate, so no child is built on an unverified image. */
const CANDIDATES = ['1-candidate', '1-{build}'];

export function tieredFleet({
  bases,
  platforms,
  apps,
  services,
  policy = {},
  flaw = FLAW,
  ...more
}: TieredFleet): Fleet {
  const days = (pushedDaysAgo: number) => ({ pushedDaysAgo, createdDaysAgo: pushedDaysAgo });
  const ours = [
    ...bases.map(({ name }) => ({ name, tier: 'base' as const, pipeline: {} })),
    ...platforms.map((platform) => ({ pipeline: {}, ...platform, tier: 'platform' as const })),
  ];
  return parseFleet(
    {
      name: 'tiered',
      hub: HUB,
      organization: { id: 'o-a1b2c3d4e5' },
      accounts: [
        { id: HUB.account, name: 'platform', regions: [HUB.region] },
        { id: TEAM.account, name: 'team', regions: [TEAM.region] },
      ],
      vulnerabilities: [{ ...flaw, severity: 'CRITICAL', publishedDaysAgo: 3 }],
      repositories: [
        ...ours.map(({ name, tier }) => ({ ...HUB, name: `${tier}/${name}` })),
        ...apps.map(({ name }) => ({ ...TEAM, name: `apps/${name}` })),
      ],
      images: [
        ...bases.map(({ name, sound = false }) => ({
          ...{ name, ...HUB, repository: `base/${name}`, tags: ['1'], os: 'debian' as const, ...days(6) },
          packages: { 'base-files': `12.${name}`, [flaw.package]: sound ? flaw.fixedIn : '3.0.13-1' },
        })),
        ...platforms.map(({ name, base }) => ({
          ...{ name, ...HUB, repository: `platform/${name}`, tags: ['1'], parent: base, ...days(5) },
          packages: { [`${name}-runtime`]: '1.0' },
        })),
        ...apps.map(({ name, parent }) => ({
          ...{ name, ...TEAM, repository: `apps/${name}`, tags: ['stable', 'build-1'], parent, ...days(4) },
          packages: { [`${name}-files`]: '1.0' },
        })),
      ],
      clusters: [{ ...TEAM, name: CLUSTER }],
      workloads: Object.entries(services).map(([name, images]) => ({
        ...{ name, ...TEAM, cluster: CLUSTER, kind: 'service' as const, startedDaysAgo: 2 },
        containers: images.map((image) => ({ name: image, image, reference: 'tag' as const, tag: 'stable' })),
      })),
      kubernetesClusters: [...(more.kubernetesClusters ?? [])],
      kubernetesWorkloads: [...(more.kubernetesWorkloads ?? [])],
      pipelines: [
        ...ours.map(({ name, pipeline }) => ({
          ...{ ...HUB, name, builds: name, tags: CANDIDATES, firstBuild: 2, ...pipeline },
        })),
        ...apps.map(({ name, pipeline }) => ({
          ...{ ...TEAM, name, builds: name, tags: ['stable', 'build-{build}'], firstBuild: 2, ...pipeline },
        })),
      ],
      policy: {
        version: 1,
        mode: 'enforce',
        ages: { default: { limitDays: 30, warnAtPercent: 80 } },
        severities: [{ id: 'no-critical', severities: ['critical'], graceDays: 0 }],
        guards: { coolDownMinutes: 0 },
        ...policy,
        streams: [
          ...ours.map(({ name, tier }) => ({
            ...{ id: name, tier, account: HUB.account, regions: [HUB.region], owner: 'platform', rollout: 'none' },
            ...{ repositories: [`${tier}/${name}`], headTags: ['^1$'], pipeline: { name }, promotes: true },
          })),
          ...apps.map(({ name, rollout = 'restart' }) => ({
            ...{ id: name, tier: 'application', account: TEAM.account, regions: [TEAM.region], owner: 'team' },
            ...{ repositories: [`apps/${name}`], headTags: ['^stable$'], pipeline: { name }, rollout },
          })),
        ],
      },
    },
    'the tiered fleet',
  );
}
