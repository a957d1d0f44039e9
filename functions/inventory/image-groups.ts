import type { Digest } from '../../shared/domain/image/image.ts';
import type { Scratch, ScratchFolder } from '../../shared/ports/scratch.ts';

/** Of 100,000 entries each group has about 3,000. */
const GROUPS = 32;

/** The last digits spread images evenly, because a digest is a hash. */
const groupOf = (digest: Digest): number => Number.parseInt(digest.slice(-4), 16) % GROUPS;

/** Images that are processed together; `folder` is absent if every entry is in memory. */
export interface ImageGroup {
  readonly numbers: readonly number[];
  readonly folder?: ScratchFolder;
}

export const isInGroup = (digest: Digest, { numbers }: ImageGroup): boolean => numbers.includes(groupOf(digest));

/**
 * Collects the entries of a scope and returns them in groups, so that memory stays constant: all entries of an image are
 * in one group, in the order in which they came. Few entries stay in memory and are one group.
 */
export class ImageGroups {
  readonly #scratch: Scratch;
  readonly #sets: GroupedSet<unknown>[] = [];
  #folder: ScratchFolder | undefined;

  private constructor(scratch: Scratch) {
    this.#scratch = scratch;
  }

  /** Deletes what is stored after `task`, also if that fails. */
  static async with<Result>(scratch: Scratch, task: (groups: ImageGroups) => Promise<Result>): Promise<Result> {
    const groups = new ImageGroups(scratch);
    try {
      return await task(groups);
    } finally {
      await groups.#folder?.remove();
    }
  }

  /** A set of entries; each name is used once. */
  set<Entry>(name: string, digestOf: (entry: Entry) => Digest): GroupedSet<Entry> {
    const set = new GroupedSet(name, digestOf, () => this.#storeIfFull());
    this.#sets.push(set as GroupedSet<unknown>);
    return set;
  }

  /** The groups, once all sets are complete. */
  async groups(): Promise<readonly ImageGroup[]> {
    const numbers = Array.from({ length: GROUPS }, (_, number) => number);
    const folder = this.#folder;
    if (!folder) return [{ numbers }];
    await this.#store(folder);
    return numbers.map((number) => ({ numbers: [number], folder }));
  }

  async #storeIfFull(): Promise<void> {
    const held = this.#sets.reduce((sum, { size }) => sum + size, 0);
    if (held <= this.#scratch.mostHeld) return;
    this.#folder ??= await this.#scratch.open();
    await this.#store(this.#folder);
  }

  async #store(folder: ScratchFolder): Promise<void> {
    for (const set of this.#sets) await set.storeIn(folder);
  }
}

export class GroupedSet<Entry> {
  readonly #name: string;
  readonly #digestOf: (entry: Entry) => Digest;
  readonly #storeIfFull: () => Promise<void>;
  #held = new Map<number, Entry[]>();
  #size = 0;

  constructor(name: string, digestOf: (entry: Entry) => Digest, storeIfFull: () => Promise<void>) {
    this.#name = name;
    this.#digestOf = digestOf;
    this.#storeIfFull = storeIfFull;
  }

  /** Entries in memory. */
  get size(): number {
    return this.#size;
  }

  async add(entries: Iterable<Entry> | AsyncIterable<Entry>): Promise<void> {
    for await (const entry of entries) {
      const group = groupOf(this.#digestOf(entry));
      const held = this.#held.get(group);
      if (held) held.push(entry);
      else this.#held.set(group, [entry]);
      this.#size += 1;
      await this.#storeIfFull();
    }
  }

  /** The entries of a group of `groups()`. */
  async of({ numbers, folder }: ImageGroup): Promise<readonly Entry[]> {
    if (!folder) return numbers.flatMap((number) => this.#held.get(number) ?? []);
    const lists: Entry[][] = [];
    for (const number of numbers) lists.push((await folder.read(this.#listOf(number))) as Entry[]);
    return lists.flat();
  }

  async storeIn(folder: ScratchFolder): Promise<void> {
    for (const [number, entries] of this.#held) await folder.append(this.#listOf(number), entries);
    this.#held = new Map();
    this.#size = 0;
  }

  #listOf = (number: number): string => `${this.#name}-${number}`;
}
