import * as v from '../../shared/schema.ts';
import { jsonSchemaOf } from '../json-schema.ts';
import { doorAttemptSchema } from './schema-doors.ts';
import { kubernetesClusterSchema, kubernetesWorkloadSchema } from './schema-kubernetes.ts';
import { account, daysAgo, digest, handle, region, repositoryName, tag } from './schema-parts.ts';
import { archivedSchema, pipelineSchema } from './schema-pipelines.ts';

/**
 * A fleet as data: accounts, registries, images, clusters and what runs on them, at one instant. Every past instant is
 * given in days before that instant (`…DaysAgo`, fractions allowed), so that a fleet file does not grow old.
 * `fleet.schema.json` is generated from this file.
 */

const accountSchema = v.strictObject({
  id: account,
  name: v.text(),
  regions: v.pipe(v.array(region), v.minLength(1), v.description('the Regions that are enabled in the account')),
  memberRole: v.optional(
    v.pipe(v.boolean(), v.description('false: the read role was never created, so the account cannot be read')),
    true,
  ),
  state: v.optional(v.picklist(['ACTIVE', 'SUSPENDED', 'PENDING_CLOSURE', 'CLOSED']), 'ACTIVE'),
});

const vulnerabilitySchema = v.strictObject({
  id: v.pipe(v.string(), v.regex(/^[A-Z]+-\d{4}-\d+$/, 'must be an id such as CVE-2026-31001')),
  package: v.pipe(v.text(), v.description('the name in the package database')),
  distribution: v.optional(
    v.pipe(v.picklist(['debian', 'alpine']), v.description('if absent, in any package database')),
  ),
  fixedIn: v.optional(
    v.pipe(v.text(), v.description('the first version without the vulnerability; if absent, no version has a fix')),
  ),
  severity: v.picklist(['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFORMATIONAL', 'UNDEFINED']),
  publishedDaysAgo: daysAgo,
  description: v.optional(v.string()),
});

const registrySchema = v.strictObject({
  account,
  region,
  scanType: v.optional(v.picklist(['BASIC', 'ENHANCED']), 'BASIC'),
  scanFilters: v.optional(
    v.pipe(
      v.array(v.text()),
      v.description('of an ENHANCED registry: the repositories that are scanned continuously; absent: all of them'),
    ),
    ['*'],
  ),
  dailyScanLimit: v.optional(
    v.pipe(
      v.integer(),
      v.gtValue(0),
      v.description('scans that the registry allows in 24 hours; if absent, the limit of AWS'),
    ),
  ),
});

const repositorySchema = v.strictObject({
  account,
  region,
  name: repositoryName,
  scanOnPush: v.optional(v.boolean(), false),
  tagMutability: v.optional(v.picklist(['MUTABLE', 'IMMUTABLE']), 'MUTABLE'),
  ownerTag: v.optional(v.pipe(v.text(), v.description('value of the tag "owner" on the repository'))),
});

const copySchema = v.strictObject({
  account,
  region,
  repository: repositoryName,
  tags: v.optional(v.array(tag), []),
  pushedDaysAgo: v.optional(v.pipe(daysAgo, v.description('if absent, the time of the original push'))),
});

const imageSchema = v.strictObject({
  name: v.pipe(handle, v.description('the name of the image in this file; not part of the image')),
  account,
  region,
  repository: repositoryName,
  tags: v.optional(
    v.pipe(v.array(tag), v.description('the tags of the push; a later push of the same tag moves the tag')),
    [],
  ),
  parent: v.optional(
    v.pipe(handle, v.description('the image in FROM: this image inherits its layers, packages and os')),
  ),
  parentOn: v.optional(
    v.pipe(
      v.strictObject({ 'linux/amd64': v.optional(handle), 'linux/arm64': v.optional(handle) }),
      v.description('by platform: the image in FROM, if it is not `parent`'),
    ),
  ),
  cachedFrom: v.optional(
    v.pipe(
      handle,
      v.description('a rebuild from the build cache: the layers of that image, byte for byte, under a new config'),
    ),
  ),
  platforms: v.optional(v.pipe(v.array(v.picklist(['linux/amd64', 'linux/arm64'])), v.minLength(1)), ['linux/amd64']),
  index: v.optional(
    v.pipe(
      v.picklist(['auto', 'always', 'empty', 'attestations-only']),
      v.description(
        'auto: one platform is a plain manifest, several are an index. always: an index even for one platform',
      ),
    ),
    'auto',
  ),
  mediaType: v.optional(v.picklist(['oci', 'docker']), 'oci'),
  os: v.optional(
    v.pipe(
      v.picklist(['debian', 'alpine', 'distroless', 'scratch', 'unknown']),
      v.description('required if the image has no parent'),
    ),
  ),
  packages: v.optional(
    v.pipe(
      v.record(v.string(), v.text()),
      v.description('packages that this image installs or upgrades: version by name'),
    ),
    {},
  ),
  layers: v.optional(
    v.pipe(
      v.integer(),
      v.minValue(0),
      v.description('number of own layers; if absent, 1. 0 is a build that changes metadata only'),
    ),
  ),
  createdDaysAgo: v.optional(v.pipe(daysAgo, v.description('age of "created" in the image config'))),
  created: v.optional(
    v.pipe(
      v.isoInstant(),
      v.description('a fixed "created", as reproducible builds write it; if neither is given, the config has no date'),
    ),
  ),
  pushedDaysAgo: daysAgo,
  annotations: v.optional(v.record(v.string(), v.string()), {}),
  labels: v.optional(v.record(v.string(), v.string()), {}),
  copies: v.optional(v.pipe(v.array(copySchema), v.description('the same manifests in other repositories')), []),
  lastScannedDaysAgo: v.optional(
    v.pipe(daysAgo, v.description('when the last basic scan was made; if absent, the image was never scanned')),
  ),
  inspection: v.optional(
    v.pipe(
      v.picklist(['pending', 'expired', 'unsupported', 'access-denied']),
      v.description('in an ENHANCED registry: why Amazon Inspector does not scan it; absent: it scans the image'),
    ),
  ),
  archived: v.optional(v.boolean(), false),
  deleted: v.optional(
    v.pipe(v.boolean(), v.description('whether the image is deleted from its repository after all workloads started')),
    false,
  ),
});

const reference = v.picklist(['tag', 'digest']);
const containerSchema = v.union([
  v.strictObject({
    name: v.text(),
    image: handle,
    reference: v.optional(reference, 'tag'),
    tag: v.optional(v.pipe(tag, v.description('if absent, the first tag of the image in that repository'))),
    from: v.optional(
      v.pipe(
        v.strictObject({ account, region, repository: repositoryName }),
        v.description('the repository to pull from: that of a copy; if absent, that of the original'),
      ),
    ),
    digestMissing: v.optional(
      v.pipe(v.boolean(), v.description('whether the ECS agent is too old to report the digest')),
      false,
    ),
  }),
  v.strictObject({
    name: v.text(),
    digestOnly: v.pipe(
      v.union([digest, handle]),
      v.description('a container that AWS adds to the task: a digest, but no image name'),
    ),
  }),
  v.strictObject({
    name: v.text(),
    external: v.pipe(v.text(), v.description('a reference to a registry that is not in this file')),
  }),
]);

const clusterSchema = v.strictObject({ account, region, name: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,255}$/)) });

const workloadSchema = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,255}$/)),
  account,
  region,
  cluster: v.string(),
  kind: v.picklist(['service', 'standalone', 'daemon']),
  count: v.optional(v.pipe(v.integer(), v.gtValue(0), v.description('the number of running tasks')), 1),
  architecture: v.optional(v.picklist(['amd64', 'arm64']), 'amd64'),
  startedDaysAgo: v.optional(
    v.pipe(daysAgo, v.description('when the tasks started: decides which image a moving tag named then')),
    0,
  ),
  controller: v.optional(
    v.pipe(v.picklist(['ECS', 'CODE_DEPLOY', 'EXTERNAL']), v.description('who deploys a service')),
    'ECS',
  ),
  circuitBreaker: v.optional(
    v.pipe(
      v.picklist(['off', 'on', 'rollback']),
      v.description('the circuit breaker: what happens to a deployment whose tasks fail'),
    ),
    'off',
  ),
  containers: v.pipe(v.array(containerSchema), v.minLength(1)),
});

const scheduleSchema = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[A-Za-z0-9._-]{1,64}$/)),
  account,
  region,
  cluster: v.string(),
  workload: v.pipe(v.text(), v.description('the workload in that cluster whose task definition it runs each night')),
});

export const fleetSchema = v.strictObject({
  $schema: v.optional(v.string()),
  name: v.text(),
  description: v.optional(v.string()),
  seed: v.optional(v.pipe(v.integer(), v.description('the seed of a generated fleet'))),
  hub: v.pipe(v.strictObject({ account, region }), v.description('the account and Region of Patchwave itself')),
  organization: v.optional(
    v.pipe(
      v.strictObject({
        id: v.pipe(v.string(), v.regex(/^o-[a-z0-9]{10,32}$/, 'must be an organization id such as o-a1b2c3d4e5')),
      }),
      v.description('left out: the accounts are in no organization, and the hub trusts them one by one'),
    ),
  ),
  accounts: v.pipe(v.array(accountSchema), v.minLength(1)),
  vulnerabilities: v.optional(v.array(vulnerabilitySchema), []),
  registries: v.optional(
    v.pipe(
      v.array(registrySchema),
      v.description('settings of registries; a registry that is not listed has BASIC scanning'),
    ),
    [],
  ),
  repositories: v.optional(v.array(repositorySchema), []),
  images: v.optional(v.array(imageSchema), []),
  clusters: v.optional(v.array(clusterSchema), []),
  workloads: v.optional(v.array(workloadSchema), []),
  schedules: v.optional(
    v.pipe(v.array(scheduleSchema), v.description('schedules of Amazon EventBridge Scheduler that run tasks')),
    [],
  ),
  kubernetesClusters: v.optional(v.pipe(v.array(kubernetesClusterSchema), v.description('EKS clusters')), []),
  kubernetesWorkloads: v.optional(
    v.pipe(v.array(kubernetesWorkloadSchema), v.description('workloads on EKS clusters')),
    [],
  ),
  pipelines: v.optional(
    v.pipe(v.array(pipelineSchema), v.description('pipelines that rebuild images of this fleet')),
    [],
  ),
  doorAttempts: v.optional(
    v.pipe(
      v.array(doorAttemptSchema),
      v.description(
        'what the demo tries to start where `doors` of the policy denies: after the first review the image, and later the one that was rebuilt in its place',
      ),
    ),
    [],
  ),
  archive: v.optional(
    v.pipe(
      v.array(archivedSchema),
      v.description('versions in the package archives, in addition to the fix of each vulnerability'),
    ),
    [],
  ),
  policy: v.pipe(
    v.union([v.string(), v.record(v.string(), v.unknown())]),
    v.description('the policy document, or the path of one, relative to this file'),
  ),
});

/** What a fleet file may hold (defaults left out). */
export type FleetFile = v.InferInput<typeof fleetSchema>;
/** A fleet whose defaults are filled in and whose policy document is read. */
export type Fleet = v.InferOutput<typeof fleetSchema> & { policy: FleetPolicyDocument };
export type FleetPolicyDocument = Record<string, unknown>;
export type FleetImage = Fleet['images'][number];
export type FleetCopy = FleetImage['copies'][number];
export type FleetWorkload = Fleet['workloads'][number];
export type FleetSchedule = Fleet['schedules'][number];
export type FleetKubernetesCluster = Fleet['kubernetesClusters'][number];
export type FleetKubernetesWorkload = Fleet['kubernetesWorkloads'][number];
export type FleetDoorAttempt = Fleet['doorAttempts'][number];
export type FleetPipeline = Fleet['pipelines'][number];
export type FleetContainer = FleetWorkload['containers'][number];
/** A container of either kind of cluster. */
export type FleetContainerImage = FleetContainer | FleetKubernetesWorkload['containers'][number];
export type FleetPlatform = FleetImage['platforms'][number];

/** The image that an image has the content of on a platform; `undefined` where it is built from scratch. */
export const sourceOn = ({ cachedFrom, parentOn, parent }: FleetImage, platform: FleetPlatform): string | undefined =>
  cachedFrom ?? parentOn?.[platform] ?? parent;

export type FleetImageOs = NonNullable<FleetImage['os']>;

/** The JSON Schema of a fleet file, for editors; held equal to `fleet.schema.json` by a test. */
export function fleetJsonSchema(): Record<string, unknown> {
  return { title: 'Patchwave fleet', ...jsonSchemaOf(fleetSchema) };
}
