import type { Policy } from '../../shared/domain/policy/policy.ts';
import { streamId, streamRulesOf } from '../../shared/domain/stream/stream.ts';
import type { PlanPorts } from './ports.ts';

/**
 * Has the repositories looked at that were pushed to while no policy could be read: no head of theirs moved, and no review lists
 * those of applications. Asked first and removed then: a planner that dies between the two asks again.
 */
export async function askForLateHeads(
  { lateHeads, refreshes }: Pick<PlanPorts, 'lateHeads' | 'refreshes'>,
  policy: Policy,
): Promise<void> {
  for await (const late of lateHeads.all()) {
    const lines = new Set(streamRulesOf(policy, late.location).flatMap(({ headTags }) => headTags));
    await refreshes.send([...lines].map((headTag) => ({ kind: 'refresh', stream: streamId(late.location, headTag) })));
    await lateHeads.remove(late);
  }
}
