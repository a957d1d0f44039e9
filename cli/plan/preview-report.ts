import { runFileKeys } from '../../shared/review/documents.ts';
import { readDocumentIfAny } from '../../shared/review/read-document.ts';
import * as v from '../../shared/schema.ts';
import type { CliContext } from '../command.ts';

const document = v.object({ report: v.unknown(), markdown: v.string() });

/** The report of a preview lies among the files of its run; absent where there is none. */
export const previewReport = (files: CliContext['runFiles'], runId: string) =>
  readDocumentIfAny(files, runFileKeys(runId).report, document);
