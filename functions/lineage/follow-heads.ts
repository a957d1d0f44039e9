import { FleetTrace } from '../../shared/cascade/fleet-trace.ts';
import { collect } from '../../shared/concurrency.ts';
import { type Behind, behindOf } from '../../shared/domain/behind.ts';
import type { Digest } from '../../shared/domain/image.ts';
import type { StreamRecord } from '../../shared/domain/records.ts';
import { sameContent } from '../../shared/domain/same-content.ts';
import type { Standing } from '../../shared/domain/standing.ts';
import { edgesOf } from '../../shared/domain/stream-edges.ts';
import type { StreamLedger } from '../../shared/ports/ledger.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import { LineageIncompleteError } from './errors.ts';
import { type AroundPorts, placeNew, readAround } from './read-around.ts';
import { type BehindStream, type MovedPorts, recordMoved } from './record-moved.ts';

export interface FollowPorts extends AroundPorts, MovedPorts {
  readonly policies: Pick<PolicyStore, 'current'>;
  readonly streams: Pick<StreamLedger, 'streams' | 'all'>;
}

/**
 * What follows from heads that moved: what the new ones stand on, and who is behind now, these streams themselves and
 * those whose heads stand on them. Whoever is has a cause. Asked twice it finds the same.
 * @throws LineageIncompleteError where something could not be read or written
 */
export async function followHeads(ports: FollowPorts, moved: readonly string[]): Promise<void> {
  const { policy } = await ports.policies.current();
  const records = await ports.streams.streams(moved);
  const heads = [...records.values()].flatMap(headImages);
  const known = [...(await ports.images.get(heads)).values()];
  const unplaced = known.filter(({ standing }) => !standing).map(({ digest }) => digest);
  if (unplaced.length > 0) await placeNew(ports, policy, await readAround(ports, policy, unplaced), unplaced);
  const trace = await traced(ports, [...records.values()]);
  const edges = edgesOf(trace);
  const concerned = [...trace.streams.values()].filter(
    ({ stream }) => records.has(stream) || [...(edges.get(stream) ?? [])].some((below) => records.has(below)),
  );
  const behind: BehindStream[] = [];
  for (const record of concerned) behind.push({ record, behind: await recordBehind(ports, trace, headImages(record)) });
  const late = behind.filter((one) => one.behind.length > 0);
  const failures = await recordMoved(ports, policy, late, (stream) => isRun(ports, stream), ports.clock());
  const [first] = failures;
  if (first) throw new LineageIncompleteError(failures.length, first.key, first.error);
}

const headImages = ({ head }: StreamRecord): readonly Digest[] => Object.values(head?.images ?? {});

/** Whoever stands on an application is asked by nobody: nothing does. */
async function traced({ streams, images }: FollowPorts, moved: readonly StreamRecord[]): Promise<FleetTrace> {
  const trace = new FleetTrace({ streams, images }, () => false);
  for (const record of moved) trace.begin([], record);
  await trace.down();
  if (moved.some(({ tier }) => tier !== 'application')) await trace.add(streams.all());
  return trace;
}

/** Of the heads of one stream; written where it changed. */
async function recordBehind(
  { images }: FollowPorts,
  { parents, images: seen, streams }: FleetTrace,
  heads: readonly Digest[],
): Promise<readonly Behind[]> {
  const found: Behind[] = [];
  for (const { digest, standing } of (await images.get(heads)).values()) {
    const behind = behindOf(digest, {
      parents,
      image: (one) => seen.get(one),
      headOf: (stream) => streams.get(stream)?.head,
    });
    if (behind) found.push(behind);
    if (!standing || sameContent(standing.behind, behind)) continue;
    await images.recordStanding(digest, (before) => before && withBehind(before, behind));
  }
  return found;
}

function withBehind({ behind: _, ...standing }: Standing, behind: Behind | undefined): Standing {
  return { ...standing, ...(behind && { behind }) };
}

async function isRun({ streamImages, images }: FollowPorts, stream: string): Promise<boolean> {
  const records = await images.get(await collect(streamImages.of(stream)));
  return [...records.values()].some((image) => image.inUse && image.stream === stream);
}
