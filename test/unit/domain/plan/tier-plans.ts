import type { ImageLineage } from '../../../../shared/domain/age/image-lineage.ts';
import { edgesOf } from '../../../../shared/domain/attribution/stream-edges.ts';
import type { AttributedImage, AttributionInputs } from '../../../../shared/domain/attribution/stream-path.ts';
import { type CauseFact, PARENT_MOVED, type ParentMovedFact } from '../../../../shared/domain/cause/cause.ts';
import type { JudgedImage } from '../../../../shared/domain/cause/fact-status.ts';
import type { Digest } from '../../../../shared/domain/image/image.ts';
import { planCascade } from '../../../../shared/domain/plan/plan.ts';
import type {
  Candidate,
  CascadePlan,
  PlanContext,
  PlannedStream,
  Tiers,
} from '../../../../shared/domain/plan/plan-model.ts';
import { digestOf, NOW } from '../arbitraries.ts';
import { CONTEXT, causeOf, findingFact, looked, NOT_SCANNED, planned, reasonOf } from '../rollout/acting.ts';

/* Fleets of streams with one head each, by what is built on what. */

export const fact = findingFact();
export const other = findingFact('CVE-2');
/** As it is recorded once that stream has another head. */
export const movedFact = (parent: string): ParentMovedFact => ({
  ...{ kind: 'parent-moved', ruleId: PARENT_MOVED, parent, head: digestOf(parent), sinceEpochMs: NOW },
});

/** One stream. Its head is named after it, and runs where the stream is an application. */
export interface StreamSketch {
  /** Streams that its head is built on; of several, each on a platform of its own. */
  readonly on?: readonly string[];
  /** Those of them on whose older images its heads stand; `unknown`: their parents were not read. */
  readonly staleParent?: readonly string[] | 'unknown';
  /** What its head holds; nothing where left out. `unknown`: it is not scanned. `no-head`: there is none, and what was one held `fact`. */
  readonly has?: readonly CauseFact[] | 'unknown' | 'no-head';
  /** Of its own cause; none where left out. */
  readonly cause?: readonly CauseFact[];
  /** The parents of its heads could not be read. */
  readonly isUnplaced?: true;
  /** Of an application. */
  readonly idle?: true;
  readonly but?: Partial<PlannedStream>;
}
export type TierFleet = Readonly<Record<string, StreamSketch>>;

const platformOf = (n: number) => `linux/${['amd64', 'arm64', 's390x', 'ppc64le'][n] ?? n}` as const;
/** `base`, `platform...`, or an application by any other name. */
const tierOf = (stream: string) =>
  stream.startsWith('base') ? 'base' : stream.startsWith('platform') ? 'platform' : 'application';

/** The heads of a stream: one for each stream that it is built on, one where that is none. */
function headsOf(
  stream: string,
  { on = [], has = [], staleParent = [], isUnplaced }: StreamSketch,
): readonly (AttributedImage & { readonly on?: string })[] {
  if (has === 'no-head') return [];
  const reasons = has === 'unknown' ? [NOT_SCANNED] : has.map((one) => reasonOf(one));
  const below = on.length === 0 ? [undefined] : on;
  return below.map((parent, n) => ({
    ...looked(below.length === 1 ? stream : `${stream} ${n}`, ...reasons),
    stream,
    ...(staleParent !== 'unknown' && { lineage: standingOn(parent, staleParent) }),
    ...(isUnplaced && { unplaced: { digest: digestOf(stream), why: 'unsearched' as const, repositories: [] } }),
    ...(below.length > 1 && { platform: platformOf(n) }),
    ...(parent !== undefined && { on: parent }),
  }));
}

const standingOn = (parent: string | undefined, staleParent: readonly string[]): Pick<ImageLineage, 'staleParent'> =>
  parent !== undefined && staleParent.includes(parent)
    ? { staleParent: { stream: parent, head: digestOf(parent) } }
    : {};

export function knownOf(fleet: TierFleet): AttributionInputs {
  const heads = new Map(Object.entries(fleet).map(([stream, sketch]) => [stream, headsOf(stream, sketch)]));
  const old = (stream: string): Digest => digestOf(`old ${stream}`);
  const below = ({ on = '', platform, lineage }: AttributedImage & { readonly on?: string | undefined }): Digest => {
    const all = heads.get(on) ?? [];
    const same = all.find((head) => head.platform === platform) ?? all[0];
    return lineage?.staleParent ? old(on) : (same?.digest ?? old(on));
  };
  const older = Object.entries(fleet).map(([stream, { on = [], has }]) => ({
    ...looked(`old ${stream}`, ...(has === 'no-head' ? [reasonOf(fact)] : [])),
    ...{ stream, on: on[0] },
  }));
  const all = [...[...heads.values()].flat(), ...older];
  return {
    images: new Map(all.map((image) => [image.digest, image] as const)),
    parents: new Map(
      all.flatMap((image) =>
        image.on === undefined ? [] : [[image.digest, { digest: below(image), evidence: 'layers' }] as const],
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
  const heads: readonly JudgedImage[] = headsOf(stream, sketch);
  const { cause: _, headDigest: __, ...base } = planned({ cause: causeOf(stream, fact) });
  return { ...base, heads, ...(heads[0] && { headDigest: heads[0].digest }), tier: tierOf(stream), ...sketch.but };
}

/** All streams: those with a cause, and those that others' causes may take along. */
export function inputOf(fleet: TierFleet): { readonly streams: readonly PlannedStream[]; readonly tiers: Tiers } {
  const known = knownOf(fleet);
  const streams: PlannedStream[] = [];
  const others: Candidate[] = [];
  for (const [stream, sketch] of Object.entries(fleet))
    if (sketch.cause) streams.push({ ...candidateOf(stream, sketch), cause: causeOf(stream, ...sketch.cause) });
    else others.push({ ...candidateOf(stream, sketch), stream, runs: !sketch.idle });
  return { streams, tiers: { known, edges: edgesOf(known), others } };
}

export function planOf(fleet: TierFleet, context: Partial<PlanContext> = {}): CascadePlan {
  const { streams, tiers } = inputOf(fleet);
  return planCascade(streams, { ...CONTEXT, ...context }, NOW, tiers);
}

/** `stream: wave work parents / facts`, then `stream: answer`, in order. */
export const planLines = ({ nodes, answers, settled, awaited }: CascadePlan): readonly string[] => [
  ...nodes.map(
    ({ stream, wave, work, parents = [], facts }) =>
      `${stream}: ${[wave, ...(work === 'deploy' ? [work] : []), ...parents].join(' ')} / ${facts.map(nameOf).join(' ')}`,
  ),
  ...[...answers].map(([stream, { answer, reason }]) => `${stream}: ${answer} ${reason}`).sort(),
  ...[...settled].map(([stream, facts]) => `${stream}: settled ${facts.map(nameOf).join(' ')}`),
  ...[...(awaited ?? [])].map(([stream, streams]) => `${stream}: awaits ${streams.join(' ')}`),
];

/** `base-moved` as it was recorded, `base-moves` where that is rebuilt in the same plan. */
function nameOf(one: CauseFact): string {
  if (one.kind === 'parent-moved') return `${one.parent}-${one.head === undefined ? 'moves' : 'moved'}`;
  return one.kind === 'finding' ? one.vulnerability : one.kind;
}
