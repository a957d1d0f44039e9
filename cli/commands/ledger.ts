import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { canonicalLedger } from '../ledger/canonical.ts';
import { print, printJson } from '../output.ts';

export const ledgerCommand: Command = {
  summary: 'Prints every ledger item, one JSON document per line.',
  synopsis: '[--canonical]',
  words: [0, 0],
  options: { canonical: { type: 'boolean' } },
  optionHelp: {
    canonical: 'replace times, ids and digests by numbers in order of appearance, so that two ledgers can be compared',
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
