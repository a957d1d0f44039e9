import { writeFileSync } from 'node:fs';
import { counted } from '../../shared/domain/common/counted.ts';
import { UNTOUCHED_SWITCH } from '../../shared/domain/policy/kill-switch.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { policyVersion } from '../../shared/domain/policy/policy-document.ts';
import type { Arguments, CliContext, Command } from '../command.ts';
import { EXIT, UsageError } from '../errors.ts';
import { forestOf } from '../lineage/branches.ts';
import { paint, print, printJson } from '../output.ts';
import { type OldParentPorts, oldParents } from '../plan/old-parents.ts';
import { type PlanLedger, type PlanNow, planNow } from '../plan/plan-now.ts';
import { streamTree, type TreePorts, type TreeStream } from '../plan/plan-tree.ts';
import { type PreviewLedgers, previewLedger } from '../plan/preview-ledger.ts';
import { forecastLine } from '../plan/render-forecast.ts';
import { renderPlan, type ShownPlan, sumsOf } from '../plan/render-plan.ts';
import { treeSvg } from '../plan/render-svg.ts';
import { treeText } from '../plan/render-tree.ts';
import { namedAsBefore } from '../policy/kept-names.ts';
import { policyIn } from '../policy/policy-file.ts';
import { effectText } from '../policy/render-effect.ts';
import { wholeEffect } from '../policy/whole-effect.ts';

export const planCommand: Command = {
  summary: 'Shows what would be rebuilt and deployed now, and what is on hold and why. Read-only.',
  synopsis: '[--policy FILE] [--resumed] [--preview RUN] [--tree] [--svg FILE] [--all]',
  words: [0, 0],
  options: {
    policy: { type: 'string' },
    resumed: { type: 'boolean' },
    preview: { type: 'string' },
    tree: { type: 'boolean' },
    svg: { type: 'string' },
    all: { type: 'boolean' },
  },
  optionHelp: {
    'policy FILE': 'as if that policy were in force',
    resumed: 'as if Patchwave were not paused',
    'preview RUN': 'as if the results of that preview were in the ledger',
    tree: 'also show the lineage tree, with the plan for each stream',
    'svg FILE': 'write that tree as an SVG picture',
    all: 'show every stream in the tree, also those with nothing to do',
  },
  async run(context, args) {
    const connected = await context();
    const given = typeof args.flags.policy === 'string' ? await policyIn(args.flags.policy, 'validate') : undefined;
    const named = given && (await namedAsBefore(connected.policies, given));
    const policy = named?.policy;
    const { found, ...ledger } = await supposed(connected, policy, args);
    const planned = await planNow(ledger);
    const plan: ShownPlan = { ...planned, ...(await oldParents(ledger, planned)) };
    const tree = isDrawn(args) ? await streamTree(ledger, plan, (await ledger.policies.current()).policy) : undefined;
    const { svg } = args.flags;
    if (tree && typeof svg === 'string') writeSvg(svg, plan, tree, args.flags.all === true);
    const preview = found && { runId: found.runId, unseen: found.unseen };
    const change = named && (await wholeEffect(connected, named, policyVersion(named.policy)));
    if (args.json)
      printJson({
        ...plan,
        ...(change && { change }),
        ...(preview && { preview }),
        ...(tree && { tree: tree.map(streamRow) }),
      });
    else {
      if (change) print(`${effectText(change, LIST_ALL)}\n`);
      const supposition = [...suppositions(args), ...(preview ? [previewText(preview)] : [])];
      print([...supposition, pageOf(plan, tree, connected.clock(), args)].join('\n'));
    }
    return EXIT.done;
  },
};

const LIST_ALL = 'To list all: --json';

const isDrawn = ({ flags }: Arguments): boolean => flags.tree === true || typeof flags.svg === 'string';

const streamRow = ({ mark, ...stream }: TreeStream) => ({ ...stream, mark: mark.kind });

function pageOf(plan: ShownPlan, tree: readonly TreeStream[] | undefined, now: number, { flags }: Arguments): string {
  const { tree: isAsked, svg, all } = flags;
  return [
    renderPlan(plan, now),
    ...(tree && isAsked === true ? [`${paint('bold', 'Tree')}\n${treeText(forestOf(tree, all === true))}`] : []),
    ...(typeof svg === 'string' ? [`The tree was written to ${svg}.`] : []),
  ].join('\n\n');
}

/** Assumptions of the plan that are not true, or not yet. */
const suppositions = ({ flags }: Arguments): readonly string[] => [
  ...(typeof flags.policy === 'string' ? [`as if the policy of ${flags.policy} were in force`] : []),
  ...(flags.resumed === true ? ['as if Patchwave were not paused'] : []),
];

const previewText = ({ runId, unseen }: { readonly runId: string; readonly unseen: number }): string =>
  `as preview ${runId} found it${unseen > 0 ? `; the lineage of ${counted(unseen, 'image')} that no review has seen is unknown` : ''}`;

/** @throws UsageError */
function writeSvg(file: string, plan: PlanNow, tree: readonly TreeStream[], all: boolean): void {
  try {
    writeFileSync(file, treeSvg(forestOf(tree, all), [sumsOf(plan), forecastLine(plan.forecast)]));
  } catch (cause) {
    throw new UsageError(`The picture cannot be written to ${file}. Name a file in a folder that you may write to.`, {
      cause,
    });
  }
}

/** The ledger with the given policy, kill switch or preview in place of its own. */
async function supposed(
  context: CliContext,
  policy: Policy | undefined,
  { flags }: Arguments,
): Promise<PlanLedger & TreePorts & OldParentPorts & { found?: PreviewLedgers }> {
  const inForce = policy && { policy, version: policyVersion(policy), applied: [] };
  const found = typeof flags.preview === 'string' ? await previewLedger(context, flags.preview) : undefined;
  return {
    ...context,
    ...(found && { ...found, found }),
    ...(inForce && { policies: { current: async () => inForce } }),
    ...(flags.resumed === true && { killSwitch: { read: async () => UNTOUCHED_SWITCH } }),
  };
}
