import { type PlanLedger, planNow } from '../../cli/plan/plan-now.ts';
import { factText } from '../../shared/domain/guard/guard-facts.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { policyVersion } from '../../shared/domain/policy/policy-document.ts';
import { streamPolicy } from '../../shared/domain/stream/stream-policy.ts';
import { isOwnFault } from './reason-words.ts';
import type { ActResult } from './result-act.ts';

/** Plans by the given policy in place of the one in force. */
export async function wouldDo(context: PlanLedger, policy: Policy): Promise<ActResult['wouldDo']> {
  const inForce = { policy, version: policyVersion(policy), applied: [] };
  const { planned } = await planNow({ ...context, policies: { current: async () => inForce } });
  return planned.flatMap(({ stream, work, wave, parents, facts }) => {
    const { pipeline, rollout } = streamPolicy(policy, stream);
    if (!pipeline) return [];
    const { account, region, name } = pipeline;
    return [
      {
        ...{ stream, work, wave, parents: [...parents], rollout },
        atFault: work === 'rebuild' && parents.length === 0 && isOwnFault(facts),
        pipeline: `${account}/${region}/${name}`,
        facts: facts.map(factText),
      },
    ];
  });
}
