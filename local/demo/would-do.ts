import type { CliContext } from '../../cli/command.ts';
import { collect } from '../../shared/concurrency.ts';
import { mayRebuild } from '../../shared/domain/guard.ts';
import { factText } from '../../shared/domain/guard-facts.ts';
import type { Policy } from '../../shared/domain/policy.ts';
import { freshMemory } from '../../shared/domain/rebuild.ts';
import { streamPolicy } from '../../shared/domain/stream-policy.ts';
import type { ActResult } from './result-act.ts';

/**
 * What the guards would allow, did this policy decide and not the one in force. Whether the head of a stream is mended
 * already is not looked up: a cascade begins with that.
 */
export async function wouldDo(
  { causes, guards, killSwitch, clock }: Pick<CliContext, 'causes' | 'guards' | 'killSwitch' | 'clock'>,
  policy: Policy,
): Promise<ActResult['wouldDo']> {
  const open = await collect(causes.open());
  const memories = await guards.get(open.map(({ stream }) => stream));
  const state = await killSwitch.read();
  return open.flatMap(({ stream, facts }) => {
    const { mode, pipeline, rollout } = streamPolicy(policy, stream);
    const memory = memories.get(stream) ?? freshMemory(stream);
    const asked = { stream, mode, facts, memory, killSwitch: state, ancestors: [] };
    const answer = mayRebuild({ ...asked, ...(pipeline && { pipeline }) }, policy.guards, clock());
    if (answer.answer !== 'allow' || !pipeline) return [];
    const { account, region, name } = pipeline;
    return [{ stream, pipeline: `${account}/${region}/${name}`, rollout, facts: answer.facts.map(factText) }];
  });
}
