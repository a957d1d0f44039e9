import type { Platform } from '../image/image.ts';

/** The platform of an image without a known platform. */
export const UNKNOWN_PLATFORM: Platform = 'unknown/unknown';

/** Operating system and architecture: an image can only copy files from one with others, not be built on it. */
export function machineOf({ platform = UNKNOWN_PLATFORM }: { readonly platform?: Platform }): string {
  const slash = platform.indexOf('/', platform.indexOf('/') + 1);
  return slash < 0 ? platform : platform.slice(0, slash);
}

/** `v8` is all that 64-bit ARM ever was, and `v1` all that amd64 began with: builders write or omit them as they like. */
const IMPLIED = /(?<=\/arm64)\/v8$|(?<=\/amd64)\/v1$/;

export const withoutImplied = (platform: Platform): Platform => platform.replace(IMPLIED, '') as Platform;

function variantOf(platform: Platform): number | undefined {
  const number = /^v(\d+)/.exec(platform.split('/')[2] ?? '')?.[1];
  return number === undefined ? undefined : Number(number);
}

interface Machine<Group> {
  readonly all: Group[];
  /** Images without a variant number, in their order. */
  readonly unnumbered: Group[];
  /** The later variants first; of equal ones in their order. */
  readonly numbered: { readonly variant: number; readonly group: Group }[];
  readonly byPlatform: Map<Platform, Group[]>;
}

/**
 * The maximum number of variants searched. No architecture has as many, and a pusher may write any number of them.
 * https://github.com/opencontainers/image-spec/blob/main/image-index.md
 */
const MOST_VARIANTS = 32;

/** Groups of images by variant, sorted once, so that a lookup for a child takes logarithmic time. */
export class Variants<Group extends { readonly platform: Platform }> {
  readonly #machines = new Map<string, Machine<Group>>();

  constructor(groups: Iterable<Group>) {
    for (const group of groups) this.#machineOf(group.platform).all.push(group);
    for (const machine of this.#machines.values()) {
      for (const group of machine.all) {
        const { platform } = group;
        const same = machine.byPlatform.get(platform);
        if (same) same.push(group);
        else machine.byPlatform.set(platform, [group]);
        const variant = variantOf(platform);
        if (variant === undefined) machine.unnumbered.push(group);
        else machine.numbered.push({ variant, group });
      }
      machine.numbered.sort((one, other) => other.variant - one.variant);
    }
  }

  /**
   * The images that the child's machine can run: its own variant first, then those without a variant on either side,
   * then earlier ones, nearest first. Lazy: each image costs one step.
   */
  *suitedTo({ platform: given = UNKNOWN_PLATFORM }: { readonly platform?: Platform }): Generator<Group, undefined> {
    const platform = withoutImplied(given);
    const machine = this.#machines.get(machineOf({ platform }));
    if (!machine) return;
    yield* machine.byPlatform.get(platform) ?? [];
    const own = variantOf(platform);
    for (const group of own === undefined ? machine.all : machine.unnumbered)
      if (group.platform !== platform) yield group;
    if (own === undefined) return;
    for (let at = firstBelow(machine.numbered, own); at < machine.numbered.length; at += 1) {
      const next = machine.numbered[at];
      if (next) yield next.group;
    }
  }

  /** The first of `suitedTo`, at most `MOST_VARIANTS`. */
  bestFor(child: { readonly platform?: Platform }): readonly Group[] {
    return this.suitedTo(child).take(MOST_VARIANTS).toArray();
  }

  #machineOf(platform: Platform): Machine<Group> {
    const name = machineOf({ platform });
    const known = this.#machines.get(name);
    if (known) return known;
    const machine = { all: [], unnumbered: [], numbered: [], byPlatform: new Map() };
    this.#machines.set(name, machine);
    return machine;
  }
}

/** The position of the first earlier variant, by binary search. */
function firstBelow(numbered: readonly { readonly variant: number }[], own: number): number {
  let [low, high] = [0, numbered.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((numbered[middle]?.variant ?? 0) >= own) low = middle + 1;
    else high = middle;
  }
  return low;
}
