import type { AgedPart, LineageAge } from '../age/image-lineage.ts';
import { DAY_MS } from '../common/time.ts';
import type { Digest } from '../image/image.ts';
import { ancestorsOf } from '../lineage/find-parents.ts';
import type { StreamPath } from './root-cause.ts';
import { type AttributionInputs, type Step, streamLineageOf } from './stream-path.ts';

/** The age limit that an image is over because of an ancestor. */
export interface BrokenLimit {
  readonly limitDays: number;
  /** Ancestors whose age a waiver covers. */
  readonly waived: ReadonlySet<Digest>;
  /** The age of an image; `undefined` if nothing is recorded of it. */
  readonly ageOf: (digest: Digest) => LineageAge | undefined;
  readonly nowEpochMs: number;
}

/**
 * What must happen before an image is no longer too old because of an ancestor.
 * - `rebuild`: the streams of `path` must be rebuilt, the lowest first. `heads` are the heads of that one that are too
 * old; empty if it has none. The last one is the stream of the image, unless no stream makes the image.
 * - `deploy`: the head of its own stream is young enough, and the image is an older one.
 * - `outside`: the heads below it are young enough, or no stream makes them, and no stream makes the image itself.
 * - `pending`: it depends on images whose age is unknown, or on streams whose heads are.
 */
export type AgeRoot =
  | { readonly kind: 'rebuild'; readonly path: StreamPath; readonly heads: readonly Digest[] }
  | { readonly kind: 'deploy'; readonly stream: string; readonly heads: readonly Digest[] }
  | { readonly kind: 'outside' }
  | { readonly kind: 'pending'; readonly images: readonly Digest[]; readonly streams: readonly string[] };

/**
 * The lowest stream whose next build would make an image younger. Only heads count, as in `rootCausesOf`: what is built
 * next starts from them. Returns `undefined` if by its recorded age the image is within the limit.
 */
export function ageRootOf(digest: Digest, known: AttributionInputs, limit: BrokenLimit): AgeRoot | undefined {
  const oldest = oldestOf(digest, limit);
  if (!oldest || !isOver(oldest, limit)) return undefined;
  const { steps, unseen } = streamLineageOf(digest, known);
  const own = known.images.get(digest)?.stream;
  const heads = own === undefined ? [] : (steps.at(-1)?.heads ?? []);
  return newerHead(own, heads, digest, known, limit) ?? rootIn(steps, unseen, { digest, own, oldest }, known, limit);
}

/** The part of its lineage that decides whether an image is too old. */
function oldestOf(digest: Digest, { ageOf, waived }: BrokenLimit): AgedPart | undefined {
  const age = ageOf(digest);
  const oldest = age?.known ? age : age?.oldestKnown;
  return oldest && [oldest, ...(oldest.younger ?? [])].find(({ decidedBy }) => !waived.has(decidedBy));
}

const isOver = ({ bornAtEpochMs }: AgedPart, { limitDays, nowEpochMs }: BrokenLimit): boolean =>
  bornAtEpochMs + limitDays * DAY_MS <= nowEpochMs;

type AgeState = 'old' | 'young' | 'unknown';

/** An unknown part may be too old; a known one that is too old decides. */
function stateOf(digest: Digest, limit: BrokenLimit): AgeState {
  const oldest = oldestOf(digest, limit);
  if (oldest && isOver(oldest, limit)) return 'old';
  return limit.ageOf(digest)?.known ? 'young' : 'unknown';
}

/** The answer by another head of its own stream; `undefined` if the image is a head, or the stream has none. */
function newerHead(
  own: string | undefined,
  heads: readonly Digest[],
  digest: Digest,
  known: AttributionInputs,
  limit: BrokenLimit,
): AgeRoot | undefined {
  if (own === undefined || heads.length === 0 || heads.includes(digest)) return undefined;
  const states = heads.map((head) => ({ head, state: stateOf(head, limit) }));
  const unknown = states.filter(({ state }) => state === 'unknown').map(({ head }) => head);
  if (unknown.length > 0) return { kind: 'pending', images: unknown, streams: [] };
  const old = states.find(({ state }) => state === 'old');
  return old ? ageRootOf(old.head, known, limit) : { kind: 'deploy', stream: own, heads };
}

interface OldImage {
  readonly digest: Digest;
  readonly own: string | undefined;
  readonly oldest: AgedPart;
}

function rootIn(
  steps: readonly Step[],
  unseen: readonly Digest[],
  { digest, own, oldest }: OldImage,
  known: AttributionInputs,
  limit: BrokenLimit,
): AgeRoot {
  const line = [digest, ...ancestorsOf(known.parents, digest).map((parent) => parent.digest)];
  // What lies below the image that decides does not count.
  const counted = new Set(line.slice(0, line.indexOf(oldest.decidedBy) + 1 || undefined));
  const unread = unseen.filter((one) => counted.has(one));
  if (unread.length > 0) return { kind: 'pending', images: unread, streams: [] };
  const below = (own === undefined ? steps : steps.slice(0, -1))
    .filter((step) => counted.has(step.digest))
    .map((step) => ({ ...step, ...atStep(step, limit) }));
  const row = below.slice(below.findLastIndex(({ state }) => state === 'young') + 1);
  const unclear = row.filter(({ state }) => state === 'unknown');
  if (unclear.length > 0)
    return {
      kind: 'pending',
      images: unclear.flatMap(({ unknown }) => unknown),
      streams: unclear.flatMap(({ heads, stream }) => (heads ? [] : [stream])),
    };
  const path = [...row.map(({ stream }) => stream), ...(own === undefined ? [] : [own])];
  const [root] = row;
  if (path.length === 0) return { kind: 'outside' };
  return { kind: 'rebuild', path, heads: root ? root.old : (steps.at(-1)?.heads ?? []) };
}

/** A stream without a head would build on what its last image is built on, so that image stands in for one. */
function atStep({ heads, digest }: Step, limit: BrokenLimit) {
  const states = (heads && heads.length === 0 ? [digest] : (heads ?? [])).map((head) => ({
    head,
    state: stateOf(head, limit),
  }));
  const among = (state: AgeState) => states.filter((one) => one.state === state).map(({ head }) => head);
  const [old, unknown] = [among('old'), among('unknown')];
  const state: AgeState = !heads || unknown.length > 0 ? 'unknown' : old.length > 0 ? 'old' : 'young';
  return { state, unknown, old: heads?.length === 0 ? [] : old };
}
