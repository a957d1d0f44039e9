import { DatabaseSync } from 'node:sqlite';
import type { Digest } from '../shared/domain/image/image.ts';
import type { ImageProperties } from '../shared/domain/image/image-properties.ts';
import type { UnreadUsage, Usage } from '../shared/domain/image/usage.ts';
import { usageKey } from '../shared/domain/image/usage.ts';
import { keyOfScope, type Scope, scopeOf } from '../shared/domain/review/run.ts';
import type { ImageRecord } from '../shared/domain/verdict/image-record.ts';
import { withGuess, withProperties } from '../shared/domain/verdict/image-updates.ts';
import { ImageNotRecordedError } from '../shared/ports/errors.ts';
import type { ImageLedger, UsageLedger } from '../shared/ports/ledger.ts';

type State = 'live' | 'left' | 'ended';

const PAGE_SIZE = 500;

/** Usages and images on the disk: in DynamoDB they are not in the memory of a function either. */
export class DiskLedgers {
  readonly #database: DatabaseSync;
  readonly #called: () => void;

  /** @param called runs at each call and page */
  constructor(path: string, called: () => void) {
    this.#called = called;
    this.#database = new DatabaseSync(path);
    this.#database.exec(`
      PRAGMA synchronous = OFF;
      PRAGMA journal_mode = OFF;
      CREATE TABLE usages (name TEXT PRIMARY KEY, scope TEXT, digest TEXT, state TEXT, document TEXT);
      CREATE INDEX by_scope ON usages (scope, state, name);
      CREATE INDEX by_digest ON usages (digest, state);
      CREATE TABLE images (digest TEXT PRIMARY KEY, document TEXT);
    `);
  }

  close(): void {
    this.#database.close();
  }

  /** What the inventory uses of the ledger of usages. */
  usages(): UsageLedger {
    const put = (state: State) => async (usages: readonly Usage[]) => this.#putUsages(usages, state);
    const all = (scope: Scope, state: 'live' | 'left') => this.#inScope(scope, state);
    return {
      live: (scope) => all(scope, 'live'),
      left: (scope) => all(scope, 'left'),
      all: (scope, state): AsyncIterable<Usage | UnreadUsage> => all(scope, state),
      async *digests(scope, state) {
        for await (const { digest } of all(scope, state)) yield digest;
      },
      record: put('live'),
      end: put('ended'),
      leave: put('left'),
      ofImage: async (digest) => this.#ofImage(digest, 'live'),
      leftOfImage: async (digest) => this.#ofImage(digest, 'left'),
      async *endedSince() {},
    };
  }

  /** What the inventory uses of the ledger of images. */
  images(): Pick<ImageLedger, 'get' | 'recordProperties' | 'recordPresence' | 'recordGuess'> {
    const change = (digest: Digest, over: (record: ImageRecord) => ImageRecord | undefined): void => {
      const before = this.#image(digest);
      if (!before) throw new ImageNotRecordedError(digest);
      const after = over(before);
      if (after) this.#putImage(after);
    };
    return {
      get: async (digests) => {
        this.#called();
        const known = digests.flatMap((digest) => this.#image(digest) ?? []);
        this.#called();
        return new Map(known.map((record) => [record.digest, record]));
      },
      recordProperties: async (properties: ImageProperties, over) =>
        this.#putImage(withProperties(this.#image(properties.digest), properties, over)),
      recordPresence: async (digest, presence) => change(digest, (record) => ({ ...record, ...presence })),
      recordGuess: async (digest, scope, workload) => change(digest, (record) => withGuess(record, scope, workload)),
    };
  }

  #putUsages(usages: readonly Usage[], state: State): void {
    this.#called();
    const put = this.#database.prepare('INSERT OR REPLACE INTO usages VALUES (?, ?, ?, ?, ?)');
    for (const usage of usages)
      put.run(usageKey(usage), keyOfScope(scopeOf(usage)), usage.digest, state, JSON.stringify(usage));
  }

  async *#inScope(scope: Scope, state: State): AsyncIterable<Usage> {
    const select = this.#database.prepare(
      'SELECT name, document FROM usages WHERE scope = ? AND state = ? AND name > ? ORDER BY name LIMIT ?',
    );
    let last = '';
    for (;;) {
      const page = select.all(keyOfScope(scope), state, last, PAGE_SIZE) as { name: string; document: string }[];
      this.#called();
      for (const { document } of page) yield JSON.parse(document) as Usage;
      const end = page.at(-1)?.name;
      if (end === undefined) return;
      last = end;
    }
  }

  #ofImage(digest: Digest, state: State): Usage[] {
    const select = this.#database.prepare('SELECT document FROM usages WHERE digest = ? AND state = ?');
    return (select.all(digest, state) as { document: string }[]).map(({ document }) => JSON.parse(document) as Usage);
  }

  #image(digest: Digest): ImageRecord | undefined {
    const row = this.#database.prepare('SELECT document FROM images WHERE digest = ?').get(digest);
    return row && (JSON.parse((row as { document: string }).document) as ImageRecord);
  }

  #putImage(record: ImageRecord): void {
    const put = this.#database.prepare('INSERT OR REPLACE INTO images VALUES (?, ?)');
    put.run(record.digest, JSON.stringify(record));
  }
}
