import { mapConcurrently } from '../concurrency.ts';
import { type CauseFact, mergeCause } from '../domain/cause/cause.ts';
import type { CauseLedger } from '../ports/ledger.ts';

const STREAMS_AT_ONCE = 8;

/**
 * Adds facts to the causes of their streams. All facts of a stream become one write, and none if nothing is new: a
 * thousand images with one vulnerability are one cause. Returns the streams that could not be written, with the error of each.
 */
export async function recordCauses(
  causes: Pick<CauseLedger, 'change'>,
  found: readonly { readonly stream: string; readonly facts: readonly CauseFact[] }[],
): Promise<ReadonlyMap<string, unknown>> {
  const byStream = Map.groupBy(found, ({ stream }) => stream);
  const failed = new Map<string, unknown>();
  await mapConcurrently([...byStream], STREAMS_AT_ONCE, async ([stream, parts]) => {
    try {
      const facts = parts.flatMap((part) => part.facts);
      await causes.change(stream, (existing) => mergeCause(stream, existing, facts));
    } catch (error) {
      failed.set(stream, error);
    }
  });
  return failed;
}
