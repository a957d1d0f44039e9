import { type Digest, isDigest } from '../shared/domain/image.ts';
import { parseImageReference } from '../shared/domain/reference.ts';
import { referencesOf, type Usage } from '../shared/domain/usage.ts';
import type { CliContext } from './command.ts';
import { NotFoundError } from './errors.ts';

const SHORTEST_PREFIX = 'sha256:'.length + 6;

/**
 * The digests a person can mean: a digest, the beginning of one, or a reference (whole, or its end: `web:1.4.2`).
 * A reference means everything that runs under it, which may be several digests while a deployment goes on.
 * @throws NotFoundError where nothing in the ledger fits
 */
export async function findImages(
  context: Pick<CliContext, 'images' | 'scopes' | 'usages' | 'places'>,
  text: string,
): Promise<readonly Digest[]> {
  const name = /^[0-9a-f]{6,64}$/.test(text) ? `sha256:${text}` : text;
  if (isDigest(name)) {
    if ((await context.images.get([name])).has(name)) return [name];
    throw new NotFoundError(
      `The ledger holds no image ${name}. No review has seen it in use, or in a listed repository.`,
    );
  }
  const running = await runningAs(context, name);
  if (running.length > 0) return running;
  const pushed = await lastPushed(context, name);
  if (pushed) return [pushed];
  throw new NotFoundError(
    `Nothing in use is called "${text}". Give a digest, the first characters of one, or a reference as the task definition writes it.`,
  );
}

async function runningAs({ scopes, usages }: Pick<CliContext, 'scopes' | 'usages'>, name: string): Promise<Digest[]> {
  const matches =
    name.startsWith('sha256:') && name.length >= SHORTEST_PREFIX
      ? ({ digest }: Usage) => digest.startsWith(name)
      : (usage: Usage) => referencesOf(usage).some((one) => one === name || one.endsWith(`/${name}`));
  const found = new Set<Digest>();
  for await (const { scope } of scopes.all()) {
    for await (const usage of usages.live(scope)) if (matches(usage)) found.add(usage.digest);
  }
  return [...found].sort();
}

async function lastPushed({ places }: Pick<CliContext, 'places'>, name: string): Promise<Digest | undefined> {
  const { location, tag } = parseImageReference(name);
  return location && tag !== undefined ? places.lastPushed(location, tag) : undefined;
}
