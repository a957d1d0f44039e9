import type { DoorPolicy } from '../../shared/domain/admission/admit.ts';
import type { ForeseenStart, PossibleStart } from '../../shared/domain/admission/possible-start.ts';
import {
  type DoorArea,
  doorPlaceText,
  mayDeny,
  mayRefuseNewly,
  refusesNewly,
} from '../../shared/domain/policy/doors.ts';
import { parseScopeKey } from '../../shared/domain/review/run.ts';
import { doorPolicyOf, foreseeDoors } from '../../shared/judging/foresee-doors.ts';
import type { CurrentPolicy, PolicyVersion } from '../../shared/ports/policies.ts';
import type { DoorsPorts } from '../doors/check-doors.ts';
import { EVERYWHERE, readRunningStarts, type UnknownStarts, unidentifiedIn } from '../doors/read-starts.ts';

/** What the doors of a policy would refuse of what runs, by recorded verdicts. */
export interface PolicyRefusals {
  /** Refused with this policy, and not by the one in force. */
  readonly refusals: readonly ForeseenStart[];
  /** How many the policy in force refuses, too. */
  readonly refusedAlready: number;
  /** Where this policy denies or requires a digest, and the one in force does not, and what runs is not known. */
  readonly unknownStarts: readonly UnknownStarts[];
}

/** @param before the policy in force; absent if there is none, or it cannot be read */
export async function policyRefusals(
  ports: DoorsPorts,
  before: CurrentPolicy | undefined,
  next: PolicyVersion,
): Promise<PolicyRefusals> {
  const { policy } = next;
  const doors = before?.policy ?? {};
  const denies = (area: DoorArea): boolean => mayDeny(policy, area);
  const refusesThereNewly = (area: DoorArea): boolean => denies(area) && mayRefuseNewly(policy, doors, area);
  const running = await readRunningStarts(ports, { area: denies, cluster: denies, scopes: policy.scopes });
  const refused = await refusedBy(ports, await doorPolicyOf(ports.policies, next, ports.clock()), running.starts);
  const already = new Set(before ? (await refusedBy(ports, before, refused)).map(keyOf) : []);
  return {
    refusals: refused.filter((start) => !already.has(keyOf(start))),
    refusedAlready: already.size,
    unknownStarts: [
      ...running.unknown.filter(({ place }) => refusesThereNewly(areaOf(place))),
      ...unidentifiedIn(running.scopes, new Set(), {
        ...{ area: denies, cluster: denies, scopes: policy.scopes },
        place: (place) => refusesNewly(policy, doors, place),
      }),
    ],
  };
}

async function refusedBy(
  ports: DoorsPorts,
  policy: DoorPolicy,
  starts: readonly PossibleStart[],
): Promise<readonly ForeseenStart[]> {
  return (await foreseeDoors(ports, policy, starts)).filter(({ outcome }) => outcome === 'refused');
}

const keyOf = ({ place, workloadKind, workload, reference }: PossibleStart): string =>
  JSON.stringify([doorPlaceText(place), workloadKind, workload, reference ?? null]);

/** @param scope as from `keyOfScope`; that of the list of EKS clusters is about all of them */
function areaOf(scope: string): DoorArea {
  if (scope === EVERYWHERE) return {};
  const { account, region, eksCluster } = parseScopeKey(scope);
  return { account, region, ...(eksCluster !== undefined && eksCluster !== '*' && { cluster: eksCluster }) };
}
