import type { TaskStop } from '../../../domain/admission/task-stop.ts';
import { sameContent } from '../../../domain/common/same-content.ts';
import type { TaskStops } from '../../../ports/doors.ts';
import * as keys from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** Denied tasks that wait for their stop: one item each, in one partition, which a sweep reads as a whole. */
export class DynamoTaskStops implements TaskStops {
  readonly #table: LedgerTable;
  readonly #stops: StoredRecords<TaskStop>;

  constructor(table: LedgerTable) {
    this.#table = table;
    this.#stops = new StoredRecords(table, 'task-stop');
  }

  async add(stop: TaskStop): Promise<void> {
    await this.#stops.change(keys.taskStop(stop), (before) =>
      before && before.deniedAtEpochMs <= stop.deniedAtEpochMs ? undefined : { ...before, ...stop },
    );
  }

  waiting(): AsyncIterable<TaskStop> {
    return this.#stops.below(keys.TASK_STOPS);
  }

  async change(before: TaskStop, after: TaskStop): Promise<boolean> {
    let isChanged = false;
    await this.#stops.change(keys.taskStop(before), (stored) => {
      isChanged = stored !== undefined && sameContent(stored, before);
      return isChanged ? after : undefined;
    });
    return isChanged;
  }

  async remove(stop: TaskStop): Promise<void> {
    await this.#table.delete(keys.taskStop(stop));
  }
}
