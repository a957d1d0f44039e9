import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * Holds the words of the code to one meaning each. As a program it prints what it finds: node scripts/glossary.ts
 */

export interface SourceText {
  /** From the project's root. */
  readonly path: string;
  readonly text: string;
}

/** One row of the table in docs/architecture.md. */
export interface GlossaryRow {
  readonly words: readonly string[];
  readonly meaning: string;
  /** Where the code has it: a type or a function, and the file that exports it. */
  readonly places: readonly { readonly name: string; readonly path: string }[];
}

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const FOLDERS = ['functions', 'shared', 'cli', 'local', 'bench', 'scripts', 'test'];

/** Coined words, each with the usual words to write instead. */
export const COINED: Readonly<Record<string, string>> = {
  behind: 'staleParent',
  holding: 'factStatus',
  fault: 'rootCause, error',
  memory: 'history',
  loss: 'expiry',
  losses: 'expiries',
  fate: 'expiryState',
  look: 'refresh (of a registry), poll (of a pipeline), check (of a lifecycle policy), read',
  looks: 'refreshes, polls, checks',
  looked: 'refreshed, polled, checked',
  sighting: 'firstSeen',
  sightings: 'firstSeen',
  twin: 'sameChainImage',
  twins: 'sameChainImages',
  mend: 'fix',
  mends: 'fixes',
  mended: 'fixed',
  stood: 'builtOn',
  told: 'reported, known, recorded, printed',
  untold: 'unreported, unidentified',
};

/** Identifiers that others have named, each with the reason to keep it. */
const FOREIGN: Readonly<Record<string, string>> = {
  memory: 'a member of the task definition of Amazon ECS',
  $fault: 'a member of the errors of the AWS SDK',
  SenderFault: 'a member of the batch replies of Amazon SQS',
  enableFaultInjection: 'a member of the task definition of Amazon ECS',
};

/** Functions and values that several files export under one name, by the reason. */
const SHARED_NAMES: Readonly<Record<string, string>> = {
  handler: 'each function of Lambda has one',
  environment: 'each function of Lambda has one',
  route: 'a function of Lambda whose `handler.ts` does not choose the use case itself has one',
  location: 'a schema of events, and a key of the ledger',
  text: 'the schema of a text, and a function that makes one',
};

/** All TypeScript of the project. */
export const readSources = (): readonly SourceText[] =>
  FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => ({ path: `${folder}/${file}`, text: readFileSync(join(ROOT, folder, file), 'utf8') })),
  );

const TYPE =
  /^export (?:declare )?(?:abstract )?(?:interface|type|class|enum) (\w+)[\s\S]*?(?=\n(?:export|const|let|function|async|interface|type|class|\/\*|\/\/)|(?![\s\S]))/gm;

/** `Name: file, file` for each exported type that files declare with different shapes. */
export function doubleNames(sources: readonly SourceText[]): readonly string[] {
  const shapes = new Map<string, Map<string, string>>();
  for (const { path, text } of sources)
    for (const [declaration, name = ''] of text.matchAll(TYPE)) {
      const known = shapes.get(name) ?? new Map<string, string>();
      shapes.set(name, known.set(path, withoutComments(declaration).replace(/\s+/g, ' ').trim()));
    }
  return [...shapes]
    .filter(([, declared]) => new Set(declared.values()).size > 1)
    .map(([name, declared]) => `${name}: ${[...declared.keys()].sort().join(', ')}`)
    .sort();
}

const VALUE = /^export (?:async )?(?:function\*?|const) (\w+)/gm;

/** `name: file, file` for each function or value that several files of the shipped code export. */
export function doubleValues(sources: readonly SourceText[]): readonly string[] {
  const exporters = new Map<string, string[]>();
  for (const { path, text } of sources.filter(isShipped))
    for (const [, name = ''] of text.matchAll(VALUE)) if (!exporters.get(name)?.push(path)) exporters.set(name, [path]);
  return [...exporters]
    .filter(([name, paths]) => paths.length > 1 && !Object.hasOwn(SHARED_NAMES, name))
    .map(([name, paths]) => `${name}: ${paths.sort().join(', ')}`)
    .sort();
}

const isShipped = ({ path }: SourceText): boolean => /^(functions|shared|cli)\//.test(path);

/** `file: identifier, better word` for each identifier of the shipped code with a coined word in it. */
export function coinedIdentifiers(sources: readonly SourceText[]): readonly string[] {
  const found = new Set<string>();
  for (const { path, text } of sources.filter(isShipped)) {
    for (const [identifier] of withoutTexts(withoutComments(text)).matchAll(/[A-Za-z_$][\w$]*/g)) {
      if (identifier in FOREIGN) continue;
      const word = wordsOf(identifier).find((one) => Object.hasOwn(COINED, one));
      if (word !== undefined) found.add(`${path}: rename ${identifier}: use ${COINED[word]}`);
    }
  }
  return [...found].sort();
}

/** `staleParentOf` is `stale`, `parent` and `of`. */
const wordsOf = (identifier: string): readonly string[] =>
  (identifier.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g) ?? []).map((word) => word.toLowerCase());

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, '$1');

const withoutTexts = (code: string): string =>
  code.replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`/g, "''");

/** The rows of the table below the heading `## Words`. */
export function glossaryIn(markdown: string): readonly GlossaryRow[] {
  const section = /^## Words\n([\s\S]*?)(?=^## )/m.exec(markdown)?.[1] ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('| **'))
    .map((line) => {
      const [, words = '', meaning = '', places = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
      return {
        words: [...words.matchAll(/\*\*([^*]+)\*\*/g)].map(([, word = '']) => word),
        meaning,
        places: [...places.matchAll(/`(\w+)` in `([\w./-]+)`/g)].map(([, name = '', path = '']) => ({ name, path })),
      };
    });
}

/** The problems of a glossary, one sentence each. */
export function glossaryProblems(rows: readonly GlossaryRow[], sources: readonly SourceText[]): readonly string[] {
  const texts = new Map(sources.map(({ path, text }) => [path, text]));
  const words = rows.flatMap((row) => row.words);
  return [
    ...words.filter((word, at) => words.indexOf(word) < at).map((word) => `${word} has two meanings`),
    ...rows.flatMap((row) =>
      row.places.length === 0 ? [`the row ${row.words.join(', ')} names no declaration in the code`] : [],
    ),
    ...rows.flatMap(({ places }) =>
      places.flatMap(({ name, path }) => {
        const isThere = new RegExp(`^export (?:async )?(?:interface|type|class|function|const) ${name}\\b`, 'm').test(
          texts.get(path) ?? '',
        );
        return isThere ? [] : [`${path} exports no ${name}`];
      }),
    ),
  ];
}

export const readGlossary = (): readonly GlossaryRow[] =>
  glossaryIn(readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8'));

if (process.argv[1] !== undefined && existsSync(process.argv[1]) && import.meta.filename === process.argv[1]) {
  const sources = readSources();
  const problems = [
    ...doubleNames(sources),
    ...doubleValues(sources),
    ...coinedIdentifiers(sources),
    ...glossaryProblems(readGlossary(), sources),
  ];
  process.stdout.write(problems.map((problem) => `${problem}\n`).join(''));
  process.exitCode = problems.length === 0 ? 0 : 1;
}
