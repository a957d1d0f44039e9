import { type DoorPlace, doorPlaceText } from '../../../shared/domain/policy/doors.ts';
import type { NamespaceReads } from '../../../shared/ports/namespaces.ts';

/** Namespaces of clusters, in memory. */
export class FakeNamespaces implements NamespaceReads {
  readonly annotations = new Map<string, string>();
  /** Reads that fail. */
  failure: Error | undefined;
  reads = 0;

  set(place: Required<DoorPlace>, annotation: string | undefined): void {
    if (annotation === undefined) this.annotations.delete(doorPlaceText(place));
    else this.annotations.set(doorPlaceText(place), annotation);
  }

  async breakGlassOf(place: Required<DoorPlace>): Promise<string | undefined> {
    this.reads += 1;
    if (this.failure) throw this.failure;
    return this.annotations.get(doorPlaceText(place));
  }
}
