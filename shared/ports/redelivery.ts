/** A message as a queue handed it out: `receipt` names this delivery. */
export interface Delivery {
  readonly messageId: string;
  /** The ARN of the queue. */
  readonly queue: string;
  readonly receipt: string;
  /** How often it was delivered, this time included. */
  readonly receives: number;
}

/** Changes for how long deliveries of the queues of one function stay hidden. */
export interface Redelivery {
  /**
   * @param hidden each delivery with the seconds from now after which it is delivered again
   * @returns those that keep the time that they had
   */
  hide(hidden: readonly { readonly delivery: Delivery; readonly seconds: number }[]): Promise<readonly Delivery[]>;
}
