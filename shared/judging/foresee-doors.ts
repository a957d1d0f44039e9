import { mapConcurrently } from '../concurrency.ts';
import {
  digestsOfStarts,
  type ForeseenStart,
  foreseeStarts,
  mergedStarts,
  type PossibleStart,
} from '../domain/admission/possible-start.ts';
import { doorPlaceText } from '../domain/policy/doors.ts';
import type { Policy } from '../domain/policy/policy.ts';
import type { AdmissionReads } from '../ports/admission.ts';
import type { Clock } from '../ports/clock.ts';
import { readAdmissionRecords } from './read-admission-facts.ts';

export interface ForesightPorts extends AdmissionReads {
  readonly clock: Clock;
}

const PLACES_AT_ONCE = 4;

/**
 * What the doors of a policy would do with all that may start, by the records of the ledger: each door gets the same facts as
 * when it decides. The answers come in the order of places, workloads and references.
 */
export async function foreseeDoors(
  ports: ForesightPorts,
  policy: Policy,
  starts: Iterable<PossibleStart>,
): Promise<readonly ForeseenStart[]> {
  const places = new Map<string, PossibleStart[]>();
  for (const start of mergedStarts(starts)) {
    const key = doorPlaceText(start.place);
    const there = places.get(key);
    if (there) there.push(start);
    else places.set(key, [start]);
  }
  const nowEpochMs = ports.clock();
  const foreseen = await mapConcurrently([...places.values()], PLACES_AT_ONCE, async (there) => {
    const [first] = there;
    if (!first) return [];
    const records = await readAdmissionRecords(ports, first.place, digestsOfStarts(there));
    return foreseeStarts(there, records, policy, nowEpochMs);
  });
  return foreseen.flat();
}
