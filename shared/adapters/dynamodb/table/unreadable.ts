import { compareTexts } from '../../../domain/common/compare-texts.ts';
import type { UnreadableItem } from '../../../domain/common/unreadable-item.ts';
import type { UnreadableItems } from '../../../ports/unreadable.ts';
import { nameOf } from './item-change.ts';
import type { Key } from './keys.ts';

/** Notes the items of one table that cannot be read. */
export class NotedItems implements UnreadableItems {
  readonly #noted = new Map<string, UnreadableItem>();

  note({ PK, SK }: Key, problem: string): void {
    const stream = streamIn({ PK, SK });
    this.#noted.set(nameOf({ PK, SK }), {
      item: `${PK} / ${SK}`,
      ...(stream !== undefined && { stream }),
      problem,
    });
  }

  items(): readonly UnreadableItem[] {
    return [...this.#noted.values()].sort((one, other) => compareTexts(one.item, other.item));
  }

  clear(): void {
    this.#noted.clear();
  }
}

const NODE = 'NODE#';

function streamIn({ PK, SK }: Key): string | undefined {
  for (const prefix of ['STREAM#', 'CAUSE#']) if (PK.startsWith(prefix)) return PK.slice(prefix.length);
  return PK.startsWith('CASCADE#') && SK.startsWith(NODE) ? SK.slice(NODE.length) : undefined;
}
