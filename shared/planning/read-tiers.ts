import { onlyParentHead, parentsKey } from '../domain/attribution/parent-heads.ts';
import { imagesInDoubt } from '../domain/attribution/root-cause.ts';
import { ancestry, arrivals, edgesOf, withPaths } from '../domain/attribution/stream-edges.ts';
import type { CauseFact } from '../domain/cause/cause.ts';
import { classifyFact } from '../domain/cause/fact-status.ts';
import type { Candidate, PlannedStream, Tiers } from '../domain/plan/plan-model.ts';
import { classifyFacts, factsOfRoots, pathsOf } from '../domain/plan/sort-facts.ts';
import type { ContentLedger, StreamLedger } from '../ports/ledger.ts';
import { FleetTrace, type TracePorts } from './fleet-trace.ts';
import type { IsRelevant, ReadImage, SeenLast, SeenStream } from './read-images.ts';
import { readParents } from './read-parents.ts';

export interface ReadTiersPorts extends TracePorts {
  readonly streams: Pick<StreamLedger, 'streams' | 'all'>;
  readonly contents: Pick<ContentLedger, 'get'>;
}

/** A stream with an open cause, as it was read. */
export interface ReadStream {
  readonly stream: PlannedStream;
  readonly seen: Pick<SeenStream, 'record' | 'lastBuilt'> & {
    /** Its heads; if they are unknown, the running images. */
    readonly images: readonly ReadImage[];
  };
}

/** Reads streams that only the causes of others need. */
export type ReadOthers = (
  streams: readonly string[],
  trace: FleetTrace,
  facts: readonly CauseFact[],
) => Promise<ReadonlyMap<string, Candidate & { readonly lastBuilt?: SeenLast }>>;

export interface TiersAsked {
  readonly isRelevant: IsRelevant;
  readonly builds: (stream: string) => boolean;
  /** Whether all children of a rebuilt stream are rebuilt. */
  readonly followParents: boolean;
  readonly readOthers: ReadOthers;
}

export interface TiersRead {
  /** As before, with their parents. */
  readonly streams: readonly PlannedStream[];
  readonly tiers: Tiers;
}

/**
 * Finds the root causes of open causes, and the streams that their rebuild takes along. First it reads the ancestors of
 * the heads with the facts, level by level, and the layers of those whose scans leave doubt. Then, if a base or platform is the root cause, the parents of all streams;
 * and last the streams to take along.
 */
export async function readTiers(
  ports: ReadTiersPorts,
  read: readonly ReadStream[],
  { isRelevant, builds, followParents, readOthers }: TiersAsked,
): Promise<TiersRead> {
  const trace = new FleetTrace(ports, isRelevant, builds);
  for (const { stream, seen } of read) {
    if (!asks(stream)) continue;
    trace.begin(seen.images, seen.record);
    if (seen.lastBuilt) trace.beginHeadless(stream.cause.stream, seen.lastBuilt);
  }
  await trace.down();
  const streams = read.map(({ stream }) => stream);
  const inDoubt = streams.flatMap((one) => [
    ...imagesInDoubt({ ...one, stream: one.cause.stream }, one.cause.facts, trace),
  ]);
  if (inDoubt.length > 0) trace.contents = await ports.contents.get([...new Set(inDoubt)]);
  const sorted = streams.map((stream) =>
    classifyFacts({ ...stream, stream: stream.cause.stream }, trace, followParents),
  );
  const roots = new Map(
    Array.from(
      factsOfRoots(sorted),
      ([root, facts]) => [root, followParents ? facts : facts.filter(({ kind }) => kind !== 'person')] as const,
    ),
  );
  const bears = ([root, facts]: readonly [string, readonly CauseFact[]]) =>
    facts.length > 0 && (trace.streams.get(root)?.tier ?? 'application') !== 'application';
  if ([...roots].some(bears)) await trace.add(ports.streams.all());
  const edgesNow = () => withPaths(edgesOf(trace), pathsOf(sorted));
  const known = new Set(streams.map(({ cause }) => cause.stream));
  const asked = [
    ...roots.keys(),
    ...pathsOf(sorted).flat(),
    ...arrivals(roots, edgesNow(), trace, followParents).keys(),
  ];
  const wanted = [...new Set(asked)].filter((stream) => !known.has(stream));
  const others = await readOthers(wanted, trace, [...roots.values()].flat());
  const headless = [...others].filter(([, { lastBuilt }]) => lastBuilt !== undefined);
  for (const [stream, { lastBuilt }] of headless) if (lastBuilt) trace.beginHeadless(stream, lastBuilt);
  if (headless.length > 0) await trace.down();
  const edges = edgesNow();
  const readable = await readParents(
    ports.images,
    [...streams.map((one) => ({ ...one, stream: one.cause.stream })), ...others.values()],
    trace,
    isRelevant,
  );
  const headsOf = new Map(readable.map(({ stream, heads }) => [stream, heads]));
  const placed = <Stream extends Pick<Candidate, 'heads'>>(stream: Stream, name: string): Stream => {
    const heads = headsOf.get(name);
    const headed = { stream: name, ...(heads && { heads }) };
    // As the dispatcher sees it: the planner must not keep planning what the dispatcher refuses for good on the same
    // parent.
    const parentHead = onlyParentHead(headed, trace);
    const parents = parentsKey(headed, trace);
    return {
      ...stream,
      ...(heads && { heads }),
      ancestors: ancestry(name, edges),
      ...(parentHead !== undefined && { parentHead }),
      ...(parents !== undefined && { parents }),
    };
  };
  return {
    streams: streams.map((stream) => placed(stream, stream.cause.stream)),
    tiers: { known: trace, edges, others: Array.from(others, ([name, stream]) => placed(stream, name)) },
  };
}

/** With unknown heads it may turn out to. */
const asks = (stream: PlannedStream): boolean =>
  stream.cause.facts.some((fact) => !stream.heads || classifyFact(fact, stream) === 'rebuild');
