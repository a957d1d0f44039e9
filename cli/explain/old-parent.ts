import type { AgeRoot } from '../../shared/domain/attribution/age-root.ts';
import type { CascadeNode } from '../../shared/domain/cause/cascade.ts';
import type { NodeAnswer } from '../../shared/domain/cause/node-answer.ts';
import type { RebuildHistory } from '../../shared/domain/cause/rebuild.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { KillSwitch } from '../../shared/domain/policy/kill-switch.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import type { StreamRecord } from '../../shared/domain/stream/stream-record.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { type AgeRootPorts, lastingObstacle, oldByAncestor, readAgeRoots } from '../acting/age-roots.ts';
import type { CurrentAnswer, CurrentCause } from '../acting/current-answer.ts';

/** Why an image that is too old because of an ancestor stays so, and what must happen. */
export interface OldParent {
  /** The ancestor whose age counts. */
  readonly decidedBy: Digest;
  /** As in `AgeRoot`. */
  readonly kind: AgeRoot['kind'];
  /** What must be rebuilt, the lowest first; for `deploy` the stream with the newer head. */
  readonly steps: readonly StreamStep[];
  /** For `pending`: what is not known yet. */
  readonly images: readonly Digest[];
  readonly streams: readonly string[];
  /** Whether Patchwave rebuilds the streams above when a lower one has a new head; absent without a policy. */
  readonly followParents?: boolean;
}

/** One stream to rebuild, and what Patchwave does with it now. */
export interface StreamStep extends StreamState {
  readonly stream: string;
  readonly tier?: StreamRecord['tier'];
  readonly owner?: string;
  /** Its heads that are too old; for `deploy`, the newer ones. Empty for the streams above the lowest. */
  readonly heads: readonly Digest[];
}

export interface StreamState {
  /** `none`: no open cause, so Patchwave does not rebuild it by itself now. */
  readonly cause: 'open' | 'taken' | 'none';
  /** The planner's answer for its open cause. */
  readonly answer?: CurrentAnswer;
  /** Its node in the cascade that works on it. */
  readonly node?: CascadeNode;
  /** Without an answer: why the policy, the switch or earlier rebuilds do not let Patchwave rebuild it. */
  readonly obstacle?: NodeAnswer;
}

/** What the ledger has of one stream. */
export interface StreamKnown {
  readonly cause?: CurrentCause;
  readonly node?: CascadeNode;
  readonly history?: RebuildHistory;
  readonly killSwitch: KillSwitch;
}

/**
 * What must happen first for an image that violates its age limit because of an ancestor; `undefined` if it does not.
 * @param stateOf reads what the ledger has of a stream
 * @param policy absent if none can be read: then obstacles of the policy are left out
 */
export async function oldParentOf(
  ports: AgeRootPorts,
  image: ImageRecord,
  stateOf: (stream: string) => Promise<StreamKnown>,
  policy: Policy | undefined,
): Promise<OldParent | undefined> {
  const old = oldByAncestor(image);
  if (!old) return undefined;
  const { found, streams } = await readAgeRoots(ports, [old]);
  const [first] = found;
  if (!first) return undefined;
  const { root, decidedBy } = first;
  const path = root.kind === 'rebuild' ? root.path : root.kind === 'deploy' ? [root.stream] : [];
  const nowEpochMs = ports.clock();
  return {
    decidedBy,
    kind: root.kind,
    steps: await Promise.all(
      path.map(async (stream, at) => {
        const { tier, owner } = streams.get(stream) ?? {};
        const state = stateIn(stream, await stateOf(stream), policy, nowEpochMs);
        const heads = at === 0 && 'heads' in root ? root.heads : [];
        return { stream, ...(tier && { tier }), ...(owner !== undefined && { owner }), heads, ...state };
      }),
    ),
    ...(root.kind === 'pending' ? { images: root.images, streams: root.streams } : { images: [], streams: [] }),
    ...(policy && { followParents: policy.caps.followParents }),
  };
}

function stateIn(
  stream: string,
  { cause, node, history, killSwitch }: StreamKnown,
  policy: Policy | undefined,
  nowEpochMs: number,
): StreamState {
  const state: StreamState['cause'] = cause && cause.state !== 'closed' ? cause.state : 'none';
  const known = { cause: state, ...(node && { node }) };
  if (state === 'taken') return known;
  if (state === 'open' && cause?.answer) return { ...known, answer: cause.answer };
  if (!policy) return known;
  const obstacle = lastingObstacle(stream, killSwitch, policy, { history, nowEpochMs });
  return obstacle ? { ...known, obstacle } : known;
}
