import type { CauseFact, FindingFact, ParentMovedFact } from '../cause/cause.ts';
import {
  anyContentFactStatusByNow,
  contentFactStatus,
  type FactStatus,
  factStatus,
  isUncovered,
  isUnjudged,
  type JudgedImage,
  provenFactStatus,
} from '../cause/fact-status.ts';
import type { Unplaced } from '../cause/unplaced.ts';
import type { Digest } from '../image/image.ts';
import { isBroughtBelow, namedLayers } from './layer-evidence.ts';
import {
  type AttributedImage,
  type AttributionInputs,
  type Step,
  type StreamLineage,
  showing,
  streamLineageOf,
} from './stream-path.ts';

/** Streams from the root cause up to the requested one. */
export type StreamPath = readonly string[];

/**
 * The root cause of a fact of a stream, as far as heads show it.
 * - `own`: the stream itself; the search found no ancestor stream that has the fact.
 * - `below`: ancestor streams, at most one per platform; two heads may lead to the same one.
 * - `pending`: it depends on images that are not scanned or whose new scan is awaited, or on streams with unknown
 * heads. `unplaced`: or on heads whose lineage was not read. The root cause may be below them, or the age of a build
 * would be unknown.
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
 * Finds the streams at which the facts of one stream must be fixed, fact by fact. Only heads count, because a rebuild
 * cannot fix what an old ancestor image has. Without a head, the images pushed last count. A stream whose head lacks a
 * fact needs no rebuild for it, even if that head is built on an image with the fact: the next build of its children
 * starts from the fixed head. So the root causes are the lowest streams of an unbroken row, down from the requested one, whose heads have the
 * fact.
 */
export function rootCausesOf({ stream, heads = [] }: Headed, known: AttributionInputs): (fact: CauseFact) => RootCause {
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
  known: AttributionInputs,
): RootCause {
  if (!line || fact.kind === 'person') return OWN;
  if (fact.kind === 'parent-moved') return ofMoved(fact, known);
  const below = line.steps.slice(0, -1).map((step) => ({ ...step, status: statusBelow(fact, head, step, known) }));
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

/** Nothing is built on an unjudged image. */
function ofMoved({ parent }: ParentMovedFact, { streams, images }: AttributionInputs): RootCause {
  const heads = Object.values(streams.get(parent)?.head?.images ?? {});
  const unjudged = heads.filter((digest) => isUnjudged(images.get(digest) ?? {}));
  return unjudged.length > 0 ? { kind: 'pending', images: unjudged, streams: [] } : OWN;
}

/**
 * `missing`: there is no head, and the parents lack the fact. Nothing above can be rebuilt without a head, so the
 * stream is on the path, and is the root cause if its parents have the fact.
 */
function statusAtStep(fact: CauseFact, { heads, digest }: Step, { images }: AttributionInputs): FactStatus | 'missing' {
  if (!heads) return 'unknown';
  const known = (one: Digest): JudgedImage => images.get(one) ?? { digest: one };
  if (heads.length === 0) return contentFactStatus(fact, known(digest)) === 'present' ? 'present' : 'missing';
  return anyContentFactStatusByNow(fact, heads.map(known));
}

/**
 * The status by the scans of the heads. If it is in doubt, the layer that the scanner names for the finding of the image
 * decides: the ancestor lacks what a layer above it brought, and it may have what a layer of its own brought.
 */
function statusBelow(fact: CauseFact, head: JudgedImage, step: Step, known: AttributionInputs) {
  const status = statusAtStep(fact, step, known);
  if (fact.kind !== 'finding' || !isInDoubt(fact, step, status, known)) return status;
  const isBelow = isBroughtBelow(fact, head, step.digest, known.contents ?? new Map());
  return isBelow === undefined ? status : isBelow ? 'unknown' : 'absent';
}

/**
 * Whether scans alone do not show if a step has a finding: those of its heads do not cover its kind of package, or one is
 * of the image of the lineage itself and ended before the finding was first seen.
 */
function isInDoubt(
  fact: FindingFact,
  { heads = [], digest }: Step,
  status: FactStatus | 'missing',
  { images }: AttributionInputs,
): boolean {
  const seen = heads.map((one): AttributedImage => images.get(one) ?? { digest: one });
  if (status === 'unknown')
    return (
      seen.length > 0 && seen.every((head) => contentFactStatus(fact, head) !== 'unknown' || isUncovered(fact, head))
    );
  const own = images.get(digest);
  const isSame = (head: AttributedImage) =>
    head.digest === digest || (head.chainId !== undefined && head.chainId === own?.chainId);
  return status === 'absent' && seen.some((head) => isSame(head) && provenFactStatus(fact, head) === 'unknown');
}

/** The images whose layers help to find the root causes of facts; none if the scanner names no layer. */
export function imagesInDoubt({ stream, heads = [] }: Headed, facts: readonly CauseFact[], known: AttributionInputs) {
  const digests = new Set<Digest>();
  for (const head of showing(stream, heads, known)) {
    const found = facts.filter((fact) => fact.kind === 'finding' && namedLayers(fact, head) !== undefined);
    if (found.length === 0 || known.images.get(head.digest)?.stream !== stream) continue;
    for (const step of streamLineageOf(head.digest, known).steps.slice(0, -1))
      if (
        found.some((fact) => fact.kind === 'finding' && isInDoubt(fact, step, statusAtStep(fact, step, known), known))
      )
        digests.add(head.digest).add(step.digest);
  }
  return digests;
}

/** Of all heads that have a fact: it is fixed once each of them can be fixed. */
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
