import { type Digest, registryKey } from '../domain/image/image.ts';
import { clusterScopes, keyOfScope, type Scope } from '../domain/review/run.ts';
import type { RunParts, ScopeLedger, UsageLedger } from '../ports/ledger.ts';
import type { RunFiles } from '../ports/run-files.ts';
import { digestsDocument, runFileKeys, scopesDocument } from './documents.ts';
import { readDocument, readDocumentIfAny } from './read-document.ts';

export interface InUsePorts {
  readonly runs: Pick<RunParts, 'parts'>;
  readonly scopes: Pick<ScopeLedger, 'all'>;
  readonly usages: Pick<UsageLedger, 'all'>;
  readonly files: RunFiles;
}

export interface ImagesOfRun {
  readonly running: ReadonlySet<Digest>;
  /** Images that a template may start, and that run nowhere. */
  readonly possible: ReadonlySet<Digest>;
  /** Every scope of the run, by its key. */
  readonly scopes: ReadonlySet<string>;
}

/**
 * Every image that runs or may start, once. Those of a scope that could not be read still count: they stay judged until a
 * complete read says otherwise.
 */
export async function imagesOfRun(ports: InUsePorts, runId: string): Promise<ImagesOfRun> {
  const { usages, files } = ports;
  const keys = runFileKeys(runId);
  const running = new Set<Digest>();
  const possible = new Set<Digest>();
  const read = await readDocument(files, keys.scopes, scopesDocument);
  const scopes = await scopesOfRun(
    ports,
    runId,
    read.map(({ scope }) => scope),
  );
  for (const scope of scopes) {
    const now = await readDocumentIfAny(files, keys.digests(scope), digestsDocument);
    if (now) {
      for (const digest of now) running.add(digest);
      for (const digest of (await readDocumentIfAny(files, keys.possible(scope), digestsDocument)) ?? [])
        possible.add(digest);
    } else
      for await (const usage of usages.all(scope, 'live'))
        ('isPossible' in usage ? possible : running).add(usage.digest);
  }
  return { running, possible: possible.difference(running), scopes: new Set(scopes.map(keyOfScope)) };
}

/** Every image that runs or may start, once. */
export async function digestsInUse(ports: InUsePorts, runId: string): Promise<ReadonlySet<Digest>> {
  const { running, possible } = await imagesOfRun(ports, runId);
  return running.union(possible);
}

/** Scopes to read, their EKS clusters, and the scopes of accounts whose Regions or clusters could not be listed. */
async function scopesOfRun(
  { runs, scopes: ledger }: InUsePorts,
  runId: string,
  read: readonly Scope[],
): Promise<readonly Scope[]> {
  const listed = new Set<string>();
  const found: Scope[] = [];
  for await (const part of runs.parts(runId)) {
    if (part.kind !== 'scope') continue;
    const { result } = part;
    if (result.status === 'failed') found.push(result.scope);
    if (result.status !== 'complete') continue;
    listed.add(keyOfScope(result.scope));
    found.push(...clusterScopes(result));
  }
  // Where the step died, nothing lists the clusters: those of earlier reviews count.
  const unlisted = new Set(read.map(registryKey).filter((place) => !listed.has(place)));
  if (unlisted.size > 0)
    for await (const { scope } of ledger.all())
      if (scope.eksCluster !== undefined && unlisted.has(registryKey(scope))) found.push(scope);
  const scopes = [...read, ...found];
  return [...new Map(scopes.map((scope) => [keyOfScope(scope), scope])).values()];
}
