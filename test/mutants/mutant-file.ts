import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A defect that the project once had, or could have, and the tests that notice when it is put back. */
export interface Mutant {
  /** Name of its file, without `.patch`. */
  readonly name: string;
  /** Absolute path of the patch; it applies to the root of the project. */
  readonly file: string;
  /** What goes wrong with it, in one sentence. */
  readonly putsBack: string;
  /** Test files from the root of the project; each of them fails with the defect. */
  readonly foundBy: readonly string[];
}

const FOLDER = fileURLToPath(new URL('./', import.meta.url));

/** Every mutant of this folder, in the order of their names. @throws MutantFileError where a header lacks a line */
export function readMutants(): readonly Mutant[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.patch'))
    .sort()
    .map((name) => readMutant(name, readFileSync(`${FOLDER}${name}`, 'utf8')));
}

/** @param text the header, an empty line, and a diff as `git diff` writes it */
export function readMutant(name: string, text: string): Mutant {
  const [header = ''] = text.split('\ndiff --git', 1);
  const values = (key: string): readonly string[] =>
    header.split('\n').flatMap((line) => (line.startsWith(`${key}:`) ? [line.slice(key.length + 1).trim()] : []));
  const [putsBack] = values('Puts back');
  const foundBy = values('Found by');
  if (!putsBack) throw new MutantFileError(name, 'Puts back');
  if (foundBy.length === 0) throw new MutantFileError(name, 'Found by');
  return { name: name.replace(/\.patch$/, ''), file: `${FOLDER}${name}`, putsBack, foundBy };
}

export class MutantFileError extends Error {
  override readonly name = 'MutantFileError';

  constructor(file: string, key: string) {
    super(`test/mutants/${file} has no line "${key}: ..." before its diff. Add the line.`);
  }
}
