import { sha256Hex } from '../common/canonical-json.ts';
import { HOUR_MS } from '../common/time.ts';
import type { Digest } from '../image/image.ts';
import type { Cluster } from '../image/usage.ts';
import type { DoorPlace } from '../policy/doors.ts';

/** Which door denied: the webhook of EKS and the gate of ECS keep an image from starting, and a task of ECS runs already. */
export const DENYING_DOORS = ['eks-webhook', 'ecs-gate', 'ecs-tasks'] as const;
export type DenyingDoor = (typeof DENYING_DOORS)[number];

/** A door denied an image. One record for each image, place and hour. */
export interface StartDenial {
  readonly door: DenyingDoor;
  readonly place: DoorPlace;
  /** As the workload names the image, in one visible line; absent if it names none. */
  readonly reference?: string;
  /** Absent if the workload names none. */
  readonly digest?: Digest;
  readonly owner?: string;
  /** The workload that asked, as its platform names it; one visible line. */
  readonly workload?: string;
  readonly ruleId: string;
  /** One line that says what to do. */
  readonly message: string;
  /** The head of the image's stream with its name, where this door lets it start. */
  readonly headToDeploy?: string;
  /** The first in its hour. */
  readonly deniedAtEpochMs: number;
}

/** The beginning of the hour in which one event tells a refusal. */
export const hourOf = ({ deniedAtEpochMs }: Pick<StartDenial, 'deniedAtEpochMs'>): number =>
  deniedAtEpochMs - (deniedAtEpochMs % HOUR_MS);

/** What tells one image from another: its digest, else its name, of any length. */
export const deniedSubject = ({ digest, reference = '' }: Pick<StartDenial, 'digest' | 'reference'>): string =>
  digest ?? `name:${sha256Hex(reference)}`;

/**
 * Of the webhook of one cluster in an hour, in one execution environment: who has its path may send reviews of any image and
 * namespace, and each record is an item and an event.
 */
export const MOST_DENIALS_AN_HOUR = 100;

/** The webhook of a cluster denied more images in an hour than are recorded. */
export class DenialsCutError extends Error {
  override readonly name = 'DenialsCutError';

  constructor({ account, region, cluster }: Cluster) {
    super(
      `The webhook of ${account}/${region}/${cluster} refused more than ${MOST_DENIALS_AN_HOUR} images in this hour, and the rest is not recorded. The log names each. If these images are none of yours, give the cluster a new path: somebody else has it.`,
    );
  }
}

/** Counts the denials of webhooks by cluster and hour. */
export class DenialsOfHour {
  readonly #counts = new Map<string, number>();
  #hour = 0;

  /** @throws DenialsCutError */
  count(denial: StartDenial): void {
    // Each of ECS is a deployment or a task that was there.
    if (denial.door !== 'eks-webhook') return;
    const hour = hourOf(denial);
    if (hour !== this.#hour) this.#counts.clear();
    this.#hour = hour;
    const { account, region, cluster } = denial.place;
    const key = `${account}/${region}/${cluster}`;
    const count = (this.#counts.get(key) ?? 0) + 1;
    if (count > MOST_DENIALS_AN_HOUR) throw new DenialsCutError(denial.place);
    this.#counts.set(key, count);
  }
}

/** A task of ECS runs an image that the door denies, or was stopped for it. One record for each task. */
export interface DeniedTask extends Cluster {
  readonly taskArn: string;
  /** `service:NAME`, `family:NAME`, or a text of a person. */
  readonly group?: string;
  /** Of the denied image; absent if ECS gives it no name. */
  readonly container?: string;
  readonly ruleId: string;
  /** One line that says what to do. */
  readonly message: string;
  readonly state: 'running' | 'stopped';
  /** The earliest instant at which it may be stopped; absent if the policy stops no task there. */
  readonly stopsAtEpochMs?: number;
}
