import { mapConcurrently } from '../concurrency.ts';
import type { AdmissionRecords } from '../domain/admission/admission-facts.ts';
import type { DoorPolicy } from '../domain/admission/admit.ts';
import { denialsIn, type PlaceDenials } from '../domain/admission/expected-denial.ts';
import {
  digestsOfStarts,
  type ForeseenStart,
  foreseeStarts,
  mergedStarts,
  type PossibleStart,
} from '../domain/admission/possible-start.ts';
import { appliedWith } from '../domain/policy/applied-policy.ts';
import { BUILT_IN_VERSION } from '../domain/policy/built-in-policy.ts';
import { doorPlaceText } from '../domain/policy/doors.ts';
import type { AdmissionReads } from '../ports/admission.ts';
import type { Clock } from '../ports/clock.ts';
import { NoPolicyError, PolicyUnreadableError } from '../ports/errors.ts';
import type { CurrentPolicy, Policies, PolicyVersion } from '../ports/policies.ts';
import { readAdmissionRecords } from './read-admission-facts.ts';

export interface ForesightPorts extends AdmissionReads {
  readonly clock: Clock;
}

/** A policy as doors would decide by it: as it is in force, or as if it came into force now. */
export async function doorPolicyOf(
  policies: Pick<Policies, 'current'>,
  one: PolicyVersion,
  nowEpochMs: number,
): Promise<DoorPolicy> {
  const { applied } = await policyOfDoors(policies, one, nowEpochMs);
  return { policy: one.policy, applied: appliedWith(applied, one, nowEpochMs) };
}

/**
 * The policy by which doors decide now.
 * @param otherwise counts if there is none, or it cannot be read: nothing is known of those before, and in the second case nothing says
 * that an image was judged by that policy
 */
export async function policyOfDoors(
  policies: Pick<Policies, 'current'>,
  otherwise: PolicyVersion,
  nowEpochMs: number,
): Promise<CurrentPolicy> {
  try {
    return await policies.current();
  } catch (error) {
    const isUnreadable = error instanceof PolicyUnreadableError;
    if (!(isUnreadable || error instanceof NoPolicyError)) throw error;
    const version = isUnreadable ? BUILT_IN_VERSION : otherwise.version;
    return { ...otherwise, version, applied: appliedWith([], otherwise, nowEpochMs) };
  }
}

const PLACES_AT_ONCE = 4;

/**
 * What the doors of a policy would do with all that may start, by the records of the ledger: each door gets the same facts as
 * when it decides. The answers come in the order of places, workloads and references.
 */
export async function foreseeDoors(
  ports: ForesightPorts,
  policy: DoorPolicy,
  starts: Iterable<PossibleStart>,
): Promise<readonly ForeseenStart[]> {
  const nowEpochMs = ports.clock();
  const foreseen = await atEachPlace(ports, starts, (there, records) =>
    foreseeStarts(there, records, policy, nowEpochMs),
  );
  return foreseen.flat();
}

/** What the doors will refuse of what runs, and what they refuse already, in the order of places. */
export async function foreseeDenials(
  ports: ForesightPorts,
  policy: DoorPolicy,
  starts: Iterable<PossibleStart>,
): Promise<readonly PlaceDenials[]> {
  const nowEpochMs = ports.clock();
  return atEachPlace(ports, starts, (there, records) => denialsIn(there, records, policy, nowEpochMs));
}

/** Reads the records for the starts of each place, as a door does, and asks with them. */
async function atEachPlace<Answer>(
  ports: AdmissionReads,
  starts: Iterable<PossibleStart>,
  ask: (there: readonly PossibleStart[], records: AdmissionRecords) => Answer,
): Promise<readonly Answer[]> {
  const places = new Map<string, PossibleStart[]>();
  for (const start of mergedStarts(starts)) {
    const key = doorPlaceText(start.place);
    const there = places.get(key);
    if (there) there.push(start);
    else places.set(key, [start]);
  }
  const answers = await mapConcurrently([...places.values()], PLACES_AT_ONCE, async (there) => {
    const [first] = there;
    if (!first) return [];
    return [ask(there, await readAdmissionRecords(ports, first.place, digestsOfStarts(there)))];
  });
  return answers.flat();
}
