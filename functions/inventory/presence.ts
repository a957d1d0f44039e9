import { mapConcurrently } from '../../shared/concurrency.ts';
import { type Digest, registryKey } from '../../shared/domain/image.ts';
import type { ImageRecord } from '../../shared/domain/records.ts';
import type { Scope } from '../../shared/domain/run.ts';
import { type Usage, usageKey, workloadText } from '../../shared/domain/usage.ts';
import type { ImageLedger, UsageLedger } from '../../shared/ports/ledger.ts';

const AT_ONCE = 16;

/** Marks images as in use where they are not. */
export async function markAsUsed(
  images: ImageLedger,
  digests: readonly Digest[],
  known: ReadonlyMap<Digest, ImageRecord>,
): Promise<void> {
  const unmarked = digests.filter((digest) => known.get(digest)?.inUse !== true);
  await mapConcurrently(unmarked, AT_ONCE, (digest) => images.recordPresence(digest, { inUse: true }));
}

export interface SeenGuesses {
  /** Images that something in the scope runs. */
  readonly digests: readonly Digest[];
  readonly usages: Iterable<Usage>;
  readonly ending: readonly Usage[];
  readonly known: ReadonlyMap<Digest, ImageRecord>;
}

/** Writes on each image whether a workload of the scope runs it by a guess; most days write nothing. */
export async function markGuesses(
  images: ImageLedger,
  scope: Scope,
  { digests, usages, ending, known }: SeenGuesses,
): Promise<void> {
  const key = registryKey(scope);
  const guessed = new Map<Digest, string>();
  for (const usage of usages) {
    const [text, before] = [workloadText(usage), guessed.get(usage.digest)];
    if (isGuess(usage) && (before === undefined || text < before)) guessed.set(usage.digest, text);
  }
  const seen = digests.filter((digest) => known.get(digest)?.guessedIn?.[key] !== guessed.get(digest));
  const ended = ending.filter(isGuess).map(({ digest }) => digest);
  await mapConcurrently([...new Set([...seen, ...ended])], AT_ONCE, (digest) =>
    images.recordGuess(digest, key, guessed.get(digest)),
  );
}

const isGuess = ({ digestSource }: Usage): boolean => digestSource === 'tag-guess';

/** Takes the mark away from images whose last usages anywhere are about to end. */
export async function markAsUnused(
  { images, usages }: { readonly images: ImageLedger; readonly usages: UsageLedger },
  digests: readonly Digest[],
  ending: readonly Usage[],
): Promise<void> {
  const ends = new Set(ending.map(usageKey));
  await mapConcurrently(digests, AT_ONCE, async (digest) => {
    const others = (await usages.ofImage(digest)).filter((usage) => !ends.has(usageKey(usage)));
    if (others.length === 0) await images.recordPresence(digest, { inUse: false });
  });
}
