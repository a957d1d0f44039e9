import { mapConcurrently } from '../../shared/concurrency.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { type Usage, usageKey, workloadText } from '../../shared/domain/image/usage.ts';
import { keyOfScope, type Scope } from '../../shared/domain/review/run.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import type { ImageLedger, UsageLedger } from '../../shared/ports/ledger.ts';

const AT_ONCE = 16;

/** The images of usages, each once. */
export const digestsOf = (usages: readonly Usage[]): readonly Digest[] => [
  ...new Set(usages.map(({ digest }) => digest)),
];

/** Marks images as in use unless they are marked already. */
export async function markAsUsed(
  images: ImageLedger,
  digests: readonly Digest[],
  known: ReadonlyMap<Digest, ImageRecord>,
): Promise<void> {
  await mapConcurrently(unmarkedOf(digests, known), AT_ONCE, (digest) =>
    images.recordPresence(digest, { inUse: true }),
  );
}

const unmarkedOf = (digests: readonly Digest[], known: ReadonlyMap<Digest, ImageRecord>): readonly Digest[] =>
  digests.filter((digest) => known.get(digest)?.inUse !== true);

export const marksToSet = (
  scope: Scope,
  { digests, usages, known }: Omit<SeenGuesses, 'ending'>,
): readonly Digest[] => {
  const guessed = guessesIn(usages);
  const guesses = digests.filter((digest) => guessed.has(digest) && !isGuessedSo(scope, digest, guessed, known));
  return [...new Set([...unmarkedOf(digests, known), ...guesses])].sort();
};

export interface SeenGuesses {
  /** Images that run in the scope. */
  readonly digests: readonly Digest[];
  readonly usages: Iterable<Usage>;
  readonly ending: readonly Usage[];
  readonly known: ReadonlyMap<Digest, ImageRecord>;
}

/** Records on each image whether a workload of the scope runs it by a guess; on most days nothing changes. */
export async function markGuesses(
  images: ImageLedger,
  scope: Scope,
  { digests, usages, ending, known }: SeenGuesses,
): Promise<void> {
  const key = keyOfScope(scope);
  const guessed = guessesIn(usages);
  const seen = digests.filter((digest) => !isGuessedSo(scope, digest, guessed, known));
  const ended = ending.filter(isGuess).map(({ digest }) => digest);
  await mapConcurrently([...new Set([...seen, ...ended])], AT_ONCE, (digest) =>
    images.recordGuess(digest, key, guessed.get(digest)),
  );
}

/** By image, a workload that runs it by a guess. */
function guessesIn(usages: Iterable<Usage>): ReadonlyMap<Digest, string> {
  const guessed = new Map<Digest, string>();
  for (const usage of usages) {
    const [text, before] = [workloadText(usage), guessed.get(usage.digest)];
    if (isGuess(usage) && (before === undefined || text < before)) guessed.set(usage.digest, text);
  }
  return guessed;
}

const isGuessedSo = (
  scope: Scope,
  digest: Digest,
  guessed: ReadonlyMap<Digest, string>,
  known: ReadonlyMap<Digest, ImageRecord>,
): boolean => known.get(digest)?.guessedIn?.[keyOfScope(scope)] === guessed.get(digest);

/**
 * Removes marks that an earlier attempt set without recording a usage, because it died in between.
 * @param digests images that nothing in the scope runs now
 */
export async function takeMarksBack(
  ports: { readonly images: ImageLedger; readonly usages: UsageLedger },
  scope: Scope,
  digests: readonly Digest[],
): Promise<void> {
  await mapConcurrently(digests, AT_ONCE, (digest) => ports.images.recordGuess(digest, keyOfScope(scope), undefined));
  await markAsUnused(ports, digests, []);
}

/** What may start by a tag is shown as a guess where it is listed: it says nothing about an image that runs elsewhere. */
const isGuess = ({ digestSource, isPossible }: Usage): boolean => digestSource === 'tag-guess' && !isPossible;

/** Removes the mark from images whose last usages in any scope are about to end. */
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
