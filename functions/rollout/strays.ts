import { mapConcurrently, piecesOf } from '../../shared/concurrency.ts';
import type { RunningImage } from '../../shared/domain/closure.ts';
import { type Digest, locationKey } from '../../shared/domain/image.ts';
import { readImageReference } from '../../shared/domain/reference.ts';
import type { Usage } from '../../shared/domain/usage.ts';
import type { ScopeRecord } from '../../shared/ports/ledger.ts';
import type { RolloutPorts } from './ports.ts';

const SCOPES_AT_ONCE = 8;
const RECORDS_AT_ONCE = 100;

/**
 * What runs from some repositories and belongs to no stream, by repository: a digest whose tags have moved on, or one
 * that nobody has recorded yet. It may be of any stream there, so each of their closures asks what it holds. One pass
 * over all usages for all closures together; scopes that held nothing are left out.
 */
export async function straysOf(
  { images, usages }: Pick<RolloutPorts, 'images' | 'usages'>,
  scopes: readonly ScopeRecord[],
  repositories: ReadonlySet<string>,
): Promise<ReadonlyMap<string, readonly RunningImage[]>> {
  const used = new Map<Digest, Usage[]>();
  const add = (usage: Usage): void => {
    const others = used.get(usage.digest);
    if (others) others.push(usage);
    else used.set(usage.digest, [usage]);
  };
  const inUse = scopes.filter(({ emptyUntilEpochMs }) => emptyUntilEpochMs === undefined);
  await mapConcurrently(inUse, SCOPES_AT_ONCE, async ({ scope }) => {
    for await (const usage of usages.live(scope)) if (repositories.has(repositoryOf(usage))) add(usage);
  });
  const strays: RunningImage[] = [];
  for (const piece of piecesOf([...used.keys()], RECORDS_AT_ONCE)) {
    const known = await images.get(piece);
    for (const digest of piece)
      if (known.get(digest)?.stream === undefined)
        strays.push({ image: known.get(digest) ?? { digest }, usages: used.get(digest) ?? [] });
  }
  const byRepository = strays.flatMap((stray) =>
    [...Map.groupBy(stray.usages, repositoryOf)].map(([key, of]) => [key, { ...stray, usages: of }] as const),
  );
  return new Map(
    [...Map.groupBy(byRepository, ([key]) => key)].map(([key, found]) => [key, found.map(([, stray]) => stray)]),
  );
}

/** Of the registry that it was pulled from; empty where that is not one of ECR's. */
function repositoryOf({ reference }: Usage): string {
  const location = readImageReference(reference)?.location;
  return location ? locationKey(location) : '';
}
