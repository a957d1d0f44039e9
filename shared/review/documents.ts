import { digest } from '../domain/image/digest-schema.ts';
import { type Digest, type Registry, registryKey } from '../domain/image/image.ts';
import { START_LISTS, type UnreadSource } from '../domain/image/possible-starts.ts';
import type { TagHistory } from '../domain/image/tag-history.ts';
import type { DigestSource, Observation, Pull } from '../domain/image/usage.ts';
import { WORKLOAD_KINDS } from '../domain/image/workload-kind.ts';
import { account } from '../domain/policy/policy-parts.ts';
import { type InventoryCounts, keyOfScope, type Scope } from '../domain/review/run.ts';
import type { Coverage } from '../domain/scan/inspector-coverage.ts';
import type { RegistryScanning } from '../domain/scan/registry-scanning.ts';
import type { ImageInUse } from '../domain/scan/witness.ts';
import * as v from '../schema.ts';

/*
 * What the steps of a review leave for each other in the run bucket. A step reads only what an earlier one wrote:
 *
 * | key under runs/<runId>/                   | written by       | read by |
 * | ----------------------------------------- | ---------------- | ------- |
 * | scopes.json                               | open             | the maps over scopes, close |
 * | accounts.json                             | open             | every step that takes a role of a member account |
 * | observations/<scope>/<began>/<n>.json     | workloads        | group-registries, usages |
 * | observations/<scope>/complete.json        | workloads, last  | group-registries, usages |
 * | observations/<account>/<region>/clusters.json | workloads, where it could not read the rest | group-registries, usages |
 * | registries.json, registries/<account>/<region>.json | group-registries | the map over registries, registry, close |
 * | reading/<account>/<region>.json           | registry, where it is not done yet | its next attempt |
 * | scanning/<account>/<region>.json          | registry, last   | the maps over batches |
 * | coverage/<account>/<region>/<digits>.json | registry, where Amazon Inspector scans | the maps over batches |
 * | coverage/<account>/<region>/pieces.json   | registry, after them | the maps over batches |
 * | in-use/<account>/<region>.json            | registry, where Amazon Inspector scans | check-closures |
 * | tags/<account>/<region>.json              | registry         | usages |
 * | marks/<scope>.json                        | usages, before it marks images as used | usages of the next run, where this one did not end |
 * | digests/<scope>.json                      | usages           | plan-scans |
 * | possible/<scope>.json                     | usages, for an EKS cluster | plan-scans |
 * | unresolved/<scope>/<n>.json               | usages, for a piece of observations | report |
 * | ancestors.json                            | lineage          | plan-scans |
 * | placed.json                               | lineage          | check-closures |
 * | batches.json                              | plan-scans       | the maps over batches, close |
 * | pending.json, catch-up.json               | check-scans      | check-scans, the map over batches, close |
 * | preview/...                               | a preview        | the same preview, in place of the ledger; the command line |
 *
 * <scope> is <account>/<region>, for an EKS cluster <account>/<region>/<cluster>. <began> is `beganAtEpochMs` of the reading:
 * an attempt that dies, or ends late, leaves pieces of its own, and complete.json names those of one attempt.
 */
/** One reading of a scope. */
export interface ObservationsOfReading {
  readonly beganAtEpochMs: number;
}

export const runFileKeys = (runId: string) => {
  const root = `runs/${runId}`;
  const at = (folder: string, registry: Registry) => `${root}/${folder}/${registryKey(registry)}`;
  const of = (folder: string, scope: Scope) => `${root}/${folder}/${keyOfScope(scope)}`;
  const numbered = (piece: number) => String(piece).padStart(4, '0');
  return {
    scopes: `${root}/scopes.json`,
    accounts: `${root}/accounts.json`,
    observations: (scope: Scope, { beganAtEpochMs }: ObservationsOfReading, piece: number) =>
      `${of('observations', scope)}/${beganAtEpochMs}/${numbered(piece)}.json`,
    observationsComplete: (scope: Scope) => `${of('observations', scope)}/complete.json`,
    clusters: (registry: Registry) => `${at('observations', registry)}/clusters.json`,
    registries: `${root}/registries.json`,
    registry: (registry: Registry) => `${at('registries', registry)}.json`,
    reading: (registry: Registry) => `${at('reading', registry)}.json`,
    scanning: (registry: Registry) => `${at('scanning', registry)}.json`,
    coverage: (registry: Registry, digits: string) => `${at('coverage', registry)}/${digits || 'all'}.json`,
    coveragePieces: (registry: Registry) => `${at('coverage', registry)}/pieces.json`,
    inUse: (registry: Registry) => `${at('in-use', registry)}.json`,
    tags: (registry: Registry) => `${at('tags', registry)}.json`,
    marks: (scope: Scope) => `${of('marks', scope)}.json`,
    digests: (scope: Scope) => `${of('digests', scope)}.json`,
    possible: (scope: Scope) => `${of('possible', scope)}.json`,
    unresolved: (scope: Scope, piece: number) => `${of('unresolved', scope)}/${numbered(piece)}.json`,
    unresolvedFolder: `${root}/unresolved/`,
    ancestors: `${root}/ancestors.json`,
    placed: `${root}/placed.json`,
    batches: `${root}/batches.json`,
    pending: `${root}/pending.json`,
    catchUp: `${root}/catch-up.json`,
    preview: `${root}/preview`,
  };
};

export const registry = v.strictObject({ account, region: v.text() });
export const scopeSchema = v.strictObject({ ...registry.entries, eksCluster: v.exactOptional(v.text()) });

const counts: v.GenericSchema<unknown, InventoryCounts> = v.strictObject({
  clusters: v.number(),
  tasks: v.number(),
  containers: v.number(),
  usages: v.number(),
  unresolved: v.number(),
  possible: v.exactOptional(v.number()),
});

export const scopesDocument = v.array(v.strictObject({ scope: scopeSchema }));
/** Our accounts: those of the organization, of the scopes, and those that the policy names. */
export const accountsDocument = v.array(account);
export const registriesDocument = v.array(v.strictObject({ registry }));
const unreadSource = v.strictObject({
  list: v.picklist(START_LISTS),
  error: v.string(),
  problem: v.string(),
  nextStep: v.string(),
}) satisfies v.GenericSchema<unknown, UnreadSource>;

/**
 * `beganAtEpochMs`: later starts may be missing in all pieces. `includesStopping`: stopping tasks are included.
 * `eksClusters`: the EKS clusters of the account and Region, `unread` if they could not be listed, and absent in the file
 * of a cluster or if Patchwave does not read EKS. `unreadSources`: lists of possible starts that could not be read.
 */
export const observationsCompleteDocument = v.strictObject({
  beganAtEpochMs: v.number(),
  includesStopping: v.exactOptional(v.boolean()),
  pieces: v.integer(),
  inventory: counts,
  eksClusters: v.exactOptional(v.union([v.array(v.text()), v.literal('unread')])),
  isPrivate: v.exactOptional(v.literal(true)),
  unreadSources: v.exactOptional(v.array(unreadSource)),
  /** Services of Amazon ECS at zero, and whether a rule or schedule may start their images; absent in a cluster of EKS. */
  atZero: v.exactOptional(
    v.array(v.strictObject({ cluster: v.text(), service: v.text(), isScheduled: v.exactOptional(v.literal(true)) })),
  ),
  /** When the newest pod of each namespace was created; absent in ECS, and in an EKS cluster without pods. */
  newestPods: v.exactOptional(v.array(v.strictObject({ namespace: v.string(), createdAtEpochMs: v.number() }))),
});

/** The names of the EKS clusters of an account and Region. */
export const clustersDocument = v.array(v.text());

const digestSource: v.GenericSchema<unknown, DigestSource> = v.picklist([
  'runtime',
  'reference',
  'push-history',
  'tag-guess',
]);

const pull = v.strictObject({
  beganAtEpochMs: v.exactOptional(v.number()),
  endedAtEpochMs: v.number(),
}) satisfies v.GenericSchema<unknown, Pull>;

/** An observation after JSON: absent fields stay absent. */
export const observationsDocument = v.array(
  v.strictObject({
    account,
    region: v.string(),
    cluster: v.string(),
    workloadKind: v.picklist(WORKLOAD_KINDS),
    workload: v.string(),
    container: v.string(),
    count: v.number(),
    isPossible: v.exactOptional(v.literal(true)),
    reference: v.exactOptional(v.string()),
    digest: v.exactOptional(digest),
    digestSource: v.exactOptional(digestSource),
    architecture: v.exactOptional(v.string()),
    pull: v.exactOptional(pull),
    notBeforeEpochMs: v.exactOptional(v.number()),
    location: v.exactOptional(v.strictObject({ account, region: v.string(), repository: v.string() })),
  }),
) satisfies v.GenericSchema<unknown, Observation[]>;

/** The library's type takes digests for names that are known and may be missing. */
const tagsOfDigests = v.record(digest, v.array(v.string())) as v.GenericSchema<unknown, Record<Digest, string[]>>;

/**
 * The read request for one registry: running digests with their tags, and tags with unknown digests, with their pulls
 * from ECS.
 */
export const registryDocument = v.strictObject({
  registry,
  digests: v.record(v.string(), tagsOfDigests),
  tags: v.record(v.string(), v.record(v.string(), v.array(pull))),
  /** repository -> indexes that an earlier version recorded there */
  outdated: v.exactOptional(v.record(v.string(), v.array(digest))),
});
export type RegistryDocument = v.InferOutput<typeof registryDocument>;

const tagHistory = v.strictObject({
  pushes: v.array(v.strictObject({ digest, atEpochMs: v.number() })),
  now: v.exactOptional(digest),
  isUnchecked: v.exactOptional(v.literal(true)),
}) satisfies v.GenericSchema<unknown, TagHistory>;

/** repository -> tag -> its resolution. */
export const tagsDocument = v.record(v.string(), v.record(v.string(), tagHistory));
export type TagsDocument = v.InferOutput<typeof tagsDocument>;

/** Repositories of a registry that earlier attempts read completely: the next one skips them. */
export const registryReadingDocument = v.strictObject({
  /** When the first attempt began: later pushes may be unread. */
  beganAtEpochMs: v.number(),
  repositories: v.record(
    v.string(),
    v.strictObject({
      images: v.integer(),
      missing: v.integer(),
      tags: v.record(v.string(), tagHistory),
      leftUnread: v.exactOptional(v.string()),
    }),
  ),
});

/** How a registry scans. */
export const scanningDocument = v.strictObject({
  type: v.picklist(['basic', 'enhanced']),
  rules: v.array(v.strictObject({ frequency: v.picklist(['continuous', 'on-push']), filters: v.array(v.string()) })),
}) satisfies v.GenericSchema<unknown, RegistryScanning>;

const coverage = v.strictObject({
  status: v.string(),
  reason: v.string(),
  lastScannedAtEpochMs: v.exactOptional(v.number()),
  isOnPush: v.exactOptional(v.literal(true)),
}) satisfies v.GenericSchema<unknown, Coverage>;

/** The images of a registry that Amazon Inspector lists and whose digests begin alike: repository -> digest -> coverage. */
export const coverageDocument = v.record(v.string(), v.record(v.string(), coverage));
export type CoverageDocument = v.InferOutput<typeof coverageDocument>;

/** The images of a registry that Amazon Inspector sees in use. */
export const inUseDocument = v.array(
  v.strictObject({ repository: v.string(), digest, count: v.number(), lastAtEpochMs: v.number() }),
) satisfies v.GenericSchema<unknown, readonly ImageInUse[]>;

/** Into which pieces the coverage of a registry is divided. */
export const coveragePiecesDocument = v.strictObject({
  /** The instant before the first page was asked for. */
  readAtEpochMs: v.number(),
  /** All images of a piece have so many first digits of their digest in common. */
  digits: v.number(),
});
export type CoveragePieces = v.InferOutput<typeof coveragePiecesDocument>;

export const digestsDocument = v.array(digest);

/** Images with a known parent but an unknown age, because an unread ancestor is possible. */
export const placedDocument = v.array(v.strictObject({ digest, parent: v.exactOptional(digest) }));
export const batchesDocument = v.array(v.strictObject({ batch: v.string(), digests: v.array(digest) }));
export type Batch = v.InferOutput<typeof batchesDocument>[number];
