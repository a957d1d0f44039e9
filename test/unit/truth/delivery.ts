import type { Clockwork } from './clockwork.ts';
import type { Dice } from './dice.ts';
import type { FailedDelivery, Message, QueueName } from './functions.ts';

const BATCH = 10;
const WINDOW_MS = 2_000;
const AGAIN_MS = 90_000;
const MOST_DELIVERIES = 60;
const MINUTE_MS = 60_000;

/** Shares from 0 to 1 of the events that EventBridge delivers. */
export interface EventTrouble {
  readonly lost: number;
  readonly doubled: number;
  readonly late: number;
}

interface Sent {
  readonly message: Message;
  deliveries: number;
}

export interface Consumer {
  take(queue: QueueName, messages: readonly Message[]): Promise<readonly FailedDelivery[]>;
}

/** The queues in front of the functions, and the events on the way to them: at least once, in batches, again where it failed. */
export class TrueDelivery {
  readonly #clockwork: Clockwork;
  readonly #consumer: Consumer;
  readonly #dice: Dice;
  readonly #trouble: () => EventTrouble;
  readonly #waiting = new Map<QueueName, Sent[]>();
  readonly struck = { lost: 0, doubled: 0, late: 0 };
  /** Messages that failed time and again, with the last error. */
  readonly poison: { readonly queue: QueueName; readonly body: string; readonly error: unknown }[] = [];
  #messages = 0;

  constructor(clockwork: Clockwork, consumer: Consumer, dice: Dice, trouble: () => EventTrouble) {
    this.#clockwork = clockwork;
    this.#consumer = consumer;
    this.#dice = dice;
    this.#trouble = trouble;
  }

  /** An event of AWS or of Patchwave, best effort: lost, doubled or late as the trouble has it. */
  event(queue: QueueName, body: string): void {
    const { lost, doubled, late } = this.#trouble();
    if (lost > 0 && this.#dice.chance(lost)) {
      this.struck.lost += 1;
      return;
    }
    const isDoubled = doubled > 0 && this.#dice.chance(doubled);
    if (isDoubled) this.struck.doubled += 1;
    for (let copy = 0; copy < (isDoubled ? 2 : 1); copy += 1) {
      const isLate = late > 0 && this.#dice.chance(late);
      if (isLate) this.struck.late += 1;
      this.#clockwork.in(isLate ? this.#dice.int(5, 900) * MINUTE_MS : this.#dice.int(200, 3000), () =>
        this.send(queue, body),
      );
    }
  }

  /** A message that its sender knows to be taken. */
  send(queue: QueueName, body: string): void {
    this.#messages += 1;
    this.#add(queue, { message: { messageId: `m${this.#messages}`, body }, deliveries: 0 });
  }

  get isEmpty(): boolean {
    return [...this.#waiting.values()].every((waiting) => waiting.length === 0);
  }

  #add(queue: QueueName, sent: Sent): void {
    const waiting = this.#waiting.get(queue) ?? [];
    this.#waiting.set(queue, waiting);
    waiting.push(sent);
    if (waiting.length === 1) this.#clockwork.in(WINDOW_MS, () => this.#deliver(queue));
  }

  async #deliver(queue: QueueName): Promise<void> {
    const waiting = this.#waiting.get(queue) ?? [];
    const batch = waiting.splice(0, BATCH);
    if (waiting.length > 0) this.#clockwork.in(0, () => this.#deliver(queue));
    const byId = new Map(batch.map((sent) => [sent.message.messageId, sent]));
    const failed = await this.#handled(
      queue,
      [...byId.values()].map(({ message }) => message),
    );
    for (const { messageId, error } of failed) {
      const sent = byId.get(messageId);
      if (!sent) continue;
      sent.deliveries += 1;
      if (sent.deliveries >= MOST_DELIVERIES) this.poison.push({ queue, body: sent.message.body, error });
      else this.#clockwork.in(AGAIN_MS, () => this.#add(queue, sent));
    }
  }

  async #handled(queue: QueueName, messages: readonly Message[]): Promise<readonly FailedDelivery[]> {
    try {
      return await this.#consumer.take(queue, messages);
    } catch (error) {
      if (error instanceof TypeError || error instanceof RangeError) throw error;
      return messages.map(({ messageId }) => ({ messageId, error }));
    }
  }
}
