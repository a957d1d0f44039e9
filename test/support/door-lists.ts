import { admitUntil } from '../../shared/domain/admission/admit.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { type DoorPlace, doorAt, doorPlaceText } from '../../shared/domain/policy/doors.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import {
  type AllowedImages,
  type AllowedImagesPorts,
  type GraceInCluster,
  listAllowedImages,
} from '../../shared/judging/list-allowed-images.ts';
import { admissionFactsIn, readAdmissionRecords } from '../../shared/judging/read-admission-facts.ts';
import type { AdmissionReads } from '../../shared/ports/admission.ts';

export interface ListedDoorPorts extends AllowedImagesPorts, Omit<AdmissionReads, 'places'> {
  readonly running: AllowedImagesPorts['running'] & AdmissionReads['running'];
}

/** `allow`, `deny`, or `until <end of the grace> (<rule>)`. */
type Answer = string;

/**
 * What the webhook answers, and what a door answers by a published list, for each digest at each place: by
 * `<digest> in <cluster>/<namespace>`.
 * @param policy approves every registry
 */
export async function answersOfDoors(
  ports: ListedDoorPorts,
  policy: Policy,
  places: readonly (DoorPlace & { readonly namespace: string })[],
  digests: readonly Digest[],
): Promise<{
  readonly ofWebhook: Readonly<Record<string, Answer>>;
  readonly ofList: Readonly<Record<string, Answer>>;
}> {
  const clusters = new Map(
    places.map(({ account, region, cluster }) => [
      doorPlaceText({ account, region, cluster }),
      { account, region, cluster },
    ]),
  );
  const list = await listAllowedImages(ports, { policy, applied: [] }, [...clusters.values()]);
  const ofWebhook: Record<string, Answer> = {};
  const ofList: Record<string, Answer> = {};
  for (const place of places) {
    const known = admissionFactsIn(await readAdmissionRecords(ports, place, digests), policy, digests);
    const asked = {
      door: { ...doorAt(policy, place), mode: 'deny' as const },
      known,
      policy,
      nowEpochMs: ports.clock(),
    };
    const graced = list.gracedIn(place);
    for (const digest of digests) {
      const key = `${digest} in ${place.cluster}/${place.namespace}`;
      const { admission, graceEndsAtEpochMs } = admitUntil(`registry.example/image@${digest}`, asked);
      const { decision } = admission;
      ofWebhook[key] = decision === 'warn' ? `until ${graceEndsAtEpochMs} (${admission.ruleId})` : decision;
      ofList[key] = listed(list, graced.get(digest), digest, place.namespace);
    }
  }
  return { ofWebhook, ofList };
}

function listed(
  { allowed }: AllowedImages,
  grace: GraceInCluster | undefined,
  digest: Digest,
  namespace: string,
): Answer {
  if (allowed.has(digest)) return 'allow';
  return grace?.namespaces.includes(namespace) ? `until ${grace.untilEpochMs} (${grace.ruleId})` : 'deny';
}
