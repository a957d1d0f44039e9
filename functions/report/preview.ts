import type { ReportStore } from '../../shared/ports/reports.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import { runFileKeys } from '../../shared/review/documents.ts';

/** The report of a preview lies among the files of its run, both forms in one document, and is never the latest. */
export const previewReports = (files: RunFiles): Pick<ReportStore, 'put'> => ({
  put: (runId, { json, markdown }) =>
    files.put(runFileKeys(runId).report, { report: JSON.parse(json) as unknown, markdown }),
});
