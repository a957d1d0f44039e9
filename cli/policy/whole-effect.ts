import type { Policy } from '../../shared/domain/policy/policy.ts';
import { foreseeReview } from '../../shared/judging/foresee-images.ts';
import type { CliContext } from '../command.ts';
import { type PlanNow, planNow } from '../plan/plan-now.ts';
import type { NamedPolicy } from './kept-names.ts';
import { type LeavingStream, leavingStreams } from './leaving-streams.ts';
import { effectOf, imagesForeseen, type PolicyEffect } from './policy-change.ts';
import { type PolicyDiff, policyDiff, policyDoubts } from './policy-diff.ts';
import { policyNow } from './policy-now.ts';
import { type PolicyRefusals, policyRefusals } from './policy-refusals.ts';

/** A rebuild or deployment that one of two policies would start now, by the causes that are recorded. */
export interface WorkOfPolicy {
  readonly stream: string;
  readonly work: 'rebuild' | 'deploy';
  /** The rules of its causes. */
  readonly rules: readonly string[];
}

export interface WholeEffect extends PolicyEffect, PolicyRefusals {
  readonly diff: PolicyDiff;
  /** Head tags that go on with the streams of another one. */
  readonly renamed: NamedPolicy['renamed'];
  /** Would lose their rule with open work. */
  readonly leaving: readonly LeavingStream[];
  /** Would start with the policy, and not without it. */
  readonly starts: readonly WorkOfPolicy[];
  /** Would start now, and no longer with the policy. */
  readonly stops: readonly WorkOfPolicy[];
  /** Why `starts` and `stops` are not known; absent if they are. */
  readonly problem?: string;
}

/** What changes if a policy is put in force. Reads only. */
export async function wholeEffect(
  context: CliContext,
  { policy, renamed }: NamedPolicy,
  version: string,
): Promise<WholeEffect> {
  const before = await policyNow(context);
  const streams: string[] = [];
  for await (const { stream } of context.streams.all()) streams.push(stream);
  const foreseen = await foreseeReview(context, { policy, version }, before?.policy);
  const effect = await effectOf(context, policy, foreseen);
  return {
    ...effect,
    warnings: [...effect.warnings, ...policyDoubts(policy, context.clock())],
    diff: policyDiff(before?.policy, policy, streams),
    renamed,
    leaving: await leavingStreams(context, before?.policy, policy),
    ...(await policyRefusals(
      context,
      before,
      { policy, version },
      imagesForeseen(async () => foreseen),
    )),
    ...(await workChange(context, before !== undefined, { policy, version })),
  };
}

async function workChange(
  context: CliContext,
  isReadable: boolean,
  next: { readonly policy: Policy; readonly version: string },
): Promise<Pick<WholeEffect, 'starts' | 'stops' | 'problem'>> {
  try {
    const then = workOf(await planNow({ ...context, policies: { current: async () => ({ ...next, applied: [] }) } }));
    const now = isReadable ? workOf(await planNow(context)) : [];
    return { starts: without(then, now), stops: without(now, then) };
  } catch (error) {
    if (!(error instanceof Error && error.name === 'AccessDeniedException')) throw error;
    return { starts: [], stops: [], problem: `Your role may not read what a plan needs: ${error.message}` };
  }
}

const workOf = ({ planned }: PlanNow): readonly WorkOfPolicy[] =>
  planned.map(({ stream, work, facts }) => ({ stream, work, rules: [...new Set(facts.map(({ ruleId }) => ruleId))] }));

function without(some: readonly WorkOfPolicy[], others: readonly WorkOfPolicy[]): readonly WorkOfPolicy[] {
  const known = new Set(others.map(({ stream, work }) => `${work} ${stream}`));
  return some.filter(({ stream, work }) => !known.has(`${work} ${stream}`));
}
