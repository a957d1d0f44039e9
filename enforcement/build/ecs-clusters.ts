import { type Door, type Doors, doorAt } from '../../shared/domain/policy/doors.ts';
import { escapedPattern } from './cel.ts';

/** ECS clusters for which the policy says the same. */
export interface EcsClusters {
  readonly door: Door;
  /** Regular expressions of the ARNs of clusters: one of them matches a cluster of the group, and none of `except`. */
  readonly anyOf: readonly EcsPattern[];
}

/** One rule of the policy, without the clusters of the rules before it. */
export interface EcsPattern {
  readonly matches: string;
  readonly except: readonly string[];
}

/** The clusters by what the doors of the policy do there, in the order of the rules. A rule with namespaces names none. */
export function ecsClusters(doors: Doors): readonly EcsClusters[] {
  const rules = doors.rules.filter(({ namespaces }) => namespaces === undefined);
  const groups = new Map<string, { door: Door; anyOf: EcsPattern[] }>();
  const before: string[] = [];
  for (const rule of [...rules, undefined]) {
    const matches = arnPattern(rule);
    const door = doorOf(doors, rule);
    const key = JSON.stringify(door);
    const group = groups.get(key) ?? { door, anyOf: [] };
    group.anyOf.push({ matches, except: [...before] });
    groups.set(key, group);
    before.push(matches);
    if (rule && !rule.accounts && !rule.regions && !rule.clusters) break;
  }
  return [...groups.values()];
}

/** The settings of a rule, as `doorAt` finds them for a place that it names first. */
const doorOf = (doors: Doors, rule: Doors['rules'][number] | undefined): Door => {
  const { accounts: _, regions: __, clusters: ___, ...everywhere } = rule ?? { mode: doors.mode };
  return doorAt({ doors: { ...doors, rules: rule ? [everywhere] : [] } }, { account: '', region: '', cluster: '' });
};

const anyOf = (texts: readonly string[] | undefined, anything: string): string =>
  texts === undefined
    ? anything
    : `(?:${[...new Set(texts)]
        .sort()
        .map((text) => patternOf(text))
        .join('|')})`;

const patternOf = (text: string): string => text.split('*').map(escapedPattern).join('.*');

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html */
const arnPattern = (rule: Doors['rules'][number] | undefined): string =>
  `^arn:[^:]+:ecs:${anyOf(rule?.regions, '[^:]+')}:${anyOf(rule?.accounts, '[0-9]+')}:cluster/${anyOf(rule?.clusters, '.*')}$`;
