import type { ForeseenStart, PossibleStart, StartOutcome } from '../../shared/domain/admission/possible-start.ts';
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
  /** They start with a warning until their grace ends with this policy, and without one by the policy in force. */
  readonly graced: readonly ForeseenStart[];
  /** How many the policy in force refuses, too. */
  readonly refusedAlready: number;
  /** Where this policy denies or requires a digest, and the one in force does not, and what runs is not known. */
  readonly unknownStarts: readonly UnknownStarts[];
}

/**
 * @param before the policy in force; absent if there is none, or it cannot be read
 * @param imagesNext the images as they are judged with this policy
 */
export async function policyRefusals(
  ports: DoorsPorts,
  before: CurrentPolicy | undefined,
  next: PolicyVersion,
  imagesNext: DoorsPorts['images'] = ports.images,
): Promise<PolicyRefusals> {
  const { policy } = next;
  const doors = before?.policy ?? {};
  const denies = (area: DoorArea): boolean => mayDeny(policy, area);
  const refusesThereNewly = (area: DoorArea): boolean => denies(area) && mayRefuseNewly(policy, doors, area);
  const running = await readRunningStarts(ports, { area: denies, cluster: denies, scopes: policy.scopes });
  const inForceNext = await doorPolicyOf(ports.policies, next, ports.clock());
  const then = await foreseeDoors({ ...ports, images: imagesNext }, inForceNext, running.starts);
  const [refused, graced] = (['refused', 'in-grace'] as const).map((one) =>
    then.filter(({ outcome }) => outcome === one),
  );
  const now = before ? await foreseeDoors(ports, before, [...(refused ?? []), ...(graced ?? [])]) : [];
  const wasAt = new Map(now.map((start) => [keyOf(start), start.outcome] as const));
  const refusals = (refused ?? []).filter((start) => wasAt.get(keyOf(start)) !== 'refused');
  return {
    refusals,
    graced: (graced ?? []).filter((start) => !STRICT.has(wasAt.get(keyOf(start)))),
    refusedAlready: (refused ?? []).length - refusals.length,
    unknownStarts: [
      ...running.unknown.filter(({ place }) => refusesThereNewly(areaOf(place))),
      ...unidentifiedIn(running.scopes, new Set(), {
        ...{ area: denies, cluster: denies, scopes: policy.scopes },
        place: (place) => refusesNewly(policy, doors, place),
      }),
    ],
  };
}

/** With these the policy in force has said as much, or more. */
const STRICT: ReadonlySet<StartOutcome | undefined> = new Set(['in-grace', 'refused', 'only-warned'] as const);

const keyOf = ({ place, workloadKind, workload, reference }: PossibleStart): string =>
  JSON.stringify([doorPlaceText(place), workloadKind, workload, reference ?? null]);

/** @param scope as from `keyOfScope`; that of the list of EKS clusters is about all of them */
function areaOf(scope: string): DoorArea {
  if (scope === EVERYWHERE) return {};
  const { account, region, eksCluster } = parseScopeKey(scope);
  return { account, region, ...(eksCluster !== undefined && eksCluster !== '*' && { cluster: eksCluster }) };
}
