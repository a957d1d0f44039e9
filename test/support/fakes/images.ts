import { imageContent } from '../../../shared/adapters/dynamodb/table/items.ts';
import { ageOf, type LineageChange } from '../../../shared/domain/age/image-lineage.ts';
import { sameContent } from '../../../shared/domain/common/same-content.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { ImageProperties } from '../../../shared/domain/image/image-properties.ts';
import { resultAtEpochMs } from '../../../shared/domain/scan/scan-state.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import {
  withChangedJudgement,
  withGuess,
  withJudgement,
  withLineage,
  withProperties,
  withReconfirmation,
  withUnreadResult,
} from '../../../shared/domain/verdict/image-updates.ts';
import { ImageNotRecordedError, LedgerItemsRefusedError } from '../../../shared/ports/errors.ts';
import type {
  ChainLedger,
  ImageIndex,
  ImageLedger,
  Judgement,
  Reconfirmations,
  ScanClaim,
} from '../../../shared/ports/ledger.ts';
import { itemSize, MOST_ITEM_BYTES, mayBeTooLarge } from '../item-size.ts';
import { FakeContentLedger } from './contents.ts';
import { copied } from './copied.ts';
import { frozen } from './frozen.ts';

/** Images in memory. Every write of a record that differs counts in `writes`. */
export class FakeImageLedger implements ImageLedger, ImageIndex, ChainLedger, Reconfirmations {
  readonly records = new Map<Digest, ImageRecord>();
  readonly #askers = new Map<Digest, string>();
  readonly #contents: Pick<FakeContentLedger, 'imagesOf'>;
  writes = 0;

  /** @param contents by which images are found where their layers were packed anew */
  constructor(contents: Pick<FakeContentLedger, 'imagesOf'> = new FakeContentLedger()) {
    this.#contents = contents;
  }

  async get(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, ImageRecord>> {
    const known = new Map<Digest, ImageRecord>();
    for (const digest of digests) {
      const record = this.records.get(digest);
      if (record) known.set(digest, { ...record });
    }
    return known;
  }

  async imagesOf(chains: readonly string[]): Promise<readonly Digest[]> {
    const asked = new Set(chains);
    const images = [...this.records.values()].filter(
      ({ chainId, tier }) => chainId !== undefined && asked.has(chainId) && tier !== 'application',
    );
    return [...new Set([...images.map(({ digest }) => digest), ...this.#contents.imagesOf(asked)])];
  }

  async recordProperties(properties: ImageProperties, over?: (known: ImageRecord) => ImageProperties): Promise<void> {
    this.#put(withProperties(this.records.get(properties.digest), properties, over));
  }

  async recordPresence(digest: Digest, presence: { inUse?: boolean; isHead?: boolean }): Promise<void> {
    this.#put({ ...this.#known(digest), ...presence });
  }

  async recordGuess(digest: Digest, scope: string, workload: string | undefined): Promise<void> {
    const record = withGuess(this.#known(digest), scope, workload);
    if (record) this.#put(record);
  }

  async recordLineage(digest: Digest, lineage: LineageChange): Promise<void> {
    const record = withLineage(this.#known(digest), lineage);
    if (record) this.#put(record);
  }

  async recordReconfirmation(digest: Digest, builtAtEpochMs: number): Promise<void> {
    const record = withReconfirmation(this.#known(digest), builtAtEpochMs);
    if (record) this.#put(record);
  }

  async claimScan(digest: Digest, claim: ScanClaim): Promise<boolean> {
    const record = this.#known(digest);
    const looked = Math.max(record.scan.requestedAtEpochMs ?? 0, record.scan.completedAtEpochMs ?? 0);
    if (looked >= claim.notSinceEpochMs && this.#askers.get(digest) !== claim.runId) return false;
    this.#askers.set(digest, claim.runId);
    this.#put({ ...record, scan: { ...record.scan, requestedAtEpochMs: claim.atEpochMs } });
    return true;
  }

  async markUnread(digest: Digest): Promise<void> {
    const record = withUnreadResult(this.#known(digest));
    if (record) this.#put(record);
  }

  async recordJudgement(judgement: Judgement): Promise<boolean> {
    const record = withJudgement(this.#known(judgement.digest), judgement);
    if (record) this.#put(record);
    return record !== undefined;
  }

  async changeJudgement(digest: Digest, decide: (known: ImageRecord) => Judgement | undefined): Promise<boolean> {
    const record = withChangedJudgement(this.#known(digest), decide);
    if (record) this.#put(record);
    return record !== undefined;
  }

  async *withVerdict(status: 'violating' | 'unknown'): AsyncIterable<readonly Digest[]> {
    const page = [...this.records.values()].filter((record) => record.inUse && record.verdict?.status === status);
    if (page.length > 0) yield page.map(({ digest }) => digest).sort();
  }

  async *bornBefore(
    before: number,
    since = Number.NEGATIVE_INFINITY,
  ): AsyncIterable<readonly { digest: Digest; bornAtEpochMs: number }[]> {
    const page = [...this.records.values()].flatMap((record) => {
      const age = ageOf(record);
      return (record.inUse || record.isHead) && age.known && age.bornAtEpochMs < before && age.bornAtEpochMs >= since
        ? [{ digest: record.digest, bornAtEpochMs: age.bornAtEpochMs }]
        : [];
    });
    if (page.length > 0) yield page.sort((one, other) => one.bornAtEpochMs - other.bornAtEpochMs);
  }

  async *scannedSince(sinceEpochMs: number): AsyncIterable<readonly Digest[]> {
    const page = [...this.records.values()].filter((record) => {
      const { inUse, isHead, scan, verdict } = record;
      const isAged = (inUse || isHead) && ageOf(record).known;
      return !isAged && verdict !== undefined && (resultAtEpochMs(scan) ?? Number.NEGATIVE_INFINITY) >= sinceEpochMs;
    });
    if (page.length > 0) yield page.map(({ digest }) => digest).sort();
  }

  #known(digest: Digest): ImageRecord {
    const record = this.records.get(digest);
    if (!record) throw new ImageNotRecordedError(digest);
    return record;
  }

  #put(record: ImageRecord): void {
    const before = this.records.get(record.digest);
    if (before && sameContent(before, record)) return;
    if (mayBeTooLarge(record) && itemSize(imageContent({ record })) > MOST_ITEM_BYTES)
      throw new LedgerItemsRefusedError([record.digest], new Error('Item size has exceeded the maximum allowed size'));
    this.records.set(record.digest, frozen(copied(record)));
    this.writes += 1;
  }
}
