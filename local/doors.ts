/** The doors of an installation in the embedded cloud, made of the project's own templates as docs/doors.md says. */

import { generateKeyPairSync } from 'node:crypto';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { parse as parseYaml } from 'yaml';
import { buildFiles } from '../enforcement/build/build-files.ts';
import { pathKeyOf } from '../enforcement/build/path-key.ts';
import type { SignedWebhook } from '../enforcement/build/webhook-configuration.ts';
import type { DoorPlace } from '../shared/domain/policy/doors.ts';
import { EXTERNAL_ID, packaged } from './deploy.ts';
import type { Installation } from './installation.ts';
import { administratorOf } from './kubernetes/eks.ts';
import { type KubernetesObject, RESOURCES } from './kubernetes/objects.ts';
import { createStack } from './stack.ts';

/** What a service names as its deployment lifecycle hook. */
export interface GateHook {
  readonly hookTargetArn: string;
  readonly roleArn: string;
  /** Where the gate logs its answers. */
  readonly logGroup: string;
}

export interface DeployedDoors {
  /** The hook of the services in an account and Region. */
  hookIn(place: Pick<DoorPlace, 'account' | 'region'>): GateHook;
}

type Installed = Pick<Installation, 'cloud' | 'fleet' | 'deployment' | 'policy'>;
type Place = Pick<DoorPlace, 'account' | 'region'>;

const keyOf = ({ account, region }: Place): string => `${account}/${region}`;

/**
 * Deploys doors.yaml for EKS clusters and applies the webhook configuration of each, and ecs-door.yaml with ecs-gate.yaml
 * for ECS clusters.
 * @param places without a namespace: of ECS
 */
export async function deployDoors(installed: Installed, places: readonly DoorPlace[]): Promise<DeployedDoors> {
  const eks = places.filter(({ namespace }) => namespace !== undefined);
  const ecs = places.filter(({ namespace }) => namespace === undefined);
  const [hooks] = await Promise.all([gatesFor(installed, ecs), webhooksFor(installed, eks)]);
  return {
    hookIn: (place) => {
      const hook = hooks.get(keyOf(place));
      if (!hook) throw new RangeError(`no gate was deployed in ${keyOf(place)}`);
      return hook;
    },
  };
}

async function webhooksFor(installed: Installed, places: readonly DoorPlace[]): Promise<void> {
  await Promise.all(
    [...Map.groupBy(places, ({ region }) => region)].map(async ([region, own]) => {
      const { sign, publicKey } = pathKeyOf(generateKeyPairSync('ed25519').privateKey);
      const api = await deployWebhook(installed, region, publicKey);
      // https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-publish.html: what WebhookUrl is in AWS.
      const webhook = { url: `https://${api}.execute-api.${region}.amazonaws.com`, sign };
      const clusters = new Map(own.map((place) => [`${place.account}/${place.cluster}`, place]));
      for (const cluster of clusters.values()) await applyWebhook(installed, cluster, webhook);
    }),
  );
}

/** @returns the id of the HTTP API */
async function deployWebhook(
  { cloud, fleet, deployment }: Installed,
  region: string,
  publicKey: string,
): Promise<string> {
  const config = cloud.clients(fleet.hub.account, region);
  const { ApiId = '' } = await createStack(new CloudFormationClient(config), {
    name: 'patchwave-doors',
    template: { url: await packaged(config, 'doors.yaml', `patchwave-doors-artifacts-${region}`) },
    parameters: {
      ...{ LedgerTableName: deployment.ledgerTable, EvidenceBucketName: deployment.evidenceBucket },
      HubRegion: fleet.hub.region,
      ...{ PathPublicKey: publicKey, ReadRoleExternalId: EXTERNAL_ID },
      ...accountsOf(fleet),
    },
  });
  return ApiId;
}

/** Applies what `npm run enforcement:build` writes for a cluster, in the place of what it has. */
export async function applyWebhook(
  { cloud, policy }: Pick<Installed, 'cloud' | 'policy'>,
  place: DoorPlace,
  webhook: SignedWebhook,
): Promise<void> {
  const { account, region, cluster } = place;
  const files = buildFiles(policy, { clusters: [{ account, region, cluster }], shardCount: 16, webhook });
  const [, text = ''] = [...files].find(([path]) => path.endsWith('/webhook.yaml')) ?? [];
  const api = await administratorOf(cloud, { account, region, cluster });
  try {
    const configuration = parseYaml(text) as KubernetesObject;
    const resource = RESOURCES.validatingWebhookConfigurations;
    const before = await api.get(resource, undefined, configuration.metadata.name);
    await (before ? api.patch(resource, before, configuration) : api.create(resource, configuration));
  } finally {
    api.close();
  }
}

/** The accounts that the hub trusts, as parameters of a stack beside it. */
const accountsOf = ({ hub, organization, accounts }: Installed['fleet']): Record<string, string> =>
  organization
    ? { OrganizationId: organization.id }
    : { MemberAccountIds: accounts.flatMap(({ id }) => (id === hub.account ? [] : [id])).join() };

async function gatesFor(installed: Installed, places: readonly Place[]): Promise<ReadonlyMap<string, GateHook>> {
  if (places.length === 0) return new Map();
  const { cloud, fleet, deployment } = installed;
  const { hub } = fleet;
  const config = cloud.clients(hub.account, hub.region);
  const homes = [...new Map(places.map(({ account, region }) => [keyOf({ account, region }), { account, region }]))];
  const templates = homes.map(([, { account, region }]) =>
    packaged(cloud.clients(account, region), 'ecs-gate.yaml', `patchwave-ecs-gate-artifacts-${account}-${region}`),
  );
  const [door] = await Promise.all([
    createStack(new CloudFormationClient(config), {
      name: 'patchwave-ecs-door',
      template: { url: await packaged(config, 'ecs-door.yaml', 'patchwave-ecs-door-artifacts') },
      parameters: {
        ...{ HubBusArn: deployment.busArn, LedgerTable: deployment.ledgerTable },
        ...{ EvidenceBucket: deployment.evidenceBucket, ReadRoleExternalId: EXTERNAL_ID },
        ...accountsOf(fleet),
      },
    }),
    ...templates,
  ]);
  const { FunctionArn: HubDoorArn = '', CallerRoleArn: HubDoorRoleArn = '' } = door;
  const name = 'patchwave-ecs-gate';
  const hooks = homes.map(async ([key, { account, region }], n) => {
    const { FunctionArn = '', HookRoleArn = '' } = await createStack(
      new CloudFormationClient(cloud.clients(account, region)),
      { name, template: { url: (await templates[n]) ?? '' }, parameters: { HubDoorArn, HubDoorRoleArn } },
    );
    return [key, { hookTargetArn: FunctionArn, roleArn: HookRoleArn, logGroup: `/aws/lambda/${name}` }] as const;
  });
  return new Map(await Promise.all(hooks));
}
