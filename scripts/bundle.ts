import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Metafile, type OutputFile, type Plugin } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The budget of a bundle without its SDK clients: own code and all other libraries. */
export const BUDGET_BYTES = 300 * 1024;

/** The SDK's clients and their dependencies: their size follows from the services that a function calls. */
const SDK_PACKAGE = /(^|\/)node_modules\/(@aws-sdk|@smithy|@aws-crypto|@aws)\//;

const LARGEST_SHOWN = 5;
const DEBUG_FOLDER = 'debug';

export interface Bundle {
  readonly name: string;
  readonly totalBytes: number;
  readonly sdkBytes: number;
  readonly ownBytes: number;
  /** The largest packages and folders in `ownBytes`. */
  readonly largest: readonly { readonly source: string; readonly bytes: number }[];
}

export class NothingToBuildError extends Error {
  override readonly name = 'NothingToBuildError';
}

/** The command as one file, which the package of `npm pack` holds. */
export const COMMAND = {
  folder: 'cli',
  entry: 'cli/main.ts',
  /** Name of the first module of the bundle, which no file has. */
  start: 'start.js',
  file: 'dist/cli/patchwave.mjs',
  /** What the package runs: it loads that file through Node's compile cache. */
  bin: 'dist/cli/bin.mjs',
  meta: 'dist/debug/cli-meta.json',
} as const;

/** Every folder of functions/ with a handler, sorted by name. */
export function functionNames(root: string = ROOT): string[] {
  const folder = join(root, 'functions');
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'handler.ts')))
    .map((entry) => entry.name)
    .sort();
}

/** Deployed by templates of their own: member-vpc.yaml, doors.yaml, ecs-gate.yaml, ecs-door.yaml and door-publisher.yaml. */
const OF_OTHER_TEMPLATES = [
  'inventory-in-vpc',
  'admission-webhook',
  'break-glass',
  'ecs-gate',
  'ecs-door',
  'ecs-tasks',
  'door-publisher',
];

/** Every function of template.yaml. */
export const hubFunctionNames = (root: string = ROOT): string[] =>
  functionNames(root).filter((name) => !OF_OTHER_TEMPLATES.includes(name));

/**
 * Bundles every function into `dist/<function>/index.mjs`.
 * @throws NothingToBuildError where functions/ holds no handler; esbuild's BuildFailure where one does not compile.
 */
export async function buildFunctions(root: string = ROOT): Promise<Bundle[]> {
  const names = functionNames(root);
  if (names.length === 0) {
    throw new NothingToBuildError(
      `${join(root, 'functions')} has no <name>/handler.ts. Run this in a complete checkout.`,
    );
  }
  await removeStale(join(root, 'dist'), [...names, DEBUG_FOLDER, COMMAND.folder]);
  const metafile = await bundle(root, names);
  return names.map((name) => weigh(name, metafile));
}

/** Removes only bundles of deleted functions, so that a parallel deployment still reads complete bundles. */
async function removeStale(dist: string, kept: readonly string[]): Promise<void> {
  const entries = existsSync(dist) ? readdirSync(dist) : [];
  const stale = entries.filter((entry) => !kept.includes(entry));
  await Promise.all(stale.map((entry) => rm(join(dist, entry), { recursive: true, force: true })));
}

const SET_METHODS = ['union', 'difference', 'intersection', 'is-disjoint-from', 'is-subset-of', 'is-superset-of'];
const ITERATOR_METHODS = ['drop', 'every', 'filter', 'find', 'flat-map', 'for-each', 'map', 'reduce', 'some', 'take'];

/**
 * What Node.js 20 lacks of the language: the functions run on Node.js 24, but a person may have the older one. A test
 * compiles the command against this list (`NODE_20_LANGUAGE` in test/unit/scripts/package.test.ts).
 */
const LATER_THAN_NODE_20 = [
  'array/from-async',
  'map/group-by',
  ...SET_METHODS.map((name) => `set/${name}`),
  ...[...ITERATOR_METHODS, 'from', 'to-array'].map((name) => `iterator/${name}`),
].map((name) => `core-js/actual/${name}`);

const HAS_ALL = '[Array.fromAsync, Map.groupBy, Set.prototype.union, globalThis.Iterator?.from].every(Boolean)';

const EARLIER_NODE = 'earlier-node';

/** The first module of the command. It loads what is missing: a later Node.js starts faster without it. */
const earlierNode = (root: string, names: readonly string[]): Plugin => ({
  name: EARLIER_NODE,
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: new RegExp(`^${EARLIER_NODE}$`) }, () => ({ path: EARLIER_NODE, namespace: EARLIER_NODE }));
    onLoad({ filter: /./, namespace: EARLIER_NODE }, () => ({
      contents: `if (!${HAS_ALL}) {${names.map((name) => `require('${name}');`).join('')}}`,
      resolveDir: root,
    }));
  },
});

/**
 * Bundles the command into one file that runs from anywhere.
 * @returns its size in bytes
 * @throws esbuild's BuildFailure if it does not compile
 */
export async function buildCommand(root: string = ROOT, first = LATER_THAN_NODE_20): Promise<number> {
  const { outdir: _, outExtension: __, banner, ...options } = OPTIONS;
  const { metafile, outputFiles } = await build({
    ...options,
    banner: { js: `#!/usr/bin/env node\n${banner.js}` },
    outfile: COMMAND.file,
    target: 'node20',
    sourcemap: false,
    absWorkingDir: root,
    plugins: [earlierNode(root, first)],
    // Not `inject`, which has each of a thousand modules import them.
    stdin: {
      contents: `import '${EARLIER_NODE}';\nexport * from './${COMMAND.entry}';`,
      resolveDir: root,
      sourcefile: COMMAND.start,
    },
  });
  const [bundle] = outputFiles;
  if (!bundle) throw new NothingToBuildError('esbuild reported no output for the command. Run `npm run build` again.');
  await mkdir(join(root, 'dist', DEBUG_FOLDER), { recursive: true });
  await mkdir(join(root, 'dist', COMMAND.folder), { recursive: true });
  await writeFile(join(root, COMMAND.meta), JSON.stringify(metafile));
  await writeExecutable(root, COMMAND.file, bundle.contents);
  await writeExecutable(root, COMMAND.bin, BIN);
  return bundle.contents.byteLength;
}

/**
 * Node.js 20 has no compile cache. On it, the AWS SDK warns that its later versions need a later Node.js; the bundle holds
 * the version that it needs.
 */
const BIN = `#!/usr/bin/env node
import module from 'node:module';
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
module.enableCompileCache?.();
await import('./patchwave.mjs');
`;

/** A process that starts while another one builds finds a whole file. */
async function writeExecutable(root: string, path: string, contents: string | Uint8Array): Promise<void> {
  const draft = join(root, 'dist', DEBUG_FOLDER, `${basename(path)}.${process.pid}`);
  await writeFile(draft, contents, { mode: 0o755 });
  await rename(draft, join(root, path));
}

/** A function loads it late or not at all; all functions share the same bundle. */
export const TRACER = { source: join('shared', 'lambda', 'tracer.ts'), output: 'tracer.mjs' };

/** Options of every bundle. */
const OPTIONS = {
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  mainFields: ['module', 'main'],
  // Error classes set `name` themselves, because state machines match it and a minifier may rename the class.
  minify: true,
  sourcemap: 'external',
  metafile: true,
  write: false,
  legalComments: 'none',
  logLevel: 'silent',
  // Libraries in CommonJS ask for Node's own modules by `require`, which an ES module does not have.
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
} satisfies BuildOptions;

/** Leaves `import('./tracer.ts')` to the moment when it runs: the file beside the function's own. */
const tracerStaysBeside: Plugin = {
  name: 'tracer-stays-beside',
  setup: ({ onResolve }) => {
    onResolve({ filter: /\/tracer\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: `./${TRACER.output}`, external: true } : undefined,
    );
  },
};

const outputOf = (name: string): string => join('dist', name, 'index.mjs');

/** Bundles all functions at once, so that shared modules such as the SDK are parsed once. */
async function bundle(root: string, names: readonly string[]): Promise<Metafile> {
  const { metafile, outputFiles } = await build({
    ...OPTIONS,
    absWorkingDir: root,
    entryPoints: names.map((name) => ({ in: join('functions', name, 'handler.ts'), out: join(name, 'index') })),
    plugins: [tracerStaysBeside],
  });
  const tracer = await bundleTracer(root);
  await Promise.all(
    names.map(async (name) => {
      const output = join(root, outputOf(name));
      const own = outputFiles.filter(({ path }) => path === output || path === `${output}.map`);
      await writeWhole(root, name, own);
      if (tracer) await writeWhole(root, name, [{ path: join(root, 'dist', name, TRACER.output), contents: tracer }]);
    }),
  );
  await writeFile(join(root, 'dist', DEBUG_FOLDER, 'meta.json'), JSON.stringify(metafile));
  return metafile;
}

/** Does nothing if the checkout has no tracer: the benchmark builds handlers of its own. */
async function bundleTracer(root: string): Promise<Uint8Array | undefined> {
  if (!existsSync(join(root, TRACER.source))) return undefined;
  const entryPoints = [{ in: TRACER.source, out: 'tracer' }];
  const { outputFiles } = await build({ ...OPTIONS, absWorkingDir: root, entryPoints, sourcemap: false });
  return outputFiles[0]?.contents;
}

/**
 * A deployment may pack what another build writes anew, so each file takes its place whole. Source maps and metafiles
 * serve people reading a stack trace; shipped, they would slow each cold start.
 */
async function writeWhole(
  root: string,
  name: string,
  files: readonly Pick<OutputFile, 'path' | 'contents'>[],
): Promise<void> {
  const debug = join(root, 'dist', DEBUG_FOLDER);
  await mkdir(debug, { recursive: true });
  await mkdir(join(root, 'dist', name), { recursive: true });
  for (const { path, contents } of files) {
    const draft = join(debug, `${name}.${process.pid}.${basename(path)}`);
    await writeFile(draft, contents);
    await rename(draft, path.endsWith('.map') ? join(debug, `${name}.mjs.map`) : path);
  }
}

function weigh(name: string, metafile: Metafile): Bundle {
  const entry = `functions/${name}/handler.ts`;
  const output = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint === entry);
  if (!output)
    throw new NothingToBuildError(`esbuild reported no output for function ${name}. Run \`npm run build\` again.`);
  const own = ownInputs(entry, metafile);
  const bySource = new Map<string, number>();
  let sdkBytes = 0;
  for (const [path, { bytesInOutput }] of Object.entries(output.inputs)) {
    if (own.has(path)) bySource.set(sourceOf(path), (bySource.get(sourceOf(path)) ?? 0) + bytesInOutput);
    else sdkBytes += bytesInOutput;
  }
  const largest = [...bySource].map(([source, bytes]) => ({ source, bytes })).sort((a, b) => b.bytes - a.bytes);
  return {
    name,
    totalBytes: output.bytes,
    sdkBytes,
    ownBytes: output.bytes - sdkBytes,
    largest: largest.slice(0, LARGEST_SHOWN),
  };
}

/** The inputs that a handler reaches without the SDK, which has dependencies of its own. */
function ownInputs(entry: string, { inputs }: Metafile): Set<string> {
  const own = new Set([entry]);
  for (const path of own) {
    for (const { path: imported } of inputs[path]?.imports ?? []) if (!SDK_PACKAGE.test(imported)) own.add(imported);
  }
  return own;
}

/** The package, or the first two folders of own code. */
function sourceOf(path: string): string {
  const [, inPackages] = path.split(/(?:^|\/)node_modules\/(?!.*\/node_modules\/)/);
  const parts = (inPackages ?? path).split('/');
  return parts.slice(0, inPackages?.startsWith('@') || !inPackages ? 2 : 1).join('/');
}
