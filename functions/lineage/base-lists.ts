import { type ImageLocation, locationKey, type Registry, registryKey } from '../../shared/domain/image/image.ts';
import { baseRepositoriesOf, coversPlace } from '../../shared/domain/lineage/base-readings.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { streamsAt } from '../../shared/domain/stream/stream.ts';
import type { BaseLists } from '../../shared/inventory/reviewed-images.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import { runFileKeys, tagsDocument } from '../../shared/review/documents.ts';
import { readDocumentIfAny } from '../../shared/review/read-document.ts';

/**
 * The lists of all base and platform repositories from the policy or from runs. The stream index is eventually
 * consistent, so it may lack a stream that a run has just read first.
 */
export async function baseListsOf(files: RunFiles, policy: Policy, runId: string): Promise<BaseLists> {
  const named = baseRepositoriesOf(policy);
  const registries = new Map<string, Registry>(
    named.map(({ account, region }) => [registryKey({ account, region }), { account, region }]),
  );
  const places = new Map<string, ImageLocation>();
  const add = ({ account, region, repository }: ImageLocation): unknown =>
    places.set(locationKey({ account, region, repository }), { account, region, repository });
  for (const one of named) if (!one.repository.includes('*')) add(one);
  for (const registry of registries.values()) {
    const read = await readDocumentIfAny(files, runFileKeys(runId).tags(registry), tagsDocument);
    for (const repository of Object.keys(read ?? {}))
      if (named.some((one) => coversPlace(one, { ...registry, repository }))) add({ ...registry, repository });
  }
  const streams = [...places.values()].flatMap((location) => streamsAt(policy, location));
  return { streams, places: [...places.keys()] };
}
