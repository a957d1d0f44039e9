import type { ShardCount } from '../../shared/domain/admission/allowed-images.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { admissionPolicies } from './admission-policies.ts';
import { allowedImagesDefinition, firstAllowedImages } from './allowed-images.ts';
import { custodianPolicies } from './custodian.ts';
import { askedDoors, clusterDoors, pinningDoors } from './door-modes.ts';
import { gatekeeperManifests } from './gatekeeper.ts';
import { guardRules } from './guard.ts';
import { commented, yamlOf } from './manifest.ts';
import { type SignedWebhook, tagsConfiguration, webhookConfiguration } from './webhook-configuration.ts';

/** No door of the policy warns or denies, so there is nothing to enforce. */
export class NoDoorsError extends Error {
  override readonly name = 'NoDoorsError';
}

/** What the manifests depend on, besides the policy. */
export interface BuildOptions {
  /** None: manifests for every cluster, if the policy treats all alike. */
  readonly clusters: readonly Cluster[];
  readonly shardCount: ShardCount;
  /** Of the stack of doors.yaml; without it there is no webhook configuration. */
  readonly webhook?: SignedWebhook | undefined;
}

/**
 * The text of every file, by its path: the same for policies that say the same about doors, registries and images of AWS.
 * @throws NoDoorsError, ClusterNeededError
 */
export function buildFiles(policy: Policy, options: BuildOptions): ReadonlyMap<string, string> {
  const { doors } = policy;
  if (!doors)
    throw new NoDoorsError(
      'The policy has no `doors`, so every image may start. Add `doors`: docs/policy.md describes it.',
    );
  const { clusters, shardCount, webhook } = options;
  const places = clusters.length > 0 ? clusters : [undefined];
  const files = new Map<string, string>(
    places.flatMap((cluster) => {
      const folder = folderOf(cluster);
      const here = clusterDoors(doors, cluster);
      if (!here.modes.has('warn') && !here.modes.has('deny')) return [];
      return [
        [`${folder}/allowed-images-definition.yaml`, yamlOf(COMMENTS.definition, [allowedImagesDefinition])],
        [`${folder}/first-allowed-images.yaml`, yamlOf(COMMENTS.lists, firstAllowedImages(shardCount))],
        [`${folder}/admission-policies.yaml`, yamlOf(COMMENTS.policies, admissionPolicies(policy, here, shardCount))],
        [`${folder}/gatekeeper.yaml`, yamlOf(COMMENTS.gatekeeper, gatekeeperManifests(policy, here))],
        ...(cluster && webhook
          ? [
              [
                `${folder}/webhook.yaml`,
                yamlOf(COMMENTS.webhook, [
                  webhookConfiguration(askedDoors(doors, cluster), cluster, webhook),
                  ...tagsConfiguration(pinningDoors(doors, cluster), cluster, webhook),
                ]),
              ] as const,
            ]
          : []),
      ] as const;
    }),
  );
  const { policies } = custodianPolicies(policy);
  if (policies.length > 0) {
    files.set('ecs/custodian.yaml', yamlOf(COMMENTS.custodian, [{ policies }]));
    files.set('ecs/task-definitions.guard', `${commented(COMMENTS.guard)}\n${guardRules(policy)}`);
  }
  if (files.size === 0)
    throw new NoDoorsError('`doors` of the policy is `off` in these clusters. Set `warn` or `deny`.');
  return files;
}

/** Where the files of a cluster are, or those for every cluster. */
export const folderOf = (cluster: Cluster | undefined): string =>
  cluster ? `kubernetes/${cluster.account}/${cluster.region}/${cluster.cluster}` : 'kubernetes';

const MADE = 'Written by `npm run enforcement:build` from the policy. Change the policy, not this file.';
const COMMENTS = {
  definition: `${MADE}\nApply it before the other files: kubectl apply --server-side -f allowed-images-definition.yaml`,
  lists: `${MADE}\nCreate these once, before the policies: kubectl create -f first-allowed-images.yaml\nThey are out of date, so the doors warn until the real lists are published.`,
  policies: `${MADE}\nApply it last: kubectl apply --server-side -f admission-policies.yaml`,
  gatekeeper: `${MADE}\nFor clusters with Gatekeeper, in place of the admission policies: kubectl apply --server-side -f gatekeeper.yaml\nApply it again after a minute, because Gatekeeper first makes the kind of the constraints.`,
  webhook: `${MADE}\nIts paths are signed for this cluster: who reads the file can send reviews for this cluster only. Apply it: kubectl apply --server-side -f webhook.yaml`,
  custodian: `${MADE}\nRun it with Cloud Custodian in each account and Region: custodian run --region REGION -s out custodian.yaml`,
  guard: `${MADE}\nCheck a template with cfn-guard: cfn-guard validate -r task-definitions.guard -d template.yaml`,
} as const;
