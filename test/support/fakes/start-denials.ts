import {
  DenialsOfHour,
  type DeniedTask,
  deniedSubject,
  hourOf,
  type StartDenial,
} from '../../../shared/domain/admission/start-denial.ts';
import type { PublishedEvent } from '../../../shared/domain/outbox/published-event.ts';
import { doorPlaceText } from '../../../shared/domain/policy/doors.ts';
import { announce } from '../../../shared/events/announce.ts';
import type { StartDenialLedger } from '../../../shared/ports/denials.ts';
import { copied } from './copied.ts';

/** Denied starts, in memory. */
export class FakeStartDenials implements StartDenialLedger {
  /** What the outbox publishes about tasks. */
  readonly published: PublishedEvent[] = [];
  readonly #tasks = new Map<string, DeniedTask>();
  readonly #recorded = new Map<string, StartDenial>();
  readonly #ofHour = new DenialsOfHour();

  async record(denial: StartDenial): Promise<void> {
    const key = [denial.door, doorPlaceText(denial.place), hourOf(denial), deniedSubject(denial)].join(' ');
    if (this.#recorded.has(key)) return;
    this.#ofHour.count(denial);
    this.#recorded.set(key, copied(denial));
  }

  async recordTask(task: DeniedTask): Promise<void> {
    const before = this.#tasks.get(task.taskArn);
    this.#tasks.set(task.taskArn, copied(task));
    const [one, other] = [before, task].map((record) => record && ({ kind: 'denied-task', record } as const));
    this.published.push(...announce(one, other));
  }

  /** In the order in which they were recorded. */
  get recorded(): readonly StartDenial[] {
    return [...this.#recorded.values()];
  }
}
