import { MessagesNotSentError } from '../../../shared/ports/acting-errors.ts';
import type { Messages } from '../../../shared/ports/messages.ts';

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
const MOST_MESSAGE_BYTES = 1024 * 1024;

/** A queue in memory; its messages go through JSON. */
export class FakeMessages<Message> implements Messages<Message> {
  readonly #sent: string[] = [];

  async send(messages: readonly Message[]): Promise<void> {
    const bodies = messages.map((message) => JSON.stringify(message));
    const tooLarge = bodies.filter((body) => Buffer.byteLength(body) > MOST_MESSAGE_BYTES);
    this.#sent.push(...bodies.filter((body) => !tooLarge.includes(body)));
    if (tooLarge.length > 0)
      throw new MessagesNotSentError(
        'queue',
        tooLarge.map(() => ({ Code: 'MessageTooLong' })),
      );
  }

  get isEmpty(): boolean {
    return this.#sent.length === 0;
  }

  /** What lies in the queue, which stays there. */
  get sent(): readonly Message[] {
    return this.#sent.map((text) => JSON.parse(text) as Message);
  }

  /** One that its reader failed at. */
  deliverAgain(body: string): void {
    this.#sent.push(body);
  }

  /** The bodies of what lies in the queue, which is then empty. */
  take(): readonly string[] {
    return this.#sent.splice(0);
  }
}
