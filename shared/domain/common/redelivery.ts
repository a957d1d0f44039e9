/** When a failed message is delivered again. */

const FIRST_SECONDS = 15;
/**
 * Waiting messages are done within five minutes after a failure is over: this, the longest window of a queue, and the
 * work.
 */
const LONGEST_SECONDS = 180;

/**
 * How long a message stays hidden after it failed: 15 seconds at first, doubling up to three minutes. Half of that is
 * fixed and the rest random, so that messages which failed together do not return together.
 * @param receives how often it was received, this time included
 * @param chance from 0 to 1, exclusive of 1
 */
export function redeliverySeconds(receives: number, chance: number): number {
  const longest = Math.min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** (Math.max(1, receives) - 1));
  return Math.ceil(longest * (0.5 + chance / 2));
}
