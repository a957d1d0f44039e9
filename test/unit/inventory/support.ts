import { groupRegistries } from '../../../functions/fleet-review/group-registries.ts';
import { readRegistry } from '../../../functions/inventory/registry.ts';
import { recordUsages } from '../../../functions/inventory/usages.ts';
import { readWorkloads } from '../../../functions/inventory/workloads.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Artifact, Digest, ImageLocation, IndexChild, Registry } from '../../../shared/domain/image/image.ts';
import type { RunningContainer, RunningTask } from '../../../shared/domain/image/usage.ts';
import type { PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import type { ImageConfig } from '../../../shared/ports/registry.ts';
import type { TasksRead } from '../../../shared/ports/workloads.ts';
import { registriesDocument, runFileKeys } from '../../../shared/review/documents.ts';
import { readDocument } from '../../../shared/review/read-document.ts';
import { type FakeWorld, START_EPOCH_MS } from '../../support/fakes/world.ts';
import { digestOf, hub, payments, reviewedWorld } from '../fleet-review/support.ts';

export { digestOf, hub, payments };

export const RUN = 'run-1';
export const DAY_MS = 86_400_000;
export const BORN = START_EPOCH_MS - 10 * DAY_MS;
export const PUSHED = START_EPOCH_MS - 9 * DAY_MS;

export const main = { ...payments, cluster: 'main' };
export const web: ImageLocation = { ...payments, repository: 'apps/web' };
export const debian: ImageLocation = { ...hub, repository: 'base/debian' };
export const referenceTo = ({ account, region, repository }: ImageLocation, suffix: string): string =>
  `${account}.dkr.ecr.${region}.amazonaws.com/${repository}${suffix}`;

export const task = (container: Partial<RunningContainer>, changes: Partial<RunningTask> = {}): RunningTask => ({
  workloadKind: 'ecs-service',
  workload: 'web',
  architecture: 'amd64',
  containers: [{ name: 'app', ...container }],
  ...changes,
});

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** Layers and config of an image are named after its letter. */
export const imageOf = (
  letter: string,
  layers: readonly string[] = [letter],
): Extract<Artifact, { kind: 'image' }> => ({
  kind: 'image',
  digest: digestOf(letter),
  mediaType: MANIFEST,
  configDigest: `sha256:${`c${letter}`.repeat(32)}`,
  layers: layers.map((layer): Digest => `sha256:${`e${layer}`.repeat(32)}`),
  annotations: {},
});

export const indexOf = (letter: string, children: readonly IndexChild[]): Artifact => ({
  kind: 'index',
  digest: digestOf(letter),
  mediaType: 'application/vnd.oci.image.index.v1+json',
  children,
});

export const config = (architecture = 'amd64', createdAtEpochMs = BORN): ImageConfig => ({
  createdAtEpochMs,
  platform: `linux/${architecture}`,
  labels: {},
});

/** Pushes images with a config each, as a build would. */
export function pushImage(
  world: FakeWorld,
  location: ImageLocation,
  letter: string,
  tags: readonly string[] = [],
): void {
  world.registry.push(location, { artifact: imageOf(letter), tags, pushedAtEpochMs: PUSHED, config: config() });
}

export async function inventoryWorld(changes: Partial<PolicyDocument> = {}) {
  const { world, policyVersion } = await reviewedWorld({
    scopes: [{ account: payments.account, regions: [payments.region] }],
    ...changes,
  });
  world.registry.create(debian);
  const run = { runId: RUN, mode: 'review', policyVersion } as const;
  const ports = { ...world, files: world.runFiles };
  return {
    world,
    ports,
    run,
    workloads: (scope: Registry = payments, read: Partial<TasksRead> = {}) =>
      readWorkloads(ports, { action: 'workloads', ...run, scope, ...read }),
    registry: (registry: Registry) => readRegistry(ports, { action: 'registry', ...run, registry }),
    usages: (scope: Registry = payments) => recordUsages(ports, { action: 'usages', ...run, scope }),
    /** The three steps of a review over scopes and registries, in their order. */
    /** `meanwhile` comes after everything was seen that runs, and before any of it is written down. */
    async review(scopes: readonly Registry[] = [payments], meanwhile: () => void | Promise<void> = () => {}) {
      await world.runFiles.put(
        runFileKeys(RUN).scopes,
        scopes.map((scope) => ({ scope })),
      );
      for (const scope of scopes) await readWorkloads(ports, { action: 'workloads', ...run, scope });
      await meanwhile();
      const { key } = await groupRegistries(ports, { action: 'group-registries', ...run });
      for (const { registry } of await readDocument(world.runFiles, key, registriesDocument)) {
        await readRegistry(ports, { action: 'registry', ...run, registry });
      }
      for (const scope of scopes) await recordUsages(ports, { action: 'usages', ...run, scope });
    },
    live: () => collect(world.usages.live(payments)),
    parts: () => collect(world.runs.parts(RUN)),
    document: (key: string) => world.runFiles.get(key),
  };
}

export const keys = runFileKeys(RUN);
