import { newlyAsked, startsImages } from '../../shared/domain/admission/asked-images.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import { pinBy, readAtDoor, TooManyImagesError, taggedIn } from '../../shared/judging/decide-at-door.ts';
import { patched } from './answer.ts';
import type { AdmissionReview } from './input.ts';
import { isMirror, MOST_IMAGES } from './review-admission.ts';
import type { ReviewedAdmission, ReviewPorts } from './reviewed.ts';

/**
 * Answers an AdmissionReview of the mutating webhook: the digest that a tag has by its last reading is written into a pod, where the
 * door writes digests and lets this image start. It refuses nothing: the validating webhook is asked about the pod as it is then, and
 * refuses a tag that is left. A reading that is too old, and counts for now, is a warning. What cannot be read changes nothing.
 * @param cluster of the API server that asks
 */
export async function pinTags(
  ports: ReviewPorts,
  cluster: Cluster,
  { request }: AdmissionReview,
): Promise<ReviewedAdmission> {
  const { uid, kind, operation, namespace, object, oldObject } = request;
  const asIs: ReviewedAdmission = { answer: patched(uid, []), decision: 'allow' };
  const isStart = operation === 'CREATE' || operation === 'UPDATE';
  // A node makes a mirror pod again if it is not as the node wrote it.
  if (startsImages(kind.group, kind.kind) !== 'pod' || !isStart || namespace === '' || isMirror(request)) return asIs;
  const asked = newlyAsked(kind.kind, object, operation === 'UPDATE' ? oldObject : undefined).filter(
    ({ field }) => pointerTo(field) !== undefined,
  );
  const references = asked.map(({ reference }) => reference);
  if (taggedIn(references).length === 0 || asked.length > MOST_IMAGES) return asIs;
  const place = { ...cluster, namespace };
  const { inTime = (work) => work, clock } = ports;
  try {
    const pinned = pinBy(await inTime(readAtDoor(ports, place, references)), place, references, clock());
    const changes = asked.flatMap(({ field }, index) => {
      const [path, value] = [pointerTo(field), pinned[index]?.reference];
      return path === undefined || value === undefined ? [] : [{ op: 'replace' as const, path, value }];
    });
    const warnings = asked.flatMap(({ field }, index) => {
      const warning = pinned[index]?.warning;
      return warning === undefined ? [] : [`${field}: ${warning}`];
    });
    return { ...asIs, answer: patched(uid, changes, warnings), pinned: changes.length };
  } catch (unread) {
    // The validating webhook refuses the pod.
    if (unread instanceof TooManyImagesError) return asIs;
    return { ...asIs, unread };
  }
}

const CONTAINER_IMAGE = /^spec\.((?:initC|c|ephemeralC)ontainers)\[(\d+)\]\.image$/;

/** The JSON Pointer to the image of a container of a pod; `undefined` for any other image. */
function pointerTo(field: string): string | undefined {
  const [, list, index] = CONTAINER_IMAGE.exec(field) ?? [];
  return list === undefined ? undefined : `/spec/${list}/${index}/image`;
}
