import { onlyParentHead, parentsKey } from '../../shared/domain/attribution/parent-heads.ts';
import type { Headed } from '../../shared/domain/attribution/root-cause.ts';
import { ancestry, edgesOf } from '../../shared/domain/attribution/stream-edges.ts';
import type { AttributionInputs } from '../../shared/domain/attribution/stream-path.ts';
import type { GuardInputs } from '../../shared/domain/guard/guard.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { FleetTrace } from '../../shared/planning/fleet-trace.ts';
import { readImages } from '../../shared/planning/read-images.ts';
import type { DispatchPorts } from './ports.ts';

export interface NodeLineage extends Pick<GuardInputs, 'ancestors' | 'parentHead' | 'parents'> {
  /** Ancestors of the stream's heads, with the heads of their streams. */
  readonly known: AttributionInputs;
  /** Absent if the ledger has no such stream. */
  readonly heads?: NonNullable<Headed['heads']>;
}

/**
 * Reads what a stream is built on now, as the planner does. Without a head, its last pushed images decide.
 * @param outputs of streams rebuilt in earlier waves
 * @param builds whether Patchwave ever rebuilds a stream (`isEverBuilt`)
 */
export async function lineageOf(
  ports: Pick<DispatchPorts, 'streams' | 'images' | 'streamImages' | 'rebuilds' | 'clock'>,
  stream: string,
  outputs: ReadonlyMap<string, Digest>,
  builds: (stream: string) => boolean,
): Promise<NodeLineage> {
  const record = (await ports.streams.streams([stream])).get(stream);
  const trace = new FleetTrace(ports, () => true, builds);
  if (!record) return { ancestors: [], known: trace };
  trace.begin([], record);
  if (Object.keys(record.head?.images ?? {}).length === 0) {
    const { lastBuilt } = await readImages(ports, { stream, facts: [], asked: () => true, record });
    if (lastBuilt) trace.beginHeadless(stream, lastBuilt);
  }
  await trace.down();
  const heads = Object.values(record.head?.images ?? {}).map((digest) => trace.images.get(digest) ?? { digest });
  const parentHead = onlyParentHead({ stream, heads }, trace, outputs);
  const parents = parentsKey({ stream, heads }, trace, outputs);
  return {
    ancestors: ancestry(stream, edgesOf(trace)),
    ...(parentHead !== undefined && { parentHead }),
    ...(parents !== undefined && { parents }),
    known: trace,
    heads,
  };
}
