import { readFile } from 'node:fs/promises';
import { type Digest, isDigest, type Platform } from '../../shared/domain/image/image.ts';
import { historyStep as stepIn } from '../../shared/domain/lineage/image-content.ts';
import type { LayeredImage } from '../../shared/domain/lineage/layered-image.ts';
import * as v from '../../shared/schema.ts';
import { UsageError } from '../errors.ts';

const digest = () =>
  v.pipe(
    v.string(),
    v.check((text) => isDigest(text), 'must be a digest: sha256: and 64 hexadecimal digits'),
    v.transform((text) => text as Digest),
  );

const platform = v.pipe(
  v.string(),
  v.regex(/^[^/\s]+\/[^/\s]+(\/[^/\s]+)?$/, 'must be a platform, such as linux/amd64 or linux/arm/v7'),
  v.transform((text) => text as Platform),
);

/** An entry of the config, or its text alone. Builders may omit any field or add their own. */
const historyStep = v.union([
  v.string(),
  v.looseObject({ created_by: v.nullish(v.string()), created: v.nullish(v.string()) }),
]);

const INSTANT = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:?\d\d))?$/;

const instant = v.union([
  v.pipe(
    v.string(),
    v.check(
      (text) => INSTANT.test(text) && !Number.isNaN(Date.parse(text)),
      'must be an instant, such as 2026-01-31T12:00:00Z',
    ),
    v.transform((text) => Date.parse(text)),
  ),
  v.pipe(v.integer(), v.minValue(0)),
]);

const listedImage = v.object({
  digest: digest(),
  repository: v.text(),
  tags: v.array(v.text()),
  platform,
  layers: v.array(digest()),
  diffIds: v.nullish(v.array(digest())),
  history: v.nullish(v.array(historyStep)),
  labels: v.nullish(v.record(v.string(), v.string())),
  pushedAt: v.nullish(instant),
});

const imageList = v.pipe(v.array(listedImage), v.rule(contradictions));

export type FileImage = v.InferOutput<typeof listedImage>;

/** One digest is one manifest, so it cannot have two lists of layers; one of them may be unknown. */
function contradictions(images: FileImage[]): readonly v.Problem[] {
  const firstListed = new Map<Digest, { readonly at: number; readonly text: string }>();
  return images.flatMap(({ digest: name, layers }, at) => {
    if (layers.length === 0) return [];
    const text = layers.join();
    const first = firstListed.get(name);
    if (!first) firstListed.set(name, { at, text });
    if (!first || first.text === text) return [];
    return [{ path: [at, 'layers'], message: `differ from those of [${first.at}], although the digest is the same` }];
  });
}

/** The file is invalid; the message names each problem and its place. */
export class ImageListInvalidError extends Error {
  override readonly name = 'ImageListInvalidError';
}

const MOST_PROBLEMS = 20;

/** @throws ImageListInvalidError; UsageError if there is no such file */
export async function readImageList(file: string): Promise<readonly FileImage[]> {
  const parsed = v.safeParse(imageList, await readJson(file));
  if (parsed.success) return parsed.data;
  const lines = parsed.problems.slice(0, MOST_PROBLEMS).map((problem) => `  ${v.problemText(problem, 'the file')}`);
  const more = parsed.problems.length - lines.length;
  throw new ImageListInvalidError(
    [`${file} is not a valid list of images:`, ...lines, ...(more > 0 ? [`  and ${more} more`] : [])].join('\n'),
  );
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof SyntaxError)
      throw new ImageListInvalidError(`${file} is not JSON: ${message}`, { cause: error });
    if (code === 'ENOENT') throw new UsageError(`There is no file ${file}.`, { cause: error });
    throw error;
  }
}

export const fileFactsOf = ({ diffIds, history, labels, pushedAt, ...image }: FileImage): LayeredImage => ({
  digest: image.digest,
  platform: image.platform,
  layers: image.layers,
  names: namesOf(image),
  ...(diffIds && { diffIds }),
  ...(history && { history: history.map((step) => (typeof step === 'string' ? { createdBy: step } : stepIn(step))) }),
  ...(labels && { labels }),
  ...(typeof pushedAt === 'number' && { firstPushedAtEpochMs: pushedAt }),
});

export const namesOf = ({ repository, tags }: Pick<FileImage, 'repository' | 'tags'>): string[] =>
  tags.map((tag) => `${repository}:${tag}`);
