import type { Admission } from '../domain/admission/admit.ts';
import type { ContainersDecision } from '../domain/admission/door-question.ts';
import { DOOR_RULES } from '../domain/admission/door-rules.ts';
import type { ContainerImage } from '../domain/admission/ecs-images.ts';
import { namedFailure } from '../domain/common/failure-text.ts';
import { visibleLine } from '../domain/common/visible-text.ts';
import { type Door, type DoorMode, type DoorPlace, doorAt } from '../domain/policy/doors.ts';
import { AskedImages, type DoorPorts, decideAtDoor, isExemptBy, TooManyImagesError } from './decide-at-door.ts';

/** The decision with the reference that it is about; absent if it is about all of them, or the container names none. */
export type ContainersDecided = ContainersDecision & { readonly reference?: string };

/**
 * Decides whether containers of ECS may start at a place. What cannot be decided is refused where the door denies, or where
 * its mode is unknown; elsewhere it is a warning. What cannot be read is a warning also where the policy lets it start. Never
 * throws.
 */
export async function decideContainers(
  ports: DoorPorts,
  place: DoorPlace,
  images: readonly ContainerImage[],
): Promise<ContainersDecided> {
  if (images.length === 0) return undecided(ports, place, 'no container is known');
  const asked = new AskedImages();
  try {
    return await strictestDecision(ports, place, images, asked);
  } catch (error) {
    if (await areExempt(ports, images)) return { decision: 'allow' };
    return undecided(ports, place, failed(error), { isUnread: asked.areFew });
  }
}

/** Images of AWS need no record. `false` if the policy cannot be read. */
const areExempt = ({ policies }: Pick<DoorPorts, 'policies'>, images: readonly ContainerImage[]): Promise<boolean> =>
  policies.current().then(
    ({ policy }) => images.every(({ reference }) => isExemptBy(policy, reference)),
    () => false,
  );

/** The same for containers that are known. @throws as `decideAtDoor` does, but too many images are a decision */
export async function strictestDecision(
  ports: DoorPorts,
  place: DoorPlace,
  images: readonly ContainerImage[],
  asked?: AskedImages,
): Promise<ContainersDecided> {
  const references = images.map(({ reference }) => reference);
  try {
    return strictestOf(images, await decideAtDoor(ports, place, references, asked));
  } catch (error) {
    if (error instanceof TooManyImagesError) return undecided(ports, place, failed(error));
    throw error;
  }
}

/** The decision where the containers are not known. @param problem why; one clause */
export async function undecided(
  { policies }: Pick<DoorPorts, 'policies'>,
  place: DoorPlace,
  problem: string,
  { isUnread = false } = {},
): Promise<ContainersDecision> {
  const { mode, onUnreachable, why } = await modeAt(policies, place);
  const ruleId = DOOR_RULES.decided;
  const message = `Patchwave cannot decide whether the images may start (${ruleId}): ${visibleLine(why ?? problem)}`;
  const isOpen = isUnread && onUnreachable === 'allow';
  return { decision: (mode === 'deny' && !isOpen) || mode === 'unknown' ? 'deny' : 'warn', ruleId, message };
}

async function modeAt(
  policies: DoorPorts['policies'],
  place: DoorPlace,
): Promise<Partial<Pick<Door, 'onUnreachable'>> & { readonly mode: DoorMode | 'unknown'; readonly why?: string }> {
  try {
    return doorAt((await policies.current()).policy, place);
  } catch (error) {
    return { mode: 'unknown', why: failed(error) };
  }
}

function strictestOf(images: readonly ContainerImage[], admissions: readonly Admission[]): ContainersDecided {
  for (const wanted of ['deny', 'warn'] as const) {
    const index = admissions.findIndex(({ decision }) => decision === wanted);
    const admission = admissions[index];
    const { container, reference } = images[index] ?? {};
    if (admission && admission.decision !== 'allow')
      return {
        ...admission,
        ...(container !== undefined && { container: visibleLine(container) }),
        ...(reference !== undefined && { reference }),
      };
  }
  return { decision: 'allow' };
}

function failed(failure: unknown): string {
  const { error, detail } = namedFailure(failure);
  return `${error}: ${detail}`;
}
