import { resourceOf, TEMPLATE_LISTS, type TemplateList, templateListsShowing } from './kubernetes-template.ts';
import { startListOf, type WorkloadKind } from './workload-kind.ts';

/*
 * The lists that say what may start without a deployment: those of a Kubernetes cluster, and those of an account and Region.
 */

interface EcsStartTraits {
  /** How texts name what is listed. */
  readonly text: string;
  /** What the read role must be allowed to call. */
  readonly actions: readonly string[];
}

const ECS_STARTS = {
  // A service without a task: at zero, on standby, or without a place for its tasks.
  'ecs-services': {
    text: 'services of Amazon ECS',
    actions: ['ecs:ListServices', 'ecs:DescribeServices', 'ecs:DescribeTaskDefinition'],
  },
  // Rules that run a task by a clock or by an event, also disabled ones: one switch enables them.
  'ecs-rules': {
    text: 'rules of Amazon EventBridge that run ECS tasks',
    actions: [
      'events:ListEventBuses',
      'events:ListRuleNamesByTarget',
      'events:ListTargetsByRule',
      'ecs:DescribeTaskDefinition',
    ],
  },
  'ecs-schedules': {
    text: 'schedules of Amazon EventBridge Scheduler that run ECS tasks',
    actions: ['scheduler:ListSchedules', 'scheduler:GetSchedule', 'ecs:DescribeTaskDefinition'],
  },
} as const satisfies Readonly<Record<string, EcsStartTraits>>;

export type EcsStartList = keyof typeof ECS_STARTS;
export type StartList = TemplateList | EcsStartList;

export const ECS_START_LISTS = Object.keys(ECS_STARTS) as readonly EcsStartList[];
export const START_LISTS: readonly StartList[] = [...TEMPLATE_LISTS, ...ECS_START_LISTS];

const isOfEcs = (list: StartList): list is EcsStartList => Object.hasOwn(ECS_STARTS, list);

/** How texts name what is listed. */
export const startsText = (list: StartList): string => (isOfEcs(list) ? ECS_STARTS[list].text : resourceOf(list));

/** What the read role must be allowed to call for the lists of an account and Region. */
export const actionsFor = (list: EcsStartList): readonly string[] => ECS_STARTS[list].actions;

/** The lists that may show a possible usage again. */
export const listsShowing = (workloadKind: WorkloadKind): readonly StartList[] => [
  ...templateListsShowing(workloadKind),
  ...ECS_START_LISTS.filter((list) => list === startListOf(workloadKind)),
];

/** A list of possible starts that a review could not read: some may be unknown, and the known ones have not ended. */
export interface UnreadSource {
  readonly list: StartList;
  /** The name of the error: of EKS one of `shared/ports/cluster-errors.ts`. */
  readonly error: string;
  readonly problem: string;
  readonly nextStep: string;
}

/** Why the read of a list of an account and Region failed: its role lacks a right, it is too long, or none of these. */
export type UnreadReason = 'refused' | 'too-long' | 'failed';

const NEXT_STEPS: Readonly<Record<UnreadReason, (list: EcsStartList, account: string) => string>> = {
  refused: (list, account) =>
    `Update the stack of member-account.yaml in account ${account}: its read role must be allowed ${actionsFor(list).join(', ')}.`,
  'too-long': (_, account) =>
    `Delete schedules of account ${account} that are over, have new ones delete themselves (ActionAfterCompletion), or keep its ECS clusters in an account of their own.`,
  failed: () => 'The next review reads them again.',
};

export function unreadStarts(list: EcsStartList, account: string, error: Error, reason: UnreadReason): UnreadSource {
  const { name, message } = error.cause instanceof Error ? error.cause : error;
  return {
    list,
    error: error.name,
    problem: `${name}: ${message}`,
    nextStep: NEXT_STEPS[reason](list, account),
  };
}
