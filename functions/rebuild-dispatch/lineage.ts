import { FleetTrace } from '../../shared/cascade/fleet-trace.ts';
import type { GuardFacts } from '../../shared/domain/guard.ts';
import type { Digest } from '../../shared/domain/image.ts';
import { ancestry, edgesOf, parentHeadOf } from '../../shared/domain/stream-edges.ts';
import type { DispatchPorts } from './ports.ts';

/**
 * What a stream stands on now.
 * @param outputs of streams that were rebuilt in the waves before
 */
export async function lineageOf(
  ports: Pick<DispatchPorts, 'streams' | 'images'>,
  stream: string,
  outputs: ReadonlyMap<string, Digest>,
): Promise<Pick<GuardFacts, 'ancestors' | 'parentHead'>> {
  const record = (await ports.streams.streams([stream])).get(stream);
  if (!record) return { ancestors: [] };
  // What any of them holds is not asked.
  const trace = new FleetTrace(ports, () => false);
  trace.begin([], record);
  await trace.down();
  const edges = edgesOf(trace);
  const [parent = ''] = edges.get(stream) ?? [];
  const known = parentHeadOf(stream, edges, trace);
  const parentHead = known && (outputs.get(parent) ?? known);
  return { ancestors: ancestry(stream, edges), ...(parentHead !== undefined && { parentHead }) };
}
