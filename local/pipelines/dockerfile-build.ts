/**
 * Builds an image from a Dockerfile of `registry/`: its stages and what they are FROM, build arguments, labels, and the
 * packages that `hardening.sh` installs and upgrades. No program of an image runs, so no other command changes anything.
 */

import { type Instruction, readDockerfile } from '../../shared/domain/dockerfile/instructions.ts';
import { expanded, rawWords, unquoted } from '../../shared/domain/dockerfile/words.ts';
import { type BuiltImage, buildImage } from '../builds/image.ts';
import type { Architecture, Packages } from '../builds/packages.ts';
import type { CloudAdmin } from '../cloud/admin-client.ts';

export interface DockerfileWorld {
  /** What a reference in FROM stands for now. */
  readonly pull: (reference: string) => Promise<BuiltImage>;
  readonly archive: Pick<CloudAdmin, 'newestPackages'>;
}

export interface DockerfileOrder {
  /** Goes into the files of the layers. */
  readonly name: string;
  readonly text: string;
  /** The stage to build; left out: the last one. */
  readonly target?: string;
  readonly buildArguments: ReadonlyMap<string, string>;
  readonly architecture: Architecture;
  readonly nowEpochMs: number;
}

/** A build failed; the message says at which instruction. */
export class BuildFailed extends Error {
  override readonly name = 'BuildFailed';
}

type Values = Map<string, string | undefined>;

interface Stage {
  readonly from: string;
  readonly name: string;
  readonly instructions: readonly Instruction[];
}

interface Build {
  readonly world: DockerfileWorld;
  readonly order: DockerfileOrder;
  readonly escapeToken: '\\' | '`';
  readonly globals: Values;
  readonly stages: readonly Stage[];
  /** By number of the stage. */
  readonly built: Map<number, Promise<BuiltImage>>;
}

/** @throws BuildFailed, DockerfileError, UnknownValueError, or the error of a pull */
export async function buildDockerfile(world: DockerfileWorld, order: DockerfileOrder): Promise<BuiltImage> {
  const { escapeToken, instructions } = readDockerfile(order.text);
  const first = instructions.findIndex(({ keyword }) => keyword === 'FROM');
  const globals: Values = new Map();
  const build: Build = { world, order, escapeToken, globals, stages: stagesOf(instructions), built: new Map() };
  for (const instruction of instructions.slice(0, first)) declare(build, globals, instruction);
  const { target } = order;
  const at = target === undefined ? build.stages.length - 1 : numberOf(build, target);
  if (at < 0) throw new BuildFailed(`the Dockerfile has no stage ${target ?? ''}`);
  return stage(build, at);
}

function stagesOf(instructions: readonly Instruction[]): Stage[] {
  const stages: { from: string; name: string; instructions: Instruction[] }[] = [];
  for (const instruction of instructions) {
    if (instruction.keyword === 'FROM') {
      const [from = '', , name = ''] = instruction.text.split(/\s+/);
      stages.push({ from, name: name.toLowerCase(), instructions: [] });
    } else stages.at(-1)?.instructions.push(instruction);
  }
  return stages;
}

const numberOf = ({ stages }: Build, name: string): number =>
  stages.findLastIndex((one) => one.name !== '' && one.name === name.toLowerCase());

function stage(build: Build, at: number): Promise<BuiltImage> {
  const running = build.built.get(at) ?? buildStage(build, at);
  build.built.set(at, running);
  return running;
}

/** What the instructions of a stage did so far. */
interface Progress {
  readonly values: Values;
  readonly labels: Map<string, string>;
  /** Packages that the stage installs or upgrades. */
  packages: Packages;
  layers: number;
  /** The root of another stage, copied into an empty one. */
  root?: BuiltImage;
}

async function buildStage(build: Build, at: number): Promise<BuiltImage> {
  const { from, instructions } = build.stages[at] as Stage;
  const parent = await parentOf(build, at, from);
  const labels = new Map(Object.entries(parent?.configDocument.config.Labels ?? {}));
  const progress: Progress = { values: new Map(), labels, packages: {}, layers: 0 };
  for (const instruction of instructions) await follow(build, instruction, parent, progress);
  const { name, architecture, nowEpochMs } = build.order;
  const recipe = { name, architecture, format: 'oci', createdEpochMs: nowEpochMs } as const;
  return buildImage(
    { ...recipe, labels: Object.fromEntries(labels) },
    {
      ...(parent && { parent }),
      ...(progress.root && { os: progress.root.os }),
      packages: { ...progress.root?.packages, ...progress.packages },
      layerCount: progress.layers,
    },
  );
}

async function parentOf(build: Build, at: number, from: string): Promise<BuiltImage | undefined> {
  const reference = expanded(from, build.globals, build.escapeToken);
  const other = numberOf({ ...build, stages: build.stages.slice(0, at) }, reference);
  if (other >= 0) return stage(build, other);
  return reference === 'scratch' ? undefined : build.world.pull(reference);
}

async function follow(build: Build, instruction: Instruction, parent: BuiltImage | undefined, progress: Progress) {
  switch (instruction.keyword) {
    case 'ARG':
    case 'ENV':
      declare(build, progress.values, instruction);
      break;
    case 'LABEL':
      for (const [name, value] of assignments(build, progress.values, instruction))
        progress.labels.set(name, value ?? '');
      break;
    case 'RUN':
      progress.packages = { ...progress.packages, ...(await installed(build, instruction, parent, progress)) };
      progress.layers += 1;
      break;
    case 'COPY':
    case 'ADD':
      progress.layers += 1;
      await copy(build, instruction, parent, progress);
  }
}

/** A stage that something is copied from is built; the copy of its whole root brings its packages. */
async function copy(build: Build, { line, text }: Instruction, parent: BuiltImage | undefined, progress: Progress) {
  const [, source, path] = /--from=(\S+)\s+(\S+)/.exec(text) ?? [];
  if (source === undefined) return;
  const other = numberOf(build, source);
  if (other < 0) throw new BuildFailed(`line ${line}: this builder copies from stages only, not from ${source}`);
  const image = await stage(build, other);
  if (path !== '/') return;
  if (parent !== undefined) throw new BuildFailed(`line ${line}: this builder copies a root into an empty stage only`);
  progress.root = image;
}

const HARDENING = /hardening\.sh\s+(install|harden)\b\s*([^&;|]*)/g;

/** `install` installs the newest version of each package; `harden` upgrades all, as its control `30-patched` does. */
async function installed(
  build: Build,
  { line, text }: Instruction,
  parent: BuiltImage | undefined,
  { values, packages }: Progress,
): Promise<Packages> {
  let now: Packages = {};
  for (const [, command, words = ''] of text.matchAll(HARDENING)) {
    const os = parent?.os;
    if (os !== 'alpine' && os !== 'debian')
      throw new BuildFailed(`line ${line}: this builder knows no package manager of ${os ?? 'an empty image'}`);
    const before = { ...parent?.packages, ...packages, ...now };
    if (command === 'harden') {
      now = { ...now, ...(await build.world.archive.newestPackages(os, before)) };
      continue;
    }
    const names = (rawWords(words, build.escapeToken) ?? []).map((word) => expanded(word, values, build.escapeToken));
    const wanted = Object.fromEntries(names.map((name) => [name, before[name] ?? NO_VERSION]));
    const found = { ...wanted, ...(await build.world.archive.newestPackages(os, wanted)) };
    const missing = names.filter((name) => found[name] === NO_VERSION);
    if (missing.length > 0) throw new BuildFailed(`line ${line}: the archive has no package ${missing.join(', ')}`);
    now = { ...now, ...found };
  }
  return now;
}

/** Older than any version of an archive. */
const NO_VERSION = '0';

/** An argument has the value that the build gives, else its default, else in a stage that of before the first FROM. */
function declare(build: Build, values: Values, instruction: Instruction): void {
  const given = instruction.keyword === 'ARG' ? build.order.buildArguments : new Map<string, string>();
  for (const [name, value] of assignments(build, values, instruction))
    values.set(name, given.get(name) ?? value ?? build.globals.get(name));
}

/** `ONE=1 TWO`: a name without a value has none. */
function assignments(build: Build, values: Values, { line, text }: Instruction): [string, string | undefined][] {
  const words = rawWords(text, build.escapeToken);
  if (words === undefined) throw new BuildFailed(`line ${line}: a quote is not closed`);
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 0) return [word, undefined];
    const name = unquoted(word.slice(0, equals), build.escapeToken);
    return [name, expanded(word.slice(equals + 1), values, build.escapeToken)];
  });
}
