/**
 * `npm run lineage -- --images FILE [--json]`: the lineage of a list of images. It needs no installation and makes no
 * calls. docs/lineage.md explains the list and the evidence.
 */
import { parseArgs } from 'node:util';
import { findParents } from '../../shared/domain/lineage/find-parents.ts';
import { UNKNOWN_PLATFORM } from '../../shared/domain/lineage/variants.ts';
import { EXIT, UsageError } from '../errors.ts';
import { endIfUnwritable, print, printError, printJson } from '../output.ts';
import { type FileImage, fileFactsOf, namesOf, readImageList } from './lineage-file.ts';
import { lineageText } from './render-lineage.ts';

const HELP = `npm run lineage -- --images FILE [--json]

Prints the lineage of a list of images as a tree: each image under the image that
it is built on.

  --images FILE  a JSON array of {digest, repository, tags, platform, layers,
                 diffIds?, history?, labels?, pushedAt?}
  --json         a JSON array of {digest, parent, evidence} in the order of the
                 list; parent is null if no parent is known
  --help         this page

Exit codes: 0 done, 1 the list is not valid, 2 usage error.`;

function optionsOf(words: string[]) {
  try {
    return parseArgs({
      args: words,
      options: {
        images: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${HELP}`, { cause: error });
  }
}

const named = (image: FileImage) => ({
  digest: image.digest,
  names: image.tags.length > 0 ? namesOf(image) : [image.repository],
  platform: image.platform,
});

async function main(words: string[]): Promise<void> {
  const { images: file, json, help } = optionsOf(words);
  if (help) return print(HELP);
  if (file === undefined) throw new UsageError(`Which images? Give the file that lists them.\n\n${HELP}`);
  const listed = await readImageList(file);
  // An attestation is a manifest of an index, with this platform, and no image.
  const images = listed.filter(({ platform }) => platform !== UNKNOWN_PLATFORM);
  const parents = findParents(images.map(fileFactsOf));
  if (!json) return print(lineageText(images.map(named), parents));
  printJson(
    listed.map(({ digest }) => {
      const parent = parents.get(digest);
      return { digest, parent: parent?.digest ?? null, evidence: parent?.evidence ?? null };
    }),
  );
}

endIfUnwritable();

try {
  await main(process.argv.slice(2));
} catch (error) {
  printError(`lineage: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = error instanceof UsageError ? EXIT.usage : EXIT.failed;
}
