import { compareTexts } from '../../shared/domain/common/compare-texts.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { streamRuleOf } from '../../shared/domain/stream/stream-policy.ts';
import type { CliContext } from '../command.ts';

/** A stream that would lose its rule while Patchwave works on it. */
export interface LeavingStream {
  readonly stream: string;
  readonly work: readonly ('cause' | 'build' | 'closure')[];
}

type Ledger = Pick<CliContext, 'causes' | 'locks' | 'rollouts'>;

/**
 * Streams with an open cause, build or closure that no rule would name any more.
 * @param before absent if the policy in force cannot be read: then each stream may have had a rule
 */
export async function leavingStreams(
  { causes, locks, rollouts }: Ledger,
  before: Policy | undefined,
  next: Policy,
): Promise<readonly LeavingStream[]> {
  const found = new Map<string, Set<LeavingStream['work'][number]>>();
  const add = (stream: string, work: LeavingStream['work'][number]): void => {
    if (streamRuleOf(next, stream) || (before && !streamRuleOf(before, stream))) return;
    found.set(stream, (found.get(stream) ?? new Set()).add(work));
  };
  for await (const { stream } of causes.open()) add(stream, 'cause');
  for await (const page of locks.all()) for (const { stream } of page) add(stream, 'build');
  for await (const { stream } of rollouts.openClosures()) add(stream, 'closure');
  return [...found]
    .map(([stream, work]) => ({ stream, work: [...work] }))
    .sort((one, other) => compareTexts(one.stream, other.stream));
}
