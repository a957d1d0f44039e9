/**
 * `npm run build`: one ES module for each function, `dist/<function>/index.mjs`, with its size against its budget, and
 * the command as one file, `dist/cli/patchwave.mjs`.
 * Flags: `--json` prints the sizes as one JSON array instead of a table.
 */
import { pathToFileURL } from 'node:url';
import { BUDGET_BYTES, type Bundle, buildCommand, buildFunctions, COMMAND } from './bundle.ts';
import { table } from './table.ts';

const kib = (bytes: number): string => (bytes / 1024).toFixed(1);

export function sizeTable(bundles: readonly Bundle[]): string {
  const rows = bundles.map(({ name, totalBytes, sdkBytes, ownBytes }) => [
    name,
    kib(totalBytes),
    kib(sdkBytes),
    kib(ownBytes),
    `${Math.round((100 * ownBytes) / BUDGET_BYTES)} %`,
  ]);
  return table(['function', 'KiB', 'SDK clients', 'everything else', 'of budget'], rows);
}

/** Names the bundles over budget with their largest inputs; empty if there is none. */
export function overBudget(bundles: readonly Bundle[]): string[] {
  return bundles
    .filter(({ ownBytes }) => ownBytes > BUDGET_BYTES)
    .map(({ name, ownBytes, largest }) => {
      const parts = largest.map(({ source, bytes }) => `${source} ${kib(bytes)}`).join(', ');
      return `${name} exceeds its budget: ${kib(ownBytes)} KiB without the SDK clients, ${kib(BUDGET_BYTES)} allowed. Remove unneeded imports. Largest inputs: ${parts}`;
    });
}

async function main(): Promise<number> {
  const bundles = await buildFunctions();
  const bytes = await buildCommand();
  process.stdout.write(
    process.argv.includes('--json')
      ? `${JSON.stringify(bundles)}\n`
      : `${sizeTable(bundles)}\n\n${COMMAND.file}: ${kib(bytes)} KiB\n`,
  );
  const problems = overBudget(bundles);
  for (const line of problems) process.stderr.write(`${line}\n`);
  return problems.length > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = await main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  });
}
