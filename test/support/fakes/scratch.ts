import type { Scratch, ScratchFolder } from '../../../shared/ports/scratch.ts';

/** Entries as JSON in memory. It holds few, so that steps use it in small scopes too. */
export class FakeScratch implements Scratch {
  readonly mostHeld: number;
  /** Folders that are not removed yet. */
  readonly folders = new Set<ScratchFolder>();
  opened = 0;

  constructor(mostHeld = 3) {
    this.mostHeld = mostHeld;
  }

  async open(): Promise<ScratchFolder> {
    this.opened += 1;
    const lists = new Map<string, string[]>();
    const folder: ScratchFolder = {
      append: async (name, entries) => {
        lists.set(name, [...(lists.get(name) ?? []), ...entries.map((entry) => JSON.stringify(entry))]);
      },
      read: async (name) => (lists.get(name) ?? []).map((text) => JSON.parse(text) as unknown),
      remove: async () => {
        lists.clear();
        this.folders.delete(folder);
      },
    };
    this.folders.add(folder);
    return folder;
  }
}
