import { setTimeout as sleep } from 'node:timers/promises';
import type { CliContext } from '../../cli/command.ts';
import { paint } from '../../cli/output.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { keyOfScope, type ReviewRecord, type RunPart } from '../../shared/domain/review/run.ts';
import type { Progress } from './progress.ts';

const POLL_MS = 400;

/**
 * Prints the progress of a review from the ledger until `isOver` returns true.
 * It only reads; the review does not depend on it.
 */
export async function followReview(
  context: Pick<CliContext, 'runs' | 'images' | 'usages' | 'scopes'>,
  progress: Progress,
  isOver: () => boolean,
): Promise<void> {
  const printed = new Set<string>();
  for (;;) {
    const over = isOver();
    const { running, ended } = await context.runs.latest();
    const review = running ?? (over ? ended : undefined);
    if (review) await printNews(context, review, printed, progress);
    if (over) {
      progress.endBar();
      return;
    }
    await sleep(POLL_MS);
  }
}

async function printNews(
  context: Pick<CliContext, 'runs' | 'images' | 'usages' | 'scopes'>,
  review: ReviewRecord,
  printed: Set<string>,
  progress: Progress,
): Promise<void> {
  const parts = await Array.fromAsync(context.runs.parts(review.runId));
  for (const part of parts) {
    const line = describePart(part);
    if (line === undefined || printed.has(line)) continue;
    printed.add(line);
    progress.text(line, 19);
  }
  if (parts.some(({ kind }) => kind === 'scan')) await printScans(context, review, progress);
}

function describePart(part: RunPart): string | undefined {
  switch (part.kind) {
    case 'scope':
      return describeScope(part.result);
    case 'registry':
      return part.status === 'failed'
        ? `  ${paint('red', 'registry failed')}  ${part.key}  ${part.detail ?? ''}`
        : `  registry read    ${part.key}  ${counted(part.images, 'image')}${part.missing > 0 ? `, ${part.missing} missing` : ''}`;
    case 'policy':
      return `  ${paint('red', 'policy unreadable')}  ${part.detail}`;
    case 'scan':
    case 'verdict':
      return undefined;
  }
}

function describeScope(result: Extract<RunPart, { kind: 'scope' }>['result']): string {
  const name = keyOfScope(result.scope).replaceAll('/', ' ');
  switch (result.status) {
    case 'complete': {
      const { clusters, tasks, containers } = result.inventory;
      return `  scope read       ${name}  ${counted(clusters, 'cluster')}, ${counted(tasks, 'task or pod', 'tasks and pods')}, ${counted(containers, 'container')}`;
    }
    case 'skipped':
      return `  scope skipped    ${name}  ${result.reason}`;
    case 'failed':
      return `  ${paint('red', 'scope failed')}     ${name}  ${result.detail}`;
    case 'left':
      return `  ${paint('yellow', 'scope left')}       ${name}  ${counted(result.usages, 'container')} last seen there`;
  }
}

/** Counts the images in use that were judged since the review began, with any result. */
async function printScans(
  { images, usages, scopes }: Pick<CliContext, 'images' | 'usages' | 'scopes'>,
  review: ReviewRecord,
  progress: Progress,
): Promise<void> {
  const digests = new Set<Digest>();
  for await (const { scope } of scopes.all()) {
    for await (const { digest } of usages.live(scope)) digests.add(digest);
  }
  const records = await images.get([...digests]);
  const answered = [...records.values()].filter(
    ({ scan, judgedAtEpochMs = 0 }) => scan.state !== 'requested' && judgedAtEpochMs >= review.startedAtEpochMs,
  );
  progress.move('judged', answered.length, digests.size);
}
