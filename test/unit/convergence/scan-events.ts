import { handleScanEvents } from '../../../functions/policy-evaluation/scan-events.ts';
import { piecesOf } from '../../../shared/concurrency.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';
import { portsOf } from './ports.ts';
import { type ConvergenceTrouble, persist } from './trouble.ts';

const BATCH = 10;

interface Message {
  readonly messageId: string;
  readonly body: string;
}

/** The way of scan events from the scanner to policy evaluation: lost, doubled, late, in any order, delivered again. */
export class ScanEvents {
  readonly #world: FakeWorld;
  readonly #trouble: ConvergenceTrouble;
  #waiting: Message[] = [];
  #late: Message[] = [];
  #sent = 0;

  constructor(world: FakeWorld, trouble: ConvergenceTrouble) {
    this.#world = world;
    this.#trouble = trouble;
  }

  /** The scans in progress end, each with or without an event. */
  scansEnd(): void {
    const { random, lost, doubled, late } = this.#trouble;
    for (const digest of this.#world.scanner.finish()) {
      const copies = random.chance(lost) ? 0 : random.chance(doubled) ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) {
        (random.chance(late) ? this.#late : this.#waiting).push(this.#messageOf(digest));
      }
    }
  }

  /** Some of what is on its way arrives. */
  async deliver(): Promise<void> {
    const { random } = this.#trouble;
    const messages = random.shuffled(this.#waiting);
    this.#waiting = [];
    await Promise.all(piecesOf(messages, BATCH).map((batch) => this.#handle(batch)));
  }

  /** What was late arrives, long after the review. */
  async deliverLate(): Promise<void> {
    this.#waiting.push(...this.#late);
    this.#late = [];
    await this.deliver();
  }

  /** A message that failed comes back; the others of its batch do not. */
  async #handle(batch: readonly Message[]): Promise<void> {
    let left = batch;
    while (left.length > 0) {
      const { failed } = await persist(this.#world, this.#trouble, (invocation) =>
        handleScanEvents(portsOf(this.#world, invocation), left),
      );
      const again = new Set(failed.map(({ messageId }) => messageId));
      left = left.filter(({ messageId }) => again.has(messageId));
    }
  }

  #messageOf(digest: Digest): Message {
    const { location } = this.#world.scanner.started.findLast((scan) => scan.digest === digest) ?? {};
    if (!location) throw new Error(`no scan was requested of ${digest}`);
    const event = {
      ...{ source: 'aws.ecr', 'detail-type': 'ECR Image Scan', time: '2026-11-24T03:01:00Z', resources: [] },
      ...{ account: location.account, region: location.region },
      detail: { 'scan-status': 'COMPLETE', 'repository-name': location.repository, 'image-digest': digest },
    };
    this.#sent += 1;
    return { messageId: `message-${this.#sent}`, body: JSON.stringify(event) };
  }
}
