import type { Dirent } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { compareTexts } from '../../shared/domain/common/compare-texts.ts';
import { UsageError } from '../errors.ts';

/** A Dockerfile, or what could not be read; its path is relative to the folder that was asked for. */
export type FoundFile = { readonly path: string } & ({ readonly text: string } | { readonly problem: string });

/**
 * `Dockerfile`, `test.Dockerfile`, `Dockerfile.test` and `Dockerfile-test`; the same with `Containerfile`. In lower case an
 * extension is that of a program about Dockerfiles, such as `dockerfile.ts`. After a hyphen or an underline so is the
 * extension of a source or a text, such as `Dockerfile-notes.md`; `Dockerfile-3.12` has none.
 */
const NAMES = [
  /^(?:.+\.)?(?:docker|container)file$/i,
  /^(?:Docker|Container)file[._-](?!(?:.*\.)?dockerignore$)/,
  /^(?:docker|container)file[_-][\w-]+$/,
];
const OTHERS =
  /^(?:Docker|Container)file[_-].*\.(?:[cm]?[jt]sx?|py|rb|go|rs|java|kt|cs|c|cc|cpp|h|php|pl|lua|sh|bash|ps1|bat|md|txt|rst|adoc|html|css|xml|json|ya?ml|toml|ini|csv|lock|log|patch|diff)$/i;
const isDockerfile = (name: string): boolean => NAMES.some((form) => form.test(name)) && !OTHERS.test(name);

/** Folders whose files are not the team's own. */
const SKIPPED: readonly string[] = ['.git', 'node_modules'];
/** No builder reads larger ones in practice. */
const MOST_BYTES = 1024 * 1024;

/**
 * Every Dockerfile below a folder, by its path; for a file, that file whatever its name.
 * @throws UsageError if there is no such folder or file
 */
export async function dockerfilesIn(place: string): Promise<readonly FoundFile[]> {
  const found = await stat(place).catch((cause) => {
    throw new UsageError(
      `${place === '' ? 'A folder without a name' : place} cannot be read. Name a folder, or a Dockerfile.`,
      { cause },
    );
  });
  if (!found.isDirectory()) return [await readFound(dirname(place), basename(place))];
  return (await below(place, '')).toSorted((one, other) => compareTexts(one.path, other.path));
}

/** A link to a folder is not followed: a folder inside is read under its own path, and others are not the team's to show. */
async function below(root: string, folder: string): Promise<readonly FoundFile[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(join(root, folder), { withFileTypes: true });
  } catch (error) {
    return [{ path: folder || '.', problem: problemOf(error) }];
  }
  const found: FoundFile[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !SKIPPED.includes(entry.name)) found.push(...(await below(root, path)));
    if (!entry.isDirectory() && isDockerfile(entry.name)) found.push(await readFound(root, path));
  }
  return found;
}

/** Reads no file outside of the folder: a link may lead to a file that is not the team's to show. */
async function readFound(root: string, path: string): Promise<FoundFile> {
  try {
    const file = await realpath(join(root, path));
    if (relative(await realpath(root), file).split(sep)[0] === '..')
      return { path, problem: 'it is a link to a file outside of the folder' };
    const found = await stat(file);
    if (!found.isFile()) return { path, problem: 'it is no file' };
    if (found.size > MOST_BYTES) return { path, problem: 'it is larger than 1 MiB' };
    return { path, text: await readFile(file, 'utf8') };
  } catch (error) {
    return { path, problem: problemOf(error) };
  }
}

/** `EACCES`: an error of the file system; any other one is a defect. */
function problemOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  return `it cannot be read (${code})`;
}
