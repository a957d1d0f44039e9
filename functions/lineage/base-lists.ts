import { type ImageLocation, locationKey, type Registry, registryKey } from '../../shared/domain/image/image.ts';
import { baseRepositoriesOf, coversPlace } from '../../shared/domain/lineage/base-readings.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { streamId, streamRulesOf } from '../../shared/domain/stream/stream.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import { runFileKeys, tagsDocument } from '../../shared/review/documents.ts';
import { readDocumentIfAny } from '../../shared/review/read-document.ts';

/** What a repository of base and platform streams is listed under in the ledger. */
export interface BaseLists {
  /** Ids of the streams that the policy names. */
  readonly streams: readonly string[];
  /** `locationKey`s: images that no stream made. */
  readonly places: readonly string[];
}

/**
 * The lists of all base and platform repositories that the policy names or a run found. The index of streams follows its
 * table, so that a stream of which a run has just read for the first time may not be in it.
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
  const streams = [...places.values()].flatMap((location) =>
    streamRulesOf(policy, location).flatMap(({ headTags }) => headTags.map((headTag) => streamId(location, headTag))),
  );
  return { streams, places: [...places.keys()] };
}
