import type { BuildRepository } from '../builds/registry.ts';
import type { FleetImage } from './schema.ts';

/** One place an image was pushed to, with the tags and the day of that push. */
export interface SeededPush extends BuildRepository {
  readonly tags: readonly string[];
  readonly pushedDaysAgo: number;
}

export function placeKey(place: BuildRepository): string {
  return `${place.account}/${place.region}/${place.repository}`;
}

/** Every push of an image: its home first, then its copies in file order. */
export function pushesOf(image: FleetImage): SeededPush[] {
  const { account, region, repository, tags, pushedDaysAgo } = image;
  const copies = image.copies.map((copy) => ({ ...copy, pushedDaysAgo: copy.pushedDaysAgo ?? pushedDaysAgo }));
  return [{ account, region, repository, tags, pushedDaysAgo }, ...copies];
}

interface Holder {
  readonly image: string;
  readonly pushedDaysAgo: number;
}

/** Which image each tag of each repository stood for, at any time: a push of a tag takes it from its former holder. */
export class SeededTagHistory {
  readonly #holders = new Map<string, Holder[]>();

  constructor(images: readonly FleetImage[]) {
    for (const image of images) {
      for (const push of pushesOf(image)) {
        for (const tag of push.tags) this.#add(push, tag, { image: image.name, pushedDaysAgo: push.pushedDaysAgo });
      }
    }
    for (const holders of this.#holders.values()) holders.sort((a, b) => b.pushedDaysAgo - a.pushedDaysAgo);
  }

  /** Handle of the image that held the tag so many days ago; undefined when none did yet. */
  holder(place: BuildRepository, tag: string, daysAgo: number): string | undefined {
    const holders = this.#holders.get(`${placeKey(place)}:${tag}`) ?? [];
    return holders.findLast((holder) => holder.pushedDaysAgo >= daysAgo)?.image;
  }

  /** Handles of all images that ever held the tag, oldest push first. */
  everHeld(place: BuildRepository, tag: string): string[] {
    return (this.#holders.get(`${placeKey(place)}:${tag}`) ?? []).map((holder) => holder.image);
  }

  #add(place: BuildRepository, tag: string, holder: Holder): void {
    const key = `${placeKey(place)}:${tag}`;
    const holders = this.#holders.get(key);
    if (holders === undefined) this.#holders.set(key, [holder]);
    else holders.push(holder);
  }
}
