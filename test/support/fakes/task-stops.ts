import type { TaskStop } from '../../../shared/domain/admission/task-stop.ts';
import { sameContent } from '../../../shared/domain/common/same-content.ts';
import type { TaskStops } from '../../../shared/ports/doors.ts';
import { copied } from './copied.ts';

/** Stops of denied tasks, in memory. */
export class FakeTaskStops implements TaskStops {
  readonly #stops = new Map<string, TaskStop>();

  get all(): readonly TaskStop[] {
    return [...this.#stops.values()];
  }

  async add(stop: TaskStop): Promise<void> {
    const before = this.#stops.get(stop.taskArn);
    if (before && before.deniedAtEpochMs <= stop.deniedAtEpochMs) return;
    this.#stops.set(stop.taskArn, copied({ ...before, ...stop }));
  }

  async *waiting(): AsyncIterable<TaskStop> {
    const inOrder = this.all.toSorted((one, other) => (one.taskArn < other.taskArn ? -1 : 1));
    for (const stop of inOrder) yield copied(stop);
  }

  async change(before: TaskStop, after: TaskStop): Promise<boolean> {
    const stored = this.#stops.get(before.taskArn);
    if (!stored || !sameContent(stored, before)) return false;
    this.#stops.set(before.taskArn, copied(after));
    return true;
  }

  async remove({ taskArn }: TaskStop): Promise<void> {
    this.#stops.delete(taskArn);
  }
}
