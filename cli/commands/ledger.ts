import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { canonicalLedger } from '../ledger/canonical.ts';
import { print, printJson } from '../output.ts';

export const ledgerCommand: Command = {
  summary: 'Every item of the ledger, one JSON document a line.',
  synopsis: '[--canonical]',
  words: [0, 0],
  options: { canonical: { type: 'boolean' } },
  optionHelp: {
    canonical: 'times, ids and generated digests replaced by order of appearance: two runs can be compared',
  },
  async run(context, { flags }) {
    const items = (await context()).dump();
    if (flags.canonical !== true) {
      for await (const item of items) printJson(item);
      return EXIT.done;
    }
    print(canonicalLedger(await Array.fromAsync(items)).trimEnd());
    return EXIT.done;
  },
};
