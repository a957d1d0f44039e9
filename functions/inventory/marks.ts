import type { Digest } from '../../shared/domain/image/image.ts';
import type { Scope } from '../../shared/domain/review/run.ts';
import type { ImageLedger, ScopeLedger, UsageLedger } from '../../shared/ports/ledger.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import { digestsDocument, runFileKeys } from '../../shared/review/documents.ts';
import { readDocumentIfAny } from '../../shared/review/read-document.ts';
import { type ImageGroup, isInGroup } from './image-groups.ts';
import { marksToSet, type SeenGuesses, takeMarksBack } from './presence.ts';

interface MarksPorts {
  readonly images: ImageLedger;
  readonly usages: UsageLedger;
  readonly scopes: Pick<ScopeLedger, 'get' | 'change'>;
  readonly files: RunFiles;
}

/**
 * The marks of images as used in a scope. Those of an earlier attempt that recorded no usage are taken back: a crash in
 * between leaves unused images marked. Images that another scope runs stay marked.
 */
export class Marks {
  readonly #ports: MarksPorts;
  readonly #scope: Scope;
  readonly #left: readonly Digest[];
  readonly #announced: Set<Digest>;
  #isWritten = false;

  private constructor(ports: MarksPorts, scope: Scope, left: readonly Digest[]) {
    this.#ports = ports;
    this.#scope = scope;
    this.#left = left;
    this.#announced = new Set(left);
  }

  /** Reads what an earlier attempt announced. */
  static async of(ports: MarksPorts, scope: Scope): Promise<Marks> {
    const runId = (await ports.scopes.get(scope))?.markingRunId;
    if (runId === undefined) return new Marks(ports, scope, []);
    const left = await readDocumentIfAny(ports.files, runFileKeys(runId).marks(scope), digestsDocument);
    return new Marks(ports, scope, left ?? []);
  }

  /** Whether an earlier attempt may have marked an image of the group. */
  isLeftIn(group: ImageGroup): boolean {
    return this.#left.some((digest) => isInGroup(digest, group));
  }

  /**
   * Takes the marks of an earlier attempt back.
   * @param seen images of the group that run now, or whose usages are about to end: their marks stay
   */
  async takeBack(group: ImageGroup, seen: ReadonlySet<Digest>): Promise<void> {
    const unused = this.#left.filter((digest) => isInGroup(digest, group) && !seen.has(digest));
    await takeMarksBack(this.#ports, this.#scope, unused);
    for (const digest of unused) this.#announced.delete(digest);
  }

  /**
   * Records which images are about to be marked. The record of a complete reading removes this note. Until then a later
   * run can find marks without a usage. On most days there is nothing to mark and nothing to write.
   */
  async announce(runId: string, seen: Omit<SeenGuesses, 'ending'>): Promise<void> {
    const before = this.#announced.size;
    for (const digest of marksToSet(this.#scope, seen)) this.#announced.add(digest);
    if (this.#announced.size === (this.#isWritten ? before : 0)) return;
    await this.#ports.files.put(runFileKeys(runId).marks(this.#scope), [...this.#announced].sort());
    if (!this.#isWritten)
      await this.#ports.scopes.change(this.#scope, (known) => ({
        ...(known ?? { scope: this.#scope }),
        markingRunId: runId,
      }));
    this.#isWritten = true;
  }
}
