import { type Admission, admit, digestsToRead } from '../domain/admission/admit.ts';
import { type DoorPlace, doorAt } from '../domain/policy/doors.ts';
import type { AdmissionReads, BreakGlassReads } from '../ports/admission.ts';
import type { Clock } from '../ports/clock.ts';
import type { Policies } from '../ports/policies.ts';
import { admissionFactsIn, readAdmissionRecords } from './read-admission-facts.ts';

export interface DoorPorts extends AdmissionReads {
  readonly policies: Pick<Policies, 'current'>;
  /** Absent where the place knows no break-glass. */
  readonly exceptions?: BreakGlassReads;
  readonly clock: Clock;
}

/**
 * Decides whether images may start at a place, in the order of the references, by the policy in force. The policy, the
 * records and a break-glass are read in one batch, and the images of indexes in a second one.
 * @param references as the workload names them
 * @throws NoPolicyError, PolicyUnreadableError, or what a read throws; the caller then refuses, or lets start what its mode says
 */
export async function decideAtDoor(
  ports: DoorPorts,
  place: DoorPlace,
  references: readonly (string | undefined)[],
): Promise<readonly Admission[]> {
  const digests = digestsToRead(references);
  const [{ policy }, records, breakGlass] = await Promise.all([
    ports.policies.current(),
    readAdmissionRecords(ports, place, digests),
    ports.exceptions?.breakGlassOf(place),
  ]);
  const known = admissionFactsIn(records, policy, digests);
  const admitting = { door: doorAt(policy, place), known, policy, breakGlass, nowEpochMs: ports.clock() };
  return references.map((reference) => admit(reference, admitting));
}
