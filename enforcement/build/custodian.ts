import type { Policy } from '../../shared/domain/policy/policy.ts';
import { AWS_SIDECARS } from '../../shared/domain/stream/tier.ts';
import { approvedPattern, DIGEST_PATTERN, exemptPattern, readablePattern } from './approved-pattern.ts';
import { patternOfGlob } from './cel.ts';
import { type EcsClusters, type EcsPattern, ecsClusters } from './ecs-clusters.ts';

type Filter = Readonly<Record<string, unknown>>;
type Registries = Pick<Policy, 'approvedRegistries' | 'awsManaged'>;
type Settings = Registries & Pick<Policy, 'doors' | 'mode' | 'modes' | 'streams'>;

/** A tag by which Cloud Custodian remembers when a task may be stopped. */
const MARK = 'patchwave-stop';

const value = (key: string, op: string, expected: string): Filter => ({ type: 'value', key, op, value: expected });
/** Letter case counts: the operator `regex` of Cloud Custodian ignores it. */
const matches = (key: string, pattern: string): Filter => value(key, 'regex-case', pattern);
const not = (...filters: readonly Filter[]): Filter => ({ not: filters });

/** A container whose reference the policy refuses. Containers that AWS adds to a task have no image. */
function refusedContainer(policy: Registries, requireDigest: boolean): Filter {
  const sidecar = {
    and: [
      { type: 'value', key: 'image', value: 'absent' },
      matches('name', `^(?:${AWS_SIDECARS.map(patternOfGlob).join('|')})$`),
    ],
  };
  const approved = matches('image', approvedPattern(policy) ?? `${readablePattern}.*$`);
  const good = requireDigest ? { and: [approved, matches('image', `.*${DIGEST_PATTERN}`)] } : approved;
  const exempt = exemptPattern(policy);
  return not({ or: [sidecar, ...(exempt === undefined ? [] : [matches('image', exempt)]), good] });
}

const containers = (key: string, container: Filter): Filter => ({ type: 'list-item', key, attrs: [container] });

const inClusters = ({ anyOf }: EcsClusters): Filter => ({ or: anyOf.map(inPattern) });

function inPattern({ matches: pattern, except }: EcsPattern): Filter {
  const filters = [matches('clusterArn', pattern), ...except.map((one) => not(matches('clusterArn', one)))];
  return filters.length === 1 ? (filters[0] ?? {}) : { and: filters };
}

const running = value('lastStatus', 'eq', 'RUNNING');

/** Cloud Custodian cannot tell tiers, owners and streams apart, so it stops nothing where one of them has a stricter mode. */
const mayStop = ({ mode, modes: { tiers, owners }, streams }: Settings): boolean =>
  [mode, ...Object.values({ ...tiers }), ...Object.values({ ...owners }), ...streams.map((rule) => rule.mode)].every(
    (one) => one === undefined || one === 'enforce',
  );

/** Without the accounts in which Patchwave may only report. */
function held({ modes: { accounts = {} } }: Settings): readonly Filter[] {
  const ids = Object.keys(accounts).filter((account) => accounts[account] !== 'enforce');
  return ids.length === 0 ? [] : [not(matches('clusterArn', `^arn:[^:]+:ecs:[^:]+:(?:${ids.sort().join('|')}):`))];
}

function ofClusters(policy: Settings, clusters: EcsClusters, index: number): readonly object[] {
  const { mode, requireDigest, stopTasksAfterMinutes } = clusters.door;
  if (mode === 'off') return [];
  const refused = containers('containers', refusedContainer(policy, requireDigest));
  const here = [inClusters(clusters), running, refused];
  const name = (what: string): string => `patchwave-${what}-${index + 1}`;
  const report = {
    name: name('report'),
    resource: 'aws.ecs-task',
    description: `Running tasks with a container image that the policy refuses (mode ${mode}).`,
    filters: here,
  };
  if (mode !== 'deny' || stopTasksAfterMinutes === undefined || !mayStop(policy)) return [report];
  const stoppable = [...here, ...held(policy)];
  const marked = { type: 'marked-for-op', tag: MARK, op: 'stop' };
  return [
    report,
    {
      name: name('mark'),
      resource: 'aws.ecs-task',
      description: `Marks such a task, to be stopped at the earliest ${stopTasksAfterMinutes} minutes later.`,
      filters: [...stoppable, { [`tag:${MARK}`]: 'absent' }],
      actions: [{ type: 'mark-for-op', tag: MARK, op: 'stop', hours: Math.ceil(stopTasksAfterMinutes / 60) }],
    },
    {
      name: name('stop'),
      resource: 'aws.ecs-task',
      description: 'Stops a marked task whose time is over, if the policy still refuses one of its images.',
      filters: [...stoppable, marked],
      actions: ['stop'],
    },
  ];
}

/**
 * Policies of Cloud Custodian for Amazon ECS. They know references alone: registry and digest. Nothing is stopped unless
 * `stopTasks` of the policy says so, and its mode lets Patchwave act.
 */
export function custodianPolicies(policy: Settings): { readonly policies: readonly object[] } {
  const { doors } = policy;
  const groups = doors ? ecsClusters(doors) : [];
  const requireDigest = groups.some(({ door }) => door.mode !== 'off' && door.requireDigest);
  const isAnyOn = groups.some(({ door }) => door.mode !== 'off');
  const definitions = {
    name: 'patchwave-definitions',
    resource: 'aws.ecs-task-definition',
    description: 'Active task definitions with a container image that the policy refuses in some cluster.',
    filters: [containers('containerDefinitions', refusedContainer(policy, requireDigest))],
  };
  return {
    policies: [
      ...groups.flatMap((clusters, index) => ofClusters(policy, clusters, index)),
      ...(isAnyOn ? [definitions] : []),
    ],
  };
}
