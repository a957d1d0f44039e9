import { setTimeout as sleep } from 'node:timers/promises';
import type { Arguments, Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { numberOption } from '../number-option.ts';
import { widthOfTerminal } from '../output.ts';
import { watch } from '../watch/watch.ts';

const SECONDS = 10;
const MOST_SECONDS = 3600;
const GRACE_MS = 200;

/**
 * Creates the command over any source of interrupts.
 * @param interrupts a signal that is aborted when the person presses Ctrl-C
 */
export const watchCommandOf = (interrupts: () => AbortSignal): Command => ({
  summary:
    'Shows what is under way, and reads it again until Ctrl-C: reviews, builds, cascades, deployments, closures.',
  synopsis: '[--every SECONDS]',
  words: [0, 0],
  options: { every: { type: 'string' } },
  optionHelp: { 'every SECONDS': `the time between two reads (default: ${SECONDS}, at most ${MOST_SECONDS})` },
  async run(context, args) {
    const everySeconds = secondsIn(args);
    const connected = await context();
    const signal = interrupts();
    const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    const watching = watch(connected, {
      form: args.json ? 'json' : widthOfTerminal(process.stdout) === undefined ? 'lines' : 'page',
      everySeconds,
      wait: (ms) => sleep(ms, undefined, { signal }).catch(() => undefined),
      isEnded: () => signal.aborted,
    });
    // A read that goes on when the person ends the watch is not awaited.
    await Promise.race([watching, ended]);
    return EXIT.done;
  },
});

export const watchCommand = watchCommandOf(() => {
  const controller = new AbortController();
  process.once('SIGINT', () => {
    controller.abort();
    // A request that AWS does not answer must not keep the process.
    setTimeout(() => process.exit(EXIT.done), GRACE_MS).unref();
  });
  return controller.signal;
});

/** @throws UsageError */
const secondsIn = ({ flags: { every = String(SECONDS) } }: Arguments): number =>
  numberOption('every', every, { from: 1, to: MOST_SECONDS, of: ' of seconds' });
