import type { KnownFleet, KnownImage } from '../../../shared/domain/attribution-line.ts';
import type { CauseFact } from '../../../shared/domain/cause.ts';
import type { LookedAt } from '../../../shared/domain/holding.ts';
import type { Digest } from '../../../shared/domain/image.ts';
import type { Candidate, CascadePlan, PlanContext, PlannedStream, Tiers } from '../../../shared/domain/plan.ts';
import { planCascade } from '../../../shared/domain/plan.ts';
import { edgesOf } from '../../../shared/domain/stream-edges.ts';
import { CONTEXT, causeOf, findingFact, looked, NOT_SCANNED, planned, reasonOf } from './acting.ts';
import { digestOf, NOW } from './arbitraries.ts';

/* Fleets of streams with one head each, by what stands on what. */

export const fact = findingFact();
export const other = findingFact('CVE-2');

/** One stream. Its head is named after it, and runs where the stream is an application. */
export interface StreamSketch {
  /** Streams that its head stands on; of several, each on a platform of its own. */
  readonly on?: readonly string[];
  /** What its head holds; nothing where left out. `unknown`: nobody scanned it. `no-head`: there is none, and what was one held `fact`. */
  readonly has?: readonly CauseFact[] | 'unknown' | 'no-head';
  /** Of its own cause; none where left out. */
  readonly cause?: readonly CauseFact[];
  /** Of an application. */
  readonly idle?: true;
  readonly but?: Partial<PlannedStream>;
}
export type Fleet = Readonly<Record<string, StreamSketch>>;

const platformOf = (n: number) => `linux/${['amd64', 'arm64', 's390x', 'ppc64le'][n] ?? n}` as const;
/** `base`, `platform...`, or an application by any other name. */
const tierOf = (stream: string) =>
  stream.startsWith('base') ? 'base' : stream.startsWith('platform') ? 'platform' : 'application';

/** The heads of a stream: one for each stream that it stands on, one where that is none. */
function headsOf(
  stream: string,
  { on = [], has = [] }: StreamSketch,
): readonly (KnownImage & { readonly on?: string })[] {
  if (has === 'no-head') return [];
  const reasons = has === 'unknown' ? [NOT_SCANNED] : has.map((one) => reasonOf(one));
  const below = on.length === 0 ? [undefined] : on;
  return below.map((parent, n) => ({
    ...looked(below.length === 1 ? stream : `${stream} ${n}`, ...reasons),
    stream,
    ...(below.length > 1 && { platform: platformOf(n) }),
    ...(parent !== undefined && { on: parent }),
  }));
}

export function knownOf(fleet: Fleet): KnownFleet {
  const heads = new Map(Object.entries(fleet).map(([stream, sketch]) => [stream, headsOf(stream, sketch)]));
  const lowest = (stream: string): Digest => heads.get(stream)?.[0]?.digest ?? digestOf(`old ${stream}`);
  const gone = Object.entries(fleet).flatMap(([stream, { on = [], has }]) =>
    has === 'no-head' ? [{ ...looked(`old ${stream}`, reasonOf(fact)), stream, on: on[0] }] : [],
  );
  const all = [...[...heads.values()].flat(), ...gone];
  return {
    images: new Map(all.map((image) => [image.digest, image] as const)),
    parents: new Map(
      all.flatMap(({ digest, on }) =>
        on === undefined ? [] : [[digest, { digest: lowest(on), evidence: 'layers' }] as const],
      ),
    ),
    streams: new Map(
      [...heads].map(([stream, images]) => {
        const byPlatform = images.map(({ platform, digest }, n) => [platform ?? platformOf(n), digest] as const);
        return [stream, images.length === 0 ? {} : { head: { images: Object.fromEntries(byPlatform) } }] as const;
      }),
    ),
  };
}

function candidateOf(stream: string, sketch: StreamSketch): Omit<PlannedStream, 'cause'> {
  const heads: readonly LookedAt[] = headsOf(stream, sketch);
  const { cause: _, headDigest: __, ...base } = planned({ cause: causeOf(stream, fact) });
  return { ...base, heads, ...(heads[0] && { headDigest: heads[0].digest }), tier: tierOf(stream), ...sketch.but };
}

/** All streams: those with a cause, and those that others' causes may take along. */
export function inputOf(fleet: Fleet): { readonly streams: readonly PlannedStream[]; readonly tiers: Tiers } {
  const known = knownOf(fleet);
  const streams: PlannedStream[] = [];
  const others: Candidate[] = [];
  for (const [stream, sketch] of Object.entries(fleet))
    if (sketch.cause) streams.push({ ...candidateOf(stream, sketch), cause: causeOf(stream, ...sketch.cause) });
    else others.push({ ...candidateOf(stream, sketch), stream, runs: !sketch.idle });
  return { streams, tiers: { known, edges: edgesOf(known), others } };
}

export function planOf(fleet: Fleet, context: Partial<PlanContext> = {}): CascadePlan {
  const { streams, tiers } = inputOf(fleet);
  return planCascade(streams, { ...CONTEXT, ...context }, NOW, tiers);
}

/** `stream: wave work parents / facts`, then `stream: answer`, in order. */
export const told = ({ nodes, answers, settled, awaited }: CascadePlan): readonly string[] => [
  ...nodes.map(
    ({ stream, wave, work, parents = [], facts }) =>
      `${stream}: ${[wave, ...(work === 'deploy' ? [work] : []), ...parents].join(' ')} / ${facts.map(nameOf).join(' ')}`,
  ),
  ...[...answers].map(([stream, { answer, reason }]) => `${stream}: ${answer} ${reason}`).sort(),
  ...[...settled].map(([stream, facts]) => `${stream}: settled ${facts.map(nameOf).join(' ')}`),
  ...[...(awaited ?? [])].map(([stream, streams]) => `${stream}: awaits ${streams.join(' ')}`),
];

const nameOf = (one: CauseFact): string => (one.kind === 'finding' ? one.vulnerability : one.kind);
