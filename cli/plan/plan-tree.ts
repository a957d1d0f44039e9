import { mapConcurrently } from '../../shared/concurrency.ts';
import { edgesOf } from '../../shared/domain/attribution/stream-edges.ts';
import type { AttributionInputs } from '../../shared/domain/attribution/stream-path.ts';
import type { CascadeNode } from '../../shared/domain/cause/cascade.ts';
import { compareTexts } from '../../shared/domain/common/compare-texts.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { streamRuleOf } from '../../shared/domain/stream/stream-policy.ts';
import type { StreamRecord } from '../../shared/domain/stream/stream-record.ts';
import { FleetTrace, type TracePorts } from '../../shared/planning/fleet-trace.ts';
import { type ReadImagesPorts, readImages } from '../../shared/planning/read-images.ts';
import { unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import type { StreamLedger } from '../../shared/ports/ledger.ts';
import type { PlanNow, PlannedWork, StreamOnHold } from './plan-now.ts';

type Tier = StreamRecord['tier'];

/** The plan for a stream. */
export type Mark =
  | { readonly kind: 'planned'; readonly work: PlannedWork }
  | { readonly kind: 'held'; readonly held: StreamOnHold }
  /** In an open cascade, also if its own node has ended. */
  | { readonly kind: 'in-progress'; readonly node: CascadeNode }
  | { readonly kind: 'untouched' };

/** A stream in the tree. */
export interface TreeStream {
  readonly stream: string;
  readonly tier: Tier;
  /** Parent streams of its head, in order. */
  readonly parents: readonly string[];
  readonly mark: Mark;
}

export type TreePorts = TracePorts & ReadImagesPorts & { readonly streams: Pick<StreamLedger, 'all' | 'streams'> };

const STREAMS_AT_ONCE = 16;

const TIERS: readonly Tier[] = ['base', 'platform', 'application'];

/** Every stream in the ledger or in a request: bases first, then platforms, then applications. */
export async function streamTree(ports: TreePorts, plan: PlanNow, policy: Policy): Promise<readonly TreeStream[]> {
  // Only lineage is read, not facts.
  const trace = new FleetTrace(ports, () => false);
  await trace.add(ports.streams.all());
  const marks = marksOf(plan);
  const edges = edgesOf(await withHeadless(ports, trace, marks.keys()));
  const built = new Map(plan.planned.map(({ stream, parents }) => [stream, parents]));
  const known = new Set([...trace.streams.keys(), ...marks.keys()]);
  return [...known]
    .map((stream) => ({
      stream,
      tier: trace.streams.get(stream)?.tier ?? tierIn(policy, stream),
      // An older running head may have other parents than the head.
      parents: [...new Set([...(edges.get(stream) ?? []), ...(built.get(stream) ?? [])])]
        .filter((parent) => known.has(parent))
        .sort(compareTexts),
      mark: marks.get(stream) ?? ({ kind: 'untouched' } as const),
    }))
    .sort(
      (one, other) => TIERS.indexOf(one.tier) - TIERS.indexOf(other.tier) || compareTexts(one.stream, other.stream),
    );
}

/**
 * The heads of an application are read only before it is planned. Until then its running images stand in for a head, as
 * in `planNow`; for a stream whose head was deleted, the images pushed last.
 */
async function withHeadless(ports: TreePorts, trace: FleetTrace, named: Iterable<string>): Promise<AttributionInputs> {
  const streams = new Set([...trace.streams.keys(), ...named]);
  const headless = [...streams].filter((stream) => !hasHead(trace.streams.get(stream)));
  await mapConcurrently(headless, STREAMS_AT_ONCE, async (stream) => {
    const asked = { stream, facts: [], asked: () => false, record: trace.streams.get(stream) };
    const seen = await unlessUnreadable(readImages(ports, asked), undefined);
    if (seen) trace.beginHeadless(stream, seen.lastBuilt ?? { images: seen.inUse, running: [] });
  });
  await trace.down();
  const { images, parents, lastBuilt } = trace;
  return {
    images,
    parents,
    lastBuilt,
    streams: new Map([...headless.map((stream) => [stream, {}] as const), ...trace.streams]),
  };
}

const hasHead = (record: StreamRecord | undefined): boolean => Object.keys(record?.head?.images ?? {}).length > 0;

/** A plan takes precedence over an answer, and an answer over work in progress. */
function marksOf({ planned, held, cascades }: PlanNow): ReadonlyMap<string, Mark> {
  return new Map<string, Mark>([
    ...cascades.flatMap(({ nodes }) => nodes).map((node) => [node.stream, { kind: 'in-progress', node }] as const),
    ...held.map((one) => [one.stream, { kind: 'held', held: one }] as const),
    ...planned.map((work) => [work.stream, { kind: 'planned', work }] as const),
  ]);
}

const tierIn = (policy: Policy, stream: string): Tier => streamRuleOf(policy, stream)?.tier ?? 'application';
