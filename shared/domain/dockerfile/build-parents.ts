import { DockerfileError, UnknownValueError } from './dockerfile-error.ts';
import { type Instruction, readDockerfile } from './instructions.ts';
import { type EscapeToken, expanded, rawWords, unquoted, type Variables } from './words.ts';

/** An image from which a build takes content, or what stands in its place; stages and `scratch` are no images. */
export type BuildParent = { readonly line: number; readonly by: ParentClause } & (
  | { readonly kind: 'image'; readonly reference: string }
  /** No stage has this name or number. A build takes a name for an image of Docker Hub. */
  | { readonly kind: 'unknown-stage'; readonly name: string }
  | { readonly kind: 'unknown'; readonly problem: string }
);

export type ParentClause = 'FROM' | 'COPY --from' | 'RUN --mount';

/** What is known before an instruction of a file. */
interface Stages {
  readonly escapeToken: EscapeToken;
  readonly variables: Map<string, string | undefined>;
  /** Names in lower case, by number; a stage without a name has an empty one. */
  readonly all: readonly string[];
  /** Number of stages that began so far. */
  begun: number;
}

/**
 * Every image that a build of the file takes content from, without `--build-arg`, in the order of the file.
 * @throws DockerfileError if a build would refuse the file
 */
export function buildParentsOf(text: string): readonly BuildParent[] {
  const { escapeToken, instructions } = readDockerfile(text);
  const froms = instructions.filter(({ keyword }) => keyword === 'FROM');
  if (froms.length === 0) throw new DockerfileError(1, 'it has no FROM');
  const all = froms.map((from) => partsOf(from, escapeToken).name);
  const stages: Stages = { escapeToken, variables: new Map(), all, begun: 0 };
  return instructions.flatMap((instruction) => parentsOf(instruction, stages));
}

function parentsOf(instruction: Instruction, stages: Stages): readonly BuildParent[] {
  const { line, keyword } = instruction;
  if (stages.begun === 0 && keyword === 'ARG') declare(instruction, stages);
  if (stages.begun === 0 && keyword !== 'ARG' && keyword !== 'FROM')
    throw new DockerfileError(line, `${keyword} stands before the first FROM`);
  switch (keyword) {
    case 'FROM': {
      const parent = fromParent(instruction, stages);
      stages.begun += 1;
      return parent ? [parent] : [];
    }
    case 'COPY':
    case 'RUN':
      return sourcesOf(instruction, stages.escapeToken).flatMap(
        ({ by, name }) => sourceParent(line, by, name, stages) ?? [],
      );
    case 'ONBUILD':
      return onBuildParents(instruction, stages.escapeToken);
    default:
      return [];
  }
}

/** `ARG ONE=1 TWO`; a value may use the variables before it. */
function declare({ line, text }: Instruction, { escapeToken, variables }: Stages): void {
  for (const word of rawWords(text, escapeToken) ?? refuse(line, 'a quote is not closed')) {
    const equals = word.indexOf('=');
    if (equals < 0) variables.set(word, variables.get(word));
    else variables.set(word.slice(0, equals), valueIn(word.slice(equals + 1), variables, escapeToken));
  }
}

/** A default that the build decides is none. */
function valueIn(word: string, variables: Variables, escapeToken: EscapeToken): string | undefined {
  try {
    return expanded(word, variables, escapeToken);
  } catch (error) {
    if (error instanceof UnknownValueError) return undefined;
    throw error;
  }
}

const STAGE_NAME = /^[a-z][a-z0-9-_.]*$/;

/** The image and the stage name of `FROM [--platform=P] IMAGE [AS NAME]`. */
function partsOf({ line, text }: Instruction, escapeToken: EscapeToken): { image: string; name: string } {
  const words = withoutFlags(text, escapeToken, line);
  const [image = '', as, name, ...more] = words.split(/\s+/);
  const isNamed = as?.toLowerCase() === 'as' && name !== undefined && more.length === 0;
  if (image === '' || (as !== undefined && !isNamed))
    throw new DockerfileError(line, 'its FROM is not of the form FROM IMAGE [AS NAME]');
  const lower = name?.toLowerCase() ?? '';
  if (name !== undefined && !STAGE_NAME.test(lower)) throw new DockerfileError(line, `"${name}" is no name of a stage`);
  return { image, name: lower };
}

function fromParent(instruction: Instruction, stages: Stages): BuildParent | undefined {
  const place = { line: instruction.line, by: 'FROM' } as const;
  try {
    const reference = expanded(partsOf(instruction, stages.escapeToken).image, stages.variables, stages.escapeToken);
    // An unnamed stage has no name to stand for.
    if (reference === '') return { ...place, kind: 'unknown', problem: 'its image is empty without --build-arg' };
    const isStage = stages.all.slice(0, stages.begun).includes(reference.toLowerCase());
    return isStage || reference === SCRATCH ? undefined : { ...place, kind: 'image', reference };
  } catch (error) {
    if (error instanceof UnknownValueError) return { ...place, kind: 'unknown', problem: error.message };
    throw error;
  }
}

const SCRATCH = 'scratch';

interface Source {
  readonly by: ParentClause;
  readonly name: string;
}

/** What `COPY --from=` and `RUN --mount=from=` name. */
function sourcesOf({ line, keyword, text }: Instruction, escapeToken: EscapeToken): readonly Source[] {
  const flags = flagsOf(text, escapeToken, line);
  const isCopy = keyword === 'COPY';
  const by = isCopy ? 'COPY --from' : 'RUN --mount';
  const fields = isCopy
    ? flags.map(({ name, value }) => `${name}=${value}`)
    : flags.flatMap(({ name, value }) => (name === 'mount' ? value.split(',') : []));
  return fields.flatMap((field) => {
    const [, name] = /^from=(.+)$/is.exec(field) ?? [];
    return name === undefined ? [] : [{ by, name }];
  });
}

function sourceParent(line: number, by: ParentClause, name: string, { all, begun }: Stages): BuildParent | undefined {
  if (name.includes('$'))
    return {
      line,
      by,
      kind: 'unknown',
      problem: `a build expands no variable there; name a stage of its own ("${name}")`,
    };
  const own = begun - 1;
  const at = /^\d+$/.test(name) ? Number(name) : all.lastIndexOf(name.toLowerCase());
  if (name === SCRATCH || (at >= 0 && at < all.length && at !== own)) return undefined;
  const isImage = at < 0 && /[/:@]/.test(name);
  return { line, by, ...(isImage ? { kind: 'image', reference: name } : { kind: 'unknown-stage', name }) };
}

/** A trigger runs in the builds on this image, so a name in it may be a stage of theirs. */
function onBuildParents({ line, text }: Instruction, escapeToken: EscapeToken): readonly BuildParent[] {
  const [, keyword = '', rest = ''] = /^(\S+)\s*([\s\S]*)$/.exec(text) ?? [];
  return sourcesOf({ line, keyword: keyword.toUpperCase(), text: rest }, escapeToken).map(({ by, name }) => ({
    ...{ line, by },
    ...{ kind: 'unknown', problem: `it is in ONBUILD, so "${name}" may be a stage of the builds on this image` },
  }));
}

/** `--name=value` before the arguments. */
function flagsOf(text: string, escapeToken: EscapeToken, line: number): readonly { name: string; value: string }[] {
  const found: { name: string; value: string }[] = [];
  for (const word of rawWords(leading(text), escapeToken) ?? refuse(line, 'a quote in its flags is not closed')) {
    const [, name, value = ''] = /^--([\w-]+)(?:=([\s\S]*))?$/.exec(unquoted(word, escapeToken)) ?? [];
    if (name !== undefined) found.push({ name: name.toLowerCase(), value });
  }
  return found;
}

/** Flags stand before the first other word, which may be a whole script. */
const FLAGS = /^(?:--(?:'[^']*'|"[^"]*"|\S)+\s*)*/;
const leading = (text: string): string => FLAGS.exec(text)?.[0] ?? '';

const withoutFlags = (text: string, escapeToken: EscapeToken, line: number): string => {
  // Reads them, so that an unclosed quote is found.
  flagsOf(text, escapeToken, line);
  return text.slice(leading(text).length);
};

function refuse(line: number, problem: string): never {
  throw new DockerfileError(line, problem);
}
