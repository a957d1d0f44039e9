import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildCommand, buildFunctions, COMMAND } from '../scripts/bundle.ts';
import { ROOT } from '../scripts/setup.mjs';

/** Empty handlers that import the same SDK clients as the functions, bundled like them under a root of their own. */
export interface EmptyHandlers {
  readonly root: string;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Metafile {
  readonly outputs: Readonly<
    Record<
      string,
      { readonly entryPoint?: string; readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>> }
    >
  >;
}

/** Builds one for each function; needs the functions' own bundles to be built before. */
export async function emptyHandlers(names: readonly string[]): Promise<EmptyHandlers> {
  const root = await mkdtemp(join(tmpdir(), 'patchwave-bench-'));
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'), 'junction');
  for (const name of names) {
    const folder = join(root, 'functions', name);
    await mkdir(folder, { recursive: true });
    const imports = await sdkImports(join('dist', 'debug', 'meta.json'), `functions/${name}/handler.ts`);
    await writeFile(join(folder, 'handler.ts'), `${importing(imports)}export const handler = async () => undefined;\n`);
  }
  await buildFunctions(root);
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}

/**
 * Builds one for the command; needs the command's own bundle to be built before.
 * @returns the file of the bundle
 */
export async function emptyCommand(root: string): Promise<string> {
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'), 'junction');
  await mkdir(join(root, 'cli'), { recursive: true });
  await writeFile(join(root, COMMAND.entry), importing(await sdkImports(COMMAND.meta, COMMAND.start)));
  await buildCommand(root, []);
  return join(root, COMMAND.file);
}

/** Names by SDK package that the sources in a bundle import, of the packages that the bundle keeps. */
async function sdkImports(meta: string, entry: string): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const metafile: Metafile = JSON.parse(await readFile(join(ROOT, meta), 'utf8'));
  const kept = Object.values(metafile.outputs)
    .filter(({ entryPoint }) => entryPoint === entry)
    .flatMap(({ inputs }) =>
      Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
    );
  const imports = new Map<string, Set<string>>();
  for (const path of kept.filter((one) => /^(functions|shared|cli)\//.test(one))) {
    for (const [pack, names] of importsOf(await readFile(join(ROOT, path), 'utf8'))) {
      if (!kept.some((one) => one.includes(`node_modules/${pack}/`))) continue;
      imports.set(pack, new Set([...(imports.get(pack) ?? []), ...names]));
    }
  }
  return imports;
}

/** `import { A, type B } from '@aws-sdk/…'` names A: types leave nothing in a bundle. */
export function importsOf(source: string): (readonly [pack: string, names: readonly string[]])[] {
  const found = source.matchAll(/^import \{(?<names>[^}]*)\} from '(?<pack>@(?:aws-sdk|smithy)\/[^']+)'/gm);
  return [...found].map(({ groups = {} }) => {
    const names = (groups.names ?? '').split(',').map((name) => name.trim());
    return [groups.pack ?? '', names.filter((name) => name !== '' && !name.startsWith('type '))] as const;
  });
}

/** What is imported is exported again, so that the bundler keeps it. */
export function importing(imports: ReadonlyMap<string, ReadonlySet<string>>): string {
  const kept = [...imports].filter(([, names]) => names.size > 0);
  // Two packages may export one name, as the clients of ECS and EKS do.
  const lines = kept.map(
    ([pack, names], place) =>
      `export { ${[...names]
        .sort()
        .map((name) => `${name} as ${name}${place}`)
        .join(', ')} } from '${pack}';`,
  );
  return `${lines.sort().join('\n')}\n`;
}
