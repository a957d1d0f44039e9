import type { CauseFact, ParentMovedFact } from '../cause/cause.ts';
import {
  anyContentFactStatusByNow,
  contentFactStatus,
  type FactStatus,
  factStatus,
  isUnjudged,
  type JudgedImage,
} from '../cause/fact-status.ts';
import type { Unplaced } from '../cause/unplaced.ts';
import type { Digest } from '../image/image.ts';
import { type AttributionFacts, type Step, type StreamLineage, showing, streamLineageOf } from './stream-path.ts';

/** Streams from the one at fault up to the one that was asked about. */
export type StreamPath = readonly string[];

/**
 * Whose a fact of a stream is, as far as its heads tell.
 * - `own`: the stream's; a search for parents has found no stream below it that has the fact.
 * - `below`: of streams that it is built on, one for each platform at most; two heads may lead to the same one.
 * - `pending`: it hangs on images that nobody scanned, or whose new scan is awaited, or on streams of which nobody knows the heads.
 *   `unplaced`: or on what heads are built on, which was not read. The stream at fault may be below them, or the age of a build would
 *   be unknown.
 */
export type RootCause =
  | { readonly kind: 'own' }
  | { readonly kind: 'below'; readonly paths: readonly StreamPath[] }
  | {
      readonly kind: 'pending';
      readonly images: readonly Digest[];
      readonly streams: readonly string[];
      readonly unplaced?: readonly Unplaced[];
    };

const OWN: RootCause = { kind: 'own' };

/** A stream and its heads. */
export interface Headed {
  readonly stream: string;
  readonly heads?: readonly JudgedImage[];
}

/**
 * At which streams facts of one stream are to be fixed; asked for each fact. Heads alone decide: what an old image below
 * holds no rebuild could fix. Where the stream has no head, the images that were pushed last decide. A stream whose head is free of a fact needs no rebuild for it, whatever that head stands
 * on: what was built on an older one begins with the fixed one when it is built anew. So the streams at fault are the
 * lowest of those in a row, down from the one that is asked about, whose heads hold the fact.
 */
export function rootCausesOf({ stream, heads = [] }: Headed, known: AttributionFacts): (fact: CauseFact) => RootCause {
  const images = showing(stream, heads, known);
  const lines = new Map(
    images.flatMap(({ digest }) =>
      known.images.get(digest)?.stream === stream ? [[digest, streamLineageOf(digest, known)] as const] : [],
    ),
  );
  return (fact) => {
    const holders = images.filter((head) => factStatus(fact, head) === 'present');
    return inOne(holders.map((head) => rootCauseOf(fact, head, lines.get(head.digest), known)));
  };
}

function rootCauseOf(
  fact: CauseFact,
  head: JudgedImage,
  line: StreamLineage | undefined,
  known: AttributionFacts,
): RootCause {
  if (!line || fact.kind === 'person') return OWN;
  if (fact.kind === 'parent-moved') return ofMoved(fact, known);
  const below = line.steps.slice(0, -1).map((step) => ({ ...step, status: statusAtStep(fact, step, known) }));
  const row = below.slice(below.findLastIndex(({ status }) => status === 'absent') + 1);
  const unclear = row.filter(({ status }) => status === 'unknown');
  if (unclear.length > 0 || line.unseen.length > 0)
    return {
      kind: 'pending',
      images: [...line.unseen, ...unclear.flatMap(({ heads = [] }) => heads)],
      streams: unclear.flatMap(({ heads, stream }) => (heads ? [] : [stream])),
    };
  const root = row.findIndex(({ status }) => status === 'present');
  const lowest = root < 0 ? [head] : (row[root]?.heads ?? []).flatMap((digest) => known.images.get(digest) ?? []);
  const unplaced = lowest.flatMap((one) => one.unplaced ?? (fact.kind === 'age' ? one.nextUnread : undefined) ?? []);
  if (unplaced.length > 0)
    return { kind: 'pending', images: unplaced.map(({ digest }) => digest), streams: [], unplaced };
  return root < 0
    ? OWN
    : { kind: 'below', paths: [[...row, ...line.steps.slice(-1)].slice(root).map(({ stream }) => stream)] };
}

/** Nothing is built on what nobody has judged. */
function ofMoved({ parent }: ParentMovedFact, { streams, images }: AttributionFacts): RootCause {
  const heads = Object.values(streams.get(parent)?.head?.images ?? {});
  const unjudged = heads.filter((digest) => isUnjudged(images.get(digest) ?? {}));
  return unjudged.length > 0 ? { kind: 'pending', images: unjudged, streams: [] } : OWN;
}

/**
 * `missing`: there is no head, and what was built upon is free of it. Without a head nothing above can be built anew, so
 * the stream is on the way, and at fault where what was built upon holds the fact.
 */
function statusAtStep(fact: CauseFact, { heads, digest }: Step, { images }: AttributionFacts): FactStatus | 'missing' {
  if (!heads) return 'unknown';
  const known = (one: Digest): JudgedImage => images.get(one) ?? { digest: one };
  if (heads.length === 0) return contentFactStatus(fact, known(digest)) === 'present' ? 'present' : 'missing';
  return anyContentFactStatusByNow(fact, heads.map(known));
}

/** Of all heads that hold a fact: it is fixed once each of them can be. */
function inOne(found: readonly RootCause[]): RootCause {
  const pending = found.filter((rootCause) => rootCause.kind === 'pending');
  if (pending.length > 0) {
    const unplaced = new Map(pending.flatMap((one) => (one.unplaced ?? []).map((image) => [image.digest, image])));
    return {
      kind: 'pending',
      images: [...new Set(pending.flatMap(({ images }) => images))].sort(),
      streams: [...new Set(pending.flatMap(({ streams }) => streams))].sort(),
      ...(unplaced.size > 0 && { unplaced: [...unplaced.values()] }),
    };
  }
  const paths = found.flatMap((rootCause) => (rootCause.kind === 'below' ? rootCause.paths : []));
  return paths.length === 0 ? OWN : { kind: 'below', paths };
}
