import { UsageError } from '../errors.ts';

/** The lines of samconfig.toml that `init` owns for one `--config-env`. */
export interface Section {
  readonly name: string;
  readonly comment?: string;
  /** Keys with a text. */
  readonly keys: Readonly<Record<string, string>>;
  /** Lines of a new section only; a person may change them. */
  readonly first: readonly string[];
  /** The parameters of the template that `init` owns. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** A section as it is in a file; values by key, and by the name of a parameter. */
export interface FoundSection {
  readonly keys: ReadonlyMap<string, string>;
  readonly parameters: ReadonlyMap<string, string>;
}

const FIRST_LINE =
  '# Made by `patchwave init`. ReadRoleExternalId is not public: only the hub and the members know it.';
const OVERRIDES = 'parameter_overrides';

/** A line with one text, and what is around the text. */
const TEXT_LINE = /^(\s*([\w-]+)\s*=\s*)("(?:[^"\\]|\\.)*")(\s*(?:#.*)?\r?)$/;
/** https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-cli-command-reference-sam-deploy.html */
const PARAMETER = /(\s*)([A-Za-z0-9]+)=("(?:[^"\\]|\\.)*"|[^\s"]+)/y;
const VERSION = /^\s*version\s*=/m;

/** A file with these sections. */
export const newConfig = (sections: readonly Section[]): string =>
  [FIRST_LINE, 'version = 0.1', ...sections.flatMap((section) => ['', ...newLines(section)]), ''].join('\n');

/** @returns `undefined` if the file has no section of this name */
export function sectionIn(file: string, name: string): FoundSection | undefined {
  const lines = file.split('\n');
  const at = placeOf(lines, name);
  if (!at) return undefined;
  const keys = new Map<string, string>();
  for (const line of lines.slice(at.begin, at.end)) {
    const [, , key, text] = TEXT_LINE.exec(line) ?? [];
    if (key !== undefined && text !== undefined) keys.set(key, textIn(text));
  }
  const parameters = parametersOf(keys.get(OVERRIDES) ?? '').map(({ name, value }) => [name, value] as const);
  return { keys, parameters: new Map(parameters) };
}

/**
 * The file with new values in the lines that `init` owns. All other lines, other parameters and comments stay as they
 * are, byte by byte.
 * @throws UsageError where the parameters are written in a form that `init` cannot change
 */
export function changedConfig(file: string, sections: readonly Section[]): string {
  const whole = VERSION.test(file) ? file : `version = 0.1\n${file}`;
  return sections.reduce(withSection, whole);
}

function withSection(file: string, section: Section): string {
  const lines = file.split('\n');
  const at = placeOf(lines, section.name);
  if (!at) return `${file}${file.endsWith('\n') ? '' : '\n'}\n${newLines(section).join('\n')}\n`;
  const own = lines.slice(at.begin, at.end);
  const newLine = (key: string, value: string): string => `${key} = ${JSON.stringify(value)}${at.lineEnd}`;
  for (const [key, value] of Object.entries(section.keys)) {
    const index = indexOf(own, key);
    if (index === -1) own.unshift(newLine(key, value));
    else own[index] = lineWith(own[index] ?? '', () => value);
  }
  const index = indexOf(own, OVERRIDES);
  if (index === -1) own.unshift(newLine(OVERRIDES, withParameters('', section.parameters)));
  else own[index] = lineWith(own[index] ?? '', (text) => withParameters(text, section.parameters));
  return [...lines.slice(0, at.begin), ...own, ...lines.slice(at.end)].join('\n');
}

const newLines = ({ name, comment, keys, first, parameters }: Section): readonly string[] => [
  ...(comment === undefined ? [] : [comment]),
  `[${name}.deploy.parameters]`,
  ...Object.entries(keys).map(([key, value]) => `${key} = ${JSON.stringify(value)}`),
  ...first,
  `${OVERRIDES} = ${JSON.stringify(withParameters('', parameters))}`,
];

/** The lines below the head of a section, until the next head. */
function placeOf(lines: readonly string[], name: string) {
  const head = lines.findIndex((line) => /^\s*\[([^\]]*)\]/.exec(line)?.[1]?.trim() === `${name}.deploy.parameters`);
  if (head === -1) return undefined;
  const next = lines.findIndex((line, index) => index > head && /^\s*\[/.test(line));
  return {
    begin: head + 1,
    end: next === -1 ? lines.length : next,
    lineEnd: lines[head]?.endsWith('\r') === true ? '\r' : '',
  };
}

const indexOf = (lines: readonly string[], key: string): number =>
  lines.findIndex((line) => /^\s*([\w-]+)\s*=/.exec(line)?.[1] === key);

/** The same line where the value is the same. */
function lineWith(line: string, change: (text: string) => string): string {
  const [, before = '', , text, after = ''] = TEXT_LINE.exec(line) ?? [];
  if (text === undefined)
    throw new UsageError(
      `samconfig.toml has a line that init cannot change, and nothing was written: ${line.trim().split('=')[0]?.trim()}. Write its value as one text in double quotes, on one line.`,
    );
  const value = textIn(text);
  const changed = change(value);
  return changed === value ? line : `${before}${JSON.stringify(changed)}${after}`;
}

/** A text of TOML in double quotes is a text of JSON, but for escapes that no settings need. */
function textIn(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch (cause) {
    throw new UsageError(`samconfig.toml has a text that init cannot read, and nothing was written: ${text}.`, {
      cause,
    });
  }
}

interface Parameter {
  readonly name: string;
  readonly value: string;
  /** With its name and the space before it. */
  readonly text: string;
}

function parametersOf(overrides: string): readonly Parameter[] {
  const found: Parameter[] = [];
  PARAMETER.lastIndex = 0;
  for (let end = 0; end < overrides.trimEnd().length; end = PARAMETER.lastIndex) {
    const [text = '', , name = '', value = ''] = PARAMETER.exec(overrides) ?? [];
    if (text === '' || name === 'ParameterKey')
      throw new UsageError(
        `samconfig.toml has ${OVERRIDES} that init cannot change, and nothing was written. Write each as Name="value".`,
      );
    found.push({ name, value: value.startsWith('"') ? value.slice(1, -1) : value, text });
  }
  return found;
}

/** Changes only what differs. Every value was checked: none has a quote inside. */
function withParameters(overrides: string, wanted: Readonly<Record<string, string>>): string {
  const before = parametersOf(overrides);
  const kept = before.map(({ name, value, text }) => {
    const want = wanted[name];
    if (want === undefined || want === value) return text;
    return `${/^\s*/.exec(text)?.[0]}${name}="${want}"`;
  });
  const known = new Set(before.map(({ name }) => name));
  const added = Object.entries(wanted).flatMap(([name, value]) => (known.has(name) ? [] : [`${name}="${value}"`]));
  return [kept.join(''), ...added].filter((part) => part !== '').join(' ');
}
