import { writeFile } from 'node:fs/promises';
import type { CliContext } from '../../cli/command.ts';
import { forestOf } from '../../cli/lineage/branches.ts';
import { planNow } from '../../cli/plan/plan-now.ts';
import { streamTree } from '../../cli/plan/plan-tree.ts';
import { forecastLine } from '../../cli/plan/render-forecast.ts';
import { sumsOf } from '../../cli/plan/render-plan.ts';
import { treeSvg } from '../../cli/plan/render-svg.ts';
import type { Cascade } from '../../shared/domain/cause/cascade.ts';
import type { Cause } from '../../shared/domain/cause/cause.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { policyVersion } from '../../shared/domain/policy/policy-document.ts';

/** The picture cannot be written to its file. */
export class PictureError extends Error {
  override readonly name = 'PictureError';
}

/**
 * Writes the picture of the plan as it was before the first cascade took it up.
 * @param policy in the place of the one in force
 * @throws PictureError
 */
export async function writePicture(file: string, context: CliContext, policy: Policy): Promise<void> {
  const before = {
    ...untaken(context),
    policies: { current: async () => ({ policy, version: policyVersion(policy), applied: [] }) },
  };
  const plan = await planNow(before);
  const tree = await streamTree(before, plan, policy);
  const svg = treeSvg(forestOf(tree, true), [sumsOf(plan), forecastLine(plan.forecast)]);
  await writeFile(file, svg).catch((cause: unknown) => {
    throw new PictureError(`The picture cannot be written to ${file}. Name a file in a folder that you may write to.`, {
      cause,
    });
  });
}

/** The ledger without the cascades that just began: their causes are open, and nothing of them is reserved. */
const untaken = ({ causes, cascades, locks, slots, ...others }: CliContext) => ({
  ...others,
  causes: {
    get: (streams: readonly string[]) => causes.get(streams),
    change: () => Promise.reject(new Error('A picture changes no cause.')),
    open: async function* (): AsyncGenerator<Cause> {
      for await (const { takenBy, ...cause } of causes.open()) {
        yield takenBy === undefined ? cause : { ...cause, state: 'open' };
      }
    },
  },
  cascades: {
    get: (cascadeId: string) => cascades.get(cascadeId),
    nodes: (cascadeId: string) => cascades.nodes(cascadeId),
    open: async function* (): AsyncGenerator<Cascade> {},
  },
  locks: { get: async () => undefined },
  slots: { held: async () => [] },
});
