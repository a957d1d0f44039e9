import { piecesOf } from '../../shared/concurrency.ts';
import { locationKey } from '../../shared/domain/image/image.ts';
import { parseStreamId } from '../../shared/domain/stream/stream.ts';
import { judgedDigests } from '../../shared/inventory/reviewed-images.ts';
import type { CliContext } from '../command.ts';
import { NotFoundError, UsageError } from '../errors.ts';

type Ledger = Pick<CliContext, 'streams' | 'causes' | 'images' | 'index' | 'clock'>;

/** Help for commands that take a stream. */
export const STREAM_HELP = {
  STREAM: 'the id of a stream in quotes, as `plan --tree --all` lists it, or a repository that has one stream',
} as const;

const IMAGES_A_READ = 100;
const MOST_NAMED = 3;

/**
 * Finds a stream by its id, or by its repository if that has no other stream.
 * @returns the id
 * @throws UsageError for no name; NotFoundError that names the streams of the repository, or those with the most similar ids
 */
export async function findStream(ledger: Ledger, stream: string): Promise<string> {
  if (stream.trim() === '')
    throw new UsageError('Which stream? Give its id in quotes, or a repository that has one stream.');
  const [streams, causes] = await Promise.all([ledger.streams.streams([stream]), ledger.causes.get([stream])]);
  if (streams.has(stream) || causes.has(stream)) return stream;
  const known = await knownStreams(ledger);
  if (known.has(stream)) return stream;
  const [only, ...others] = [...known].filter((id) => isOf(id, stream)).sort();
  if (only !== undefined && others.length === 0) return only;
  if (only !== undefined)
    throw new NotFoundError(
      `"${stream}" has ${others.length + 1} streams. Give one of them, in quotes:\n  ${[only, ...others].join('\n  ')}`,
    );
  const near = nearest(stream, [...known]);
  const hint =
    near.length > 0 ? `Did you mean:\n  ${near.join('\n  ')}` : 'To list all streams: patchwave plan --tree --all';
  throw new NotFoundError(`The ledger knows no stream "${stream}". ${hint}`);
}

/** Whether a text is the repository of a stream, alone or with its place. */
function isOf(stream: string, text: string): boolean {
  const { location } = parseStreamId(stream);
  return text === location.repository || text === locationKey(location);
}

/** Streams of all images in use, heads and open causes. Read only if no stream has the id. */
async function knownStreams(ledger: Ledger): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for await (const { stream } of ledger.causes.open()) found.add(stream);
  for (const piece of piecesOf(await judgedDigests(ledger), IMAGES_A_READ)) {
    for (const { stream } of (await ledger.images.get(piece)).values()) if (stream !== undefined) found.add(stream);
  }
  return found;
}

/** Names that contain the text come first, then those that share the most letter pairs with it. */
export function nearest(text: string, names: readonly string[]): readonly string[] {
  const score = (name: string): number => (name.includes(text) ? 1 : 0) + likeness(text, name);
  return names
    .map((name) => ({ name, score: score(name) }))
    .filter((one) => one.score >= 0.5)
    .sort((one, other) => other.score - one.score || (one.name < other.name ? -1 : 1))
    .slice(0, MOST_NAMED)
    .map(({ name }) => name);
}

/** 0 for no shared letter pair, 1 for the same pairs: Dice's coefficient. */
function likeness(one: string, other: string): number {
  const [pairs, others] = [pairsOf(one), pairsOf(other)];
  const common = [...pairs].filter((pair) => others.has(pair)).length;
  return (2 * common) / Math.max(pairs.size + others.size, 1);
}

const pairsOf = (text: string): ReadonlySet<string> =>
  new Set(Array.from({ length: Math.max(text.length - 1, 0) }, (_, at) => text.slice(at, at + 2).toLowerCase()));
