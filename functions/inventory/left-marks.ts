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
 * Notes which images are about to be marked as used in a scope. The record of a complete reading drops the note; until then a
 * later run can tell which marks may have no usage. Most days nothing is to be marked, and nothing is written.
 * @param left marks of an earlier try that have no usage yet
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
 * Takes the marks back that an earlier try announced and for which it recorded no usage: a function that died between the two
 * leaves images marked that nothing runs. What another scope runs stays marked.
 * @param seen images that something runs now, or whose usages are about to end
 * @returns marks of the earlier try that stay, because they are among these
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
