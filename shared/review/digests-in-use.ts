import { type Digest, registryKey } from '../domain/image/image.ts';
import { clusterScopes, keyOfScope, type Scope } from '../domain/review/run.ts';
import type { RunParts, ScopeLedger, UsageLedger } from '../ports/ledger.ts';
import type { RunFiles } from '../ports/run-files.ts';
import { digestsDocument, runFileKeys, scopesDocument } from './documents.ts';
import { readDocument, readDocumentIfAny } from './read-document.ts';

export interface InUsePorts {
  readonly runs: Pick<RunParts, 'parts'>;
  readonly scopes: Pick<ScopeLedger, 'all'>;
  readonly usages: Pick<UsageLedger, 'digests'>;
  readonly files: RunFiles;
}

/**
 * Every running digest, once. Digests of a scope that could not be read still count as running: they stay judged until
 * a complete read says otherwise.
 */
export async function digestsInUse(ports: InUsePorts, runId: string): Promise<ReadonlySet<Digest>> {
  const { usages, files } = ports;
  const keys = runFileKeys(runId);
  const digests = new Set<Digest>();
  const read = await readDocument(files, keys.scopes, scopesDocument);
  for (const scope of await scopesOfRun(
    ports,
    runId,
    read.map(({ scope }) => scope),
  )) {
    const now = await readDocumentIfAny(files, keys.digests(scope), digestsDocument);
    if (now) for (const digest of now) digests.add(digest);
    else for await (const digest of usages.digests(scope, 'live')) digests.add(digest);
  }
  return digests;
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
