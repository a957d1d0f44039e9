import type { NodeAnswer } from '../../shared/domain/cause/node-answer.ts';
import { compareTexts } from '../../shared/domain/common/compare-texts.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { streamRuleOf } from '../../shared/domain/stream/stream-policy.ts';
import type { ReadPlanPorts } from '../../shared/planning/read-plan.ts';
import type { ImageIndex } from '../../shared/ports/ledger.ts';
import {
  type AgeRootPorts,
  lastingObstacle,
  type OldByAncestor,
  oldByAncestor,
  readAgeRoots,
} from '../acting/age-roots.ts';
import type { PlanNow } from './plan-now.ts';

/** A stream that must be rebuilt before images in use are no longer too old because of an ancestor. */
export interface OldParentStream {
  readonly stream: string;
  readonly owner?: string;
  /** Its heads that are too old; empty if it has none. */
  readonly heads: readonly Digest[];
  /** The number of images in use that wait for it, and of streams that make them. */
  readonly images: number;
  readonly streams: number;
  /** What the plan does with it; `none`: it has no open cause. */
  readonly plan: 'planned' | 'held' | 'in-progress' | 'none';
  /** Why it is not rebuilt: the answer of the plan, or what would keep Patchwave from it. */
  readonly answer?: NodeAnswer;
}

export interface OldParents {
  readonly oldParents: readonly OldParentStream[];
  /** Images in use that are too old because of an ancestor, and for which the stream is not known. */
  readonly oldParentUnknown: number;
}

export type OldParentPorts = AgeRootPorts &
  Pick<ReadPlanPorts, 'policies' | 'killSwitch' | 'guards'> & { readonly index: Pick<ImageIndex, 'withVerdict'> };

/** The age of an ancestor is no cause of the streams above it, so these images are in no plan by themselves. */
export async function oldParents(ports: OldParentPorts, plan: PlanNow): Promise<OldParents> {
  const old: OldByAncestor[] = [];
  for await (const digests of ports.index.withVerdict('violating'))
    for (const image of (await ports.images.get(digests)).values()) {
      const one = oldByAncestor(image);
      if (one) old.push(one);
    }
  if (old.length === 0) return { oldParents: [], oldParentUnknown: 0 };
  const { found, streams } = await readAgeRoots(ports, old);
  const waiting = new Map<string, { heads: readonly Digest[]; images: number; streams: Set<string> }>();
  for (const { root, stream } of found) {
    const [first] = root.kind === 'rebuild' ? root.path : [];
    if (root.kind !== 'rebuild' || first === undefined) continue;
    const known = waiting.get(first) ?? { heads: root.heads, images: 0, streams: new Set<string>() };
    known.images += 1;
    known.heads = [...new Set([...known.heads, ...root.heads])];
    if (stream !== undefined) known.streams.add(stream);
    waiting.set(first, known);
  }
  const { policy } = await ports.policies.current();
  const answers = await answersFor(ports, [...waiting.keys()], plan, policy);
  const rows = Array.from(waiting, ([stream, one]): OldParentStream => {
    // A stream whose head was never recorded has no record; its rule names the owner too.
    const owner = streams.get(stream)?.owner ?? streamRuleOf(policy, stream)?.owner;
    const { heads, images } = one;
    const known = { stream, heads, images, streams: one.streams.size, ...(answers.get(stream) ?? { plan: 'none' }) };
    return { ...known, ...(owner !== undefined && { owner }) };
  });
  return {
    oldParents: rows.sort((one, other) => other.images - one.images || compareTexts(one.stream, other.stream)),
    oldParentUnknown: found.filter(({ root }) => root.kind === 'pending').length,
  };
}

type Answered = Pick<OldParentStream, 'plan' | 'answer'>;

async function answersFor(
  { killSwitch, guards, clock }: OldParentPorts,
  streams: readonly string[],
  { planned, held, cascades }: PlanNow,
  policy: Policy,
): Promise<ReadonlyMap<string, Answered>> {
  const known = new Map<string, Answered>([
    ...cascades.flatMap(({ nodes }) => nodes).map(({ stream }) => [stream, { plan: 'in-progress' }] as const),
    ...held.map(({ stream, facts: _, ...answer }) => [stream, { plan: 'held', answer }] as const),
    ...planned.map(({ stream }) => [stream, { plan: 'planned' }] as const),
  ]);
  const others = streams.filter((stream) => !known.has(stream));
  if (others.length === 0) return known;
  const [state, histories] = await Promise.all([killSwitch.read(), guards.get(others)]);
  for (const stream of others) {
    const answer = lastingObstacle(stream, state, policy, { history: histories.get(stream), nowEpochMs: clock() });
    known.set(stream, { plan: 'none', ...(answer && { answer }) });
  }
  return known;
}
