import { serviceKey } from '../../shared/domain/cause/cascade.ts';
import { serviceNameOf } from '../../shared/domain/image/workload-kind.ts';
import type { StreamRecord } from '../../shared/domain/stream/stream-record.ts';
import type { StreamLedger } from '../../shared/ports/ledger.ts';
import type { DemoResult } from './result.ts';
import type { ActResult } from './result-act.ts';

type Done = Pick<ActResult, 'answers' | 'cascades' | 'closures'>;
type StreamRow = ActResult['streams'][number];
type NodeRow = ActResult['cascades'][number]['nodes'][number];

/** The outcome of each stream at fault, in the order of the plans; unplanned streams come last. */
export async function collectStreams(
  { streams }: { readonly streams: Pick<StreamLedger, 'streams'> },
  done: Done,
  images: DemoResult['images'],
): Promise<StreamRow[]> {
  const nodes = Map.groupBy(
    done.cascades.flatMap((cascade) => cascade.nodes),
    ({ stream }) => stream,
  );
  const names = [...new Set([...nodes.keys(), ...done.answers.map(({ stream }) => stream)])];
  const records = await streams.streams(names);
  return names.map((stream) => {
    const own = nodes.get(stream) ?? [];
    const before = own.find((node) => node.before !== undefined)?.before;
    const after = own.findLast((node) => node.after !== undefined)?.after;
    return {
      ...{ stream, ...endOf(stream, own.at(-1), done), parts: partsOf(records.get(stream), after) },
      ...(before !== undefined && { before }),
      ...(after !== undefined && { after }),
      runs: runsOf(stream, images),
    };
  });
}

type End = Pick<StreamRow, 'state' | 'reason' | 'detail' | 'provenBy'>;

/** The last plan of a stream decides; an unplanned stream has the answer of the guards. */
function endOf(stream: string, node: NodeRow | undefined, { answers, closures }: Done): End {
  const answer = answers.find((one) => one.stream === stream);
  if (!node) return { state: 'on-hold', ...(answer && { reason: answer.reason, detail: answer.detail }) };
  const closure = closures.findLast((one) => one.stream === stream);
  if (isFixed(node)) {
    if (closure?.proof) return { state: 'patched', provenBy: closure.proof.runId };
    return { state: 'open', reason: 'closing', detail: closure?.waitingFor ?? 'no review has checked it yet' };
  }
  const { state, reason = state, detail = answer?.detail } = node;
  return { state: 'stopped', reason, ...(detail !== undefined && { detail }) };
}

/** Also true if somebody else fixed the head and no build was needed. */
const isFixed = ({ state, reason }: NodeRow): boolean => state === 'verified' || reason === 'head-fixed';

function partsOf(record: StreamRecord | undefined, after: string | undefined): Record<string, string> {
  const { images = {}, index } = record?.head ?? {};
  return [index, ...Object.values(images)].some((digest) => digest !== undefined && digest === after)
    ? { ...images }
    : {};
}

const runsOf = (stream: string, images: DemoResult['images']): StreamRow['runs'] =>
  images
    .filter((image) => image.stream === stream)
    .flatMap(({ digest, usages }) =>
      usages.map(({ account, region, cluster, workloadKind, workload, container, count }) => ({
        service: serviceKey({ account, region, cluster, service: serviceNameOf({ workloadKind, workload }) }),
        ...{ container, count, digest },
      })),
    );
