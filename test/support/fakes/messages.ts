import type { Messages } from '../../../shared/ports/messages.ts';

/** A queue in memory; its messages go through JSON. */
export class FakeMessages<Message> implements Messages<Message> {
  readonly #sent: string[] = [];

  async send(messages: readonly Message[]): Promise<void> {
    this.#sent.push(...messages.map((message) => JSON.stringify(message)));
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
