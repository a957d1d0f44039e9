import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';

/** Default parameters of template.yaml. */
export async function templateDefaults(names: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(new URL('../template.yaml', import.meta.url), 'utf8');
  const template = parse(text, { logLevel: 'silent' }) as { Parameters: Record<string, { Default?: unknown }> };
  return Object.fromEntries(names.map((name) => [name, defaultOf(name, template.Parameters[name]?.Default)]));
}

function defaultOf(name: string, value: unknown): string {
  if (value === undefined) throw new TypeError(`template.yaml has no parameter ${name} with a default`);
  return String(value);
}
