/** The doors beside a hub in the embedded cloud, for tests and benchmarks. */

import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { EXTERNAL_ID, packaged } from '../../local/deploy.ts';
import { parseFleet } from '../../local/fleet/load.ts';
import type { Fleet } from '../../local/fleet/schema.ts';
import type { Installation } from '../../local/installation.ts';
import { createStack } from '../../local/stack.ts';

export const HUB = { account: '111122223333', region: 'us-east-1' };
const HOST = `${HUB.account}.dkr.ecr.${HUB.region}.amazonaws.com`;

/** A young image and an old one, which both run in the namespace shop of the cluster main. */
export const fleetWithDoors = (): Fleet =>
  parseFleet(
    {
      ...{ name: 'doors', hub: HUB, clusters: [], workloads: [] },
      accounts: [{ id: HUB.account, name: 'platform', regions: [HUB.region] }],
      repositories: [{ ...HUB, name: 'app' }],
      images: [
        { name: 'young', ...HUB, repository: 'app', tags: ['2'], os: 'debian', pushedDaysAgo: 5 },
        { name: 'old', ...HUB, repository: 'app', tags: ['1'], os: 'debian', pushedDaysAgo: 50 },
      ],
      kubernetesClusters: [{ ...HUB, name: 'main' }],
      kubernetesWorkloads: ['young', 'old'].map((image) => ({
        ...{ ...HUB, cluster: 'main', namespace: 'shop', name: image, kind: 'deployment' },
        containers: [{ name: 'app', image }],
      })),
      policy: {
        ...{ version: 1, scopes: [{ account: HUB.account, regions: [HUB.region] }] },
        ...{
          ages: { default: { limitDays: 30 } },
          severities: [{ id: 'critical', severities: ['critical'], graceDays: 0 }],
        },
        streams: [
          {
            ...{ id: 'app', tier: 'base', account: HUB.account, regions: [HUB.region], repositories: ['app'] },
            ...{ headTags: ['^\\d+$'], owner: 'shop', parents: [] },
          },
        ],
        doors: { mode: 'deny', graceRunningDays: 30, breakGlass: { groups: ['on-call'] } },
      },
    },
    'doors',
  );

/** An image of that fleet as a workload names it. */
export const imageNamed = ({ seeded }: Pick<Installation, 'seeded'>, name: 'young' | 'old'): string =>
  `${HOST}/app@${seeded.images.get(name)?.digest}`;

/**
 * Deploys doors.yaml, or a copy of it, which has its own bundle beside it.
 * @returns where the API takes requests; behind it follow signature, account and cluster
 */
export async function deployDoors(
  { cloud, deployment }: Pick<Installation, 'cloud' | 'deployment'>,
  { name, publicKey, template = 'doors.yaml' }: { name: string; publicKey: string; template?: string },
): Promise<string> {
  const config = cloud.clients(HUB.account, HUB.region);
  const { ApiId } = await createStack(new CloudFormationClient(config), {
    name,
    template: { url: await packaged(config, template, `${name}-artifacts-${HUB.account}`) },
    parameters: {
      ...{ LedgerTableName: deployment.ledgerTable, EvidenceBucketName: deployment.evidenceBucket },
      ...{ HubRegion: HUB.region, PathPublicKey: publicKey, ReadRoleExternalId: EXTERNAL_ID },
    },
  });
  return `${cloud.endpoint}/_aws/execute-api/${ApiId}/$default`;
}
