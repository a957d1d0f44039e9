import { readFileSync } from 'node:fs';

interface Documented {
  readonly actions: readonly string[];
  /** Partitions of the ledger. */
  readonly written: readonly string[];
}

/** What docs/commands.md says that each command needs. */
export const documented: ReadonlyMap<string, Documented> = new Map(
  readFileSync('docs/commands.md', 'utf8')
    .split('\n')
    .map((line) => line.split('|').slice(1, -1).map(codesIn))
    .flatMap(([names = [], actions = [], written = []]) =>
      actions.some((action) => action.includes(':')) ? names.map((name) => [name, { actions, written }] as const) : [],
    ),
);

function codesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].flatMap(([, code]) => code ?? []).sort();
}

export const documentedActions = (command: string): readonly string[] => documented.get(command)?.actions ?? [];
