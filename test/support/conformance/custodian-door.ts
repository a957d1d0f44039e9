import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parse as parseYaml } from 'yaml';
import { buildFiles, NoDoorsError } from '../../../enforcement/build/build-files.ts';
import { inVenv } from '../../../scripts/setup.mjs';
import type { ConformanceCase } from './cases.ts';
import type { ConformanceDoor } from './doors.ts';

/** Of the door, in the matrix and in not-expressed.yaml. */
export const CUSTODIAN = 'custodian';

interface CustodianPolicy {
  readonly name: string;
  readonly description: string;
}

/** The shipped policies for the cluster; none if no door of the policy does anything. */
function shipped({ situation, place: { account, region, cluster } }: ConformanceCase): readonly CustodianPolicy[] {
  try {
    const files = buildFiles(situation.policy, { clusters: [{ account, region, cluster }], shardCount: 1 });
    const text = files.get('ecs/custodian.yaml');
    return text === undefined ? [] : parseYaml(text).policies;
  } catch (error) {
    if (error instanceof NoDoorsError) return [];
    throw error;
  }
}

const SCRIPT = fileURLToPath(new URL('custodian.py', import.meta.url));

/** The ids of the running tasks that each policy finds. */
type Found = Readonly<Record<string, readonly string[]>>;

function filtered(policies: readonly CustodianPolicy[], cases: readonly ConformanceCase[]): Found {
  const resources = cases.map(({ id, task, place: { account, region, cluster } }) => ({
    ...{ taskArn: id, clusterArn: `arn:aws:ecs:${region}:${account}:cluster/${cluster}`, lastStatus: 'RUNNING' },
    ...{ containers: task?.containerDefinitions, tags: [] },
  }));
  const input = JSON.stringify({ policies, resources });
  return JSON.parse(execFileSync(inVenv('custodian', 'python'), [SCRIPT], { input, encoding: 'utf8' }));
}

/**
 * Cloud Custodian with the shipped policies, over tasks that run. It finds what the policy refuses, and says no rule.
 * @param cases all that may be asked: those of one policy are filtered at once, because a start takes seconds
 */
export function custodianDoor(cases: readonly ConformanceCase[]): ConformanceDoor {
  const known = new Map<string, Found>();
  const foundBy = (policies: readonly CustodianPolicy[]): Found => {
    const key = JSON.stringify(policies);
    const before = known.get(key);
    if (before) return before;
    const same = cases.filter((one) => one.task !== undefined && JSON.stringify(shipped(one)) === key);
    const found = filtered(policies, same);
    known.set(key, found);
    return found;
  };
  return {
    name: CUSTODIAN,
    can: ({ task }) => task !== undefined,
    async decide(one) {
      const policies = shipped(one);
      const found = policies.length === 0 ? {} : foundBy(policies);
      const modes = policies
        .filter(({ name }) => found[name]?.includes(one.id))
        .flatMap(({ description }) => /\(mode (\w+)\)/.exec(description)?.[1] ?? []);
      return { decision: modes.includes('deny') ? 'deny' : modes.includes('warn') ? 'warn' : 'allow' };
    },
    rule: () => undefined,
  };
}
