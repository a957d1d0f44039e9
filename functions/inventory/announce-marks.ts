import type { Digest } from '../../shared/domain/image/image.ts';
import type { Scope } from '../../shared/domain/review/run.ts';
import type { ImageLedger, ScopeLedger, UsageLedger } from '../../shared/ports/ledger.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import { digestsDocument, runFileKeys } from '../../shared/review/documents.ts';
import { readDocumentIfAny } from '../../shared/review/read-document.ts';
import { marksToSet, type SeenGuesses, takeMarksBack } from './presence.ts';

interface MarksPorts {
  readonly scopes: Pick<ScopeLedger, 'get' | 'change'>;
  readonly files: RunFiles;
}

/**
 * Records which images are about to be marked as used in a scope. The record of a complete reading removes this note.
 * Until then a later run can find marks without a usage. On most days there is nothing to mark and nothing to write.
 * @param left marks of an earlier attempt that have no usage yet
 */
export async function announceMarks(
  { scopes, files }: MarksPorts,
  runId: string,
  scope: Scope,
  seen: Omit<SeenGuesses, 'ending'>,
  left: readonly Digest[],
): Promise<void> {
  const marks = [...new Set([...marksToSet(scope, seen), ...left])].sort();
  if (marks.length === 0) return;
  await files.put(runFileKeys(runId).marks(scope), marks);
  await scopes.change(scope, (before) => ({ ...(before ?? { scope }), markingRunId: runId }));
}

/**
 * Removes marks that an earlier attempt announced without recording a usage: a crash in between leaves unused images
 * marked. Images that another scope runs stay marked.
 * @param seen images that run now, or whose usages are about to end
 * @returns marks of the earlier attempt that stay, because they are among `seen`
 */
export async function takeLeftMarksBack(
  ports: MarksPorts & { readonly images: ImageLedger; readonly usages: UsageLedger },
  scope: Scope,
  seen: ReadonlySet<Digest>,
): Promise<readonly Digest[]> {
  const runId = (await ports.scopes.get(scope))?.markingRunId;
  if (runId === undefined) return [];
  const marks = (await readDocumentIfAny(ports.files, runFileKeys(runId).marks(scope), digestsDocument)) ?? [];
  await takeMarksBack(
    ports,
    scope,
    marks.filter((digest) => !seen.has(digest)),
  );
  return marks.filter((digest) => seen.has(digest));
}
