import { parseFleet } from '../../local/fleet/load.ts';
import type { Fleet, FleetFile } from '../../local/fleet/schema.ts';

export const HUB = { account: '111122223333', region: 'us-east-1' } as const;
/** It has no read role, and no waiver says that this is known. */
export const DARK = { account: '444455556666', region: 'us-east-1' } as const;
/** More than five pages of ECR, and more than an item of DynamoDB holds in the open. */
export const MANY_FINDINGS = 5000;

type ImageFile = NonNullable<FleetFile['images']>[number];

const image = (name: string, changes: Partial<ImageFile> = {}): ImageFile => ({
  ...{ name, ...HUB, repository: `apps/${name}`, tags: ['stable'], os: 'debian' },
  ...{ createdDaysAgo: 3, pushedDaysAgo: 3, packages: { bash: '5.2' } },
  ...changes,
});

const IMAGES = [
  image('web'),
  image('bloated', { packages: { bash: '5.2', bloat: '1.0' } }),
  image('vanishing'),
  image('empty', { index: 'empty' }),
  image('attestations', { index: 'attestations-only' }),
  image('stopping'),
];

/** One account that can be read, with an image of each kind that is bad in its own way, and one that cannot. */
export const badFleet = (): Fleet =>
  parseFleet(
    {
      name: 'bad',
      hub: HUB,
      organization: { id: 'o-a1b2c3d4e5' },
      accounts: [
        { id: HUB.account, name: 'hub', regions: [HUB.region] },
        { id: DARK.account, name: 'dark', regions: [DARK.region], memberRole: false },
      ],
      vulnerabilities: Array.from({ length: MANY_FINDINGS }, (_, number) => ({
        id: `CVE-2026-${40_000 + number}`,
        package: 'bloat',
        fixedIn: '2.0',
        severity: 'CRITICAL',
        publishedDaysAgo: 10,
        description: 'One of very many.',
      })),
      repositories: IMAGES.map(({ repository }) => ({ ...HUB, name: repository })),
      images: IMAGES,
      clusters: [{ ...HUB, name: 'main' }],
      workloads: IMAGES.map(({ name }) => ({
        ...{ name, ...HUB, cluster: 'main', kind: 'service' as const },
        containers: [{ name: 'main', image: name }],
      })),
      policy: {
        version: 1,
        ages: { default: { limitDays: 30 } },
        streams: [
          {
            ...{ id: 'apps', tier: 'application', account: HUB.account, regions: [HUB.region], owner: 'teams' },
            ...{ repositories: ['apps/*'], headTags: ['^stable$'] },
          },
        ],
        severities: [{ id: 'no-critical', severities: ['critical'], graceDays: 0 }],
      },
    },
    'the bad fleet',
  );
