import { type Digest, type ImageLocation, isDigest } from '../../shared/domain/image/image.ts';
import { parseImageReference, readImageReference, repositoryName } from '../../shared/domain/image/reference.ts';
import { referencesOf, type Usage } from '../../shared/domain/image/usage.ts';
import { parseStreamId } from '../../shared/domain/stream/stream.ts';
import type { StreamRecord } from '../../shared/domain/stream/stream-record.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { readAncestors } from '../../shared/inventory/read-ancestors.ts';
import { judgedDigests } from '../../shared/inventory/reviewed-images.ts';
import type { KnownLineage } from '../../shared/ports/ledger.ts';
import { findStream, nearest } from '../acting/find-stream.ts';
import type { CliContext } from '../command.ts';
import { NotFoundError, UsageError } from '../errors.ts';

type Ledger = Pick<
  CliContext,
  'images' | 'scopes' | 'usages' | 'places' | 'streams' | 'causes' | 'index' | 'rollouts' | 'clock' | 'lineage'
>;

/** A shorter text of such letters may as well be a name. */
const LIKE_A_DIGEST = /^[0-9a-f]{6,64}$/;
const PREFIX = /^(?:sha256:)?[0-9a-f]{1,64}$/;
const IN_REPOSITORY = /^(.+)@((?:sha256:)?[0-9a-f]+)$/;

/** `ACCOUNT/REGION/REPOSITORY`, as `status` and the report print a location, with or without a tag. */
const PLACE = /^(\d{12})\/([a-z]{2,4}(?:-[a-z]+)+-\d+)\/([^:@]+)(?::([\w.-]+))?$/;
const STREAM = /^\d{12}\/[a-z0-9-]+\/[^:]+:\^.*\$$/;

/**
 * Digests that match the text, in every form that commands and the report print: a digest or its start, a reference or
 * its end (`web:1.4.2`), a repository, a location, either of them with `@` and a digest or its start, or a stream.
 * Running images come first, which may be several during a deployment; if none runs, the heads of the streams; then any
 * other image of the ledger. An index stands for its images.
 * @throws NotFoundError if nothing in the ledger matches; UsageError for an empty text
 */
export async function findImages(ledger: Ledger, text: string): Promise<readonly Digest[]> {
  const name = text.trim();
  if (name === '') throw new UsageError('Which image? Give a digest, the first characters of one, or a name.');
  const [, repository, digest] = IN_REPOSITORY.exec(name) ?? [];
  if (repository !== undefined && digest !== undefined) return inRepository(ledger, repository, digest);
  if (STREAM.test(name)) return ofStream(ledger, name);
  if (name.startsWith('sha256:')) return withDigest(ledger, name);
  if (!PREFIX.test(name)) return called(ledger, name);
  // `cafe` may be a repository, `facade01` the first characters of a digest: the likelier of both comes first.
  const [first, second] = LIKE_A_DIGEST.test(name) ? [withDigest, called] : [called, withDigest];
  return first(ledger, name).catch((error: unknown) => {
    if (!(error instanceof NotFoundError)) throw error;
    return second(ledger, name).catch((other: unknown) => {
      throw other instanceof NotFoundError ? error : other;
    });
  });
}

/** @throws NotFoundError also if the image is in other repositories only */
async function inRepository(ledger: Ledger, name: string, digest: string): Promise<readonly Digest[]> {
  const found = await withDigest(ledger, digest);
  const [, account, region, repository] = PLACE.exec(name) ?? [];
  const place = account && region && repository ? { account, region, repository } : undefined;
  const images = await ledger.images.get(found);
  const there = found.filter((one) => {
    const { locations = [], references = [] } = images.get(one) ?? {};
    if (place) return locations.some((location) => sameLocation(location, place));
    return [...locations.map(repositoryName), ...references].some((each) =>
      endsWith(withoutTag(each), withoutTag(name)),
    );
  });
  if (there.length > 0) return there;
  const others = [...images.values()].flatMap(({ locations }) => locations.map(repositoryName));
  throw new NotFoundError(
    `No image of "${name}" has a digest that begins with ${digest}. It is in: ${others.slice(0, MOST_NEAR).join(', ') || 'no repository that Patchwave knows'}.`,
  );
}

const MOST_NEAR = 5;

async function withDigest(ledger: Ledger, given: string): Promise<readonly Digest[]> {
  const text = given.startsWith('sha256:') ? given : `sha256:${given}`;
  if (isDigest(text)) {
    const found = await imagesOf(ledger, [text]);
    if (found.length > 0) return found;
    throw new NotFoundError(
      `The ledger has no image ${text}. No review has seen it in use, or in a base or platform repository of the policy.`,
    );
  }
  if (!PREFIX.test(text))
    throw new NotFoundError(`"${text}" is not a digest. Give its first characters, of 0-9 and a-f.`);
  const begins = (digest: Digest): boolean => digest.startsWith(text);
  const running = await runningWhere(ledger, ({ digest }) => begins(digest));
  if (running.length > 0) return running;
  const found = await imagesOf(ledger, [...(await knownDigests(ledger))].filter(begins));
  if (found.length > 0) return found;
  const ever = await everKnown(ledger);
  if (ever === undefined) throw new NotFoundError(`No digest of an image in use begins with ${text}. ${NOT_ALLOWED}`);
  const known = [...ever.images.map((image) => image.digest), ...ever.indexes.keys()];
  const others = await imagesOf(ledger, known.filter(begins));
  if (others.length > 0) return others;
  throw new NotFoundError(
    `The ledger has no image whose digest begins with ${text}. \`patchwave lineage\` lists all images.`,
  );
}

const NOT_ALLOWED =
  'To search all other images, your role needs dynamodb:Scan on the ledger; without it, give the whole digest.';

/**
 * Every image of the ledger, also those that nothing uses and outputs of builds that failed. Reads the whole table, so
 * only for a text that matches nothing else.
 * @returns nothing if the caller may not read the whole table
 */
async function everKnown({ lineage }: Pick<Ledger, 'lineage'>): Promise<KnownLineage | undefined> {
  try {
    return await lineage();
  } catch (error) {
    if (error instanceof Error && error.name === 'AccessDeniedException') return undefined;
    throw error;
  }
}

/** Resolves digests to images of the ledger: an index stands for its images. */
async function imagesOf(
  { images, places }: Pick<Ledger, 'images' | 'places'>,
  digests: readonly Digest[],
): Promise<Digest[]> {
  const known = await images.get(digests);
  const others = digests.filter((digest) => !known.has(digest));
  if (others.length === 0) return [...known.keys()].sort();
  const children = [...(await places.indexes(others)).values()].flat().map(({ digest }) => digest);
  const held = children.length > 0 ? await images.get(children) : new Map();
  return [...new Set([...known.keys(), ...held.keys()])].sort();
}

/** Images in use, heads, verified outputs and the ancestors of all these. */
async function knownDigests(ledger: Ledger): Promise<ReadonlySet<Digest>> {
  const found = new Set<Digest>();
  for await (const { head } of ledger.streams.all()) for (const digest of digestsOf(head)) found.add(digest);
  for await (const { output } of ledger.rollouts.openClosures()) found.add(output);
  for (const digest of await judgedDigests(ledger)) found.add(digest);
  const below = await readAncestors(ledger.images, found, builtOn, (_, below) => below);
  return new Set([...found, ...[...below.values()].flat()]);
}

const digestsOf = (head: StreamRecord['head']): readonly Digest[] =>
  head ? [...Object.values(head.images), ...(head.index === undefined ? [] : [head.index])] : [];

function builtOn({ lineage }: ImageRecord): readonly Digest[] {
  const { parent, age } = lineage ?? {};
  const oldest = age?.known === true ? age.decidedBy : age?.oldestKnown?.decidedBy;
  return [...(parent ? [parent.digest] : []), ...(oldest === undefined ? [] : [oldest])];
}

/** Running images of a stream, else its head. */
async function ofStream(ledger: Ledger, stream: string): Promise<readonly Digest[]> {
  const { location } = parseStreamId(stream);
  const running = await runningWhere(ledger, (usage) => referencesOf(usage).some((one) => isAt(one, location)));
  const images = await ledger.images.get(running);
  const own = running.filter((digest) => images.get(digest)?.stream === stream);
  if (own.length > 0) return own;
  const known = (await ledger.streams.streams([stream])).get(stream);
  const heads = await imagesOf(ledger, digestsOf(known?.head));
  if (heads.length > 0) return heads;
  if (known)
    throw new NotFoundError(
      `No image of stream "${stream}" runs, and its head is unknown. A push, or a review that reads its repository, records the head.`,
    );
  // Its own error suggests similar streams.
  await findStream(ledger, stream);
  throw new NotFoundError(`The ledger has only the cause of stream "${stream}", no image of it. See: patchwave status`);
}

function isAt(reference: string, { account, region, repository }: ImageLocation, tag?: string): boolean {
  const read = readImageReference(reference);
  const at = read?.location;
  const isThere = at?.account === account && at.region === region && at.repository === repository;
  return isThere && (tag === undefined || read?.tag === tag);
}

/** @throws NotFoundError with similar names; ImageReferenceError if the text is no valid name */
async function called(ledger: Ledger, name: string): Promise<readonly Digest[]> {
  const [, account, region, repository, tag] = PLACE.exec(name) ?? [];
  const place = account && region && repository ? { account, region, repository } : undefined;
  const names = new Set<string>();
  const running = await runningWhere(ledger, (usage) => {
    const references = referencesOf(usage);
    for (const one of references) names.add(one);
    return references.some((one) => (place ? isAt(one, place, tag) : isCalled(one, name)));
  });
  if (running.length > 0) return running;
  const reference = place ? undefined : parseImageReference(name);
  const asked = place ? tag : tagOf(name);
  const wanted = place ?? reference?.location;
  const heads: Digest[] = [];
  for await (const { location, head } of ledger.streams.all()) {
    const { account, region, repository } = location;
    names.add(`${account}/${region}/${repository}`);
    const isWanted = wanted ? sameLocation(location, wanted) : endsWith(repository, withoutTag(name));
    if (!isWanted) continue;
    const pushed = asked === undefined ? undefined : await ledger.places.lastPushed(location, asked);
    if (asked === undefined) heads.push(...digestsOf(head));
    else if (pushed) heads.push(pushed);
  }
  const pushed = wanted && (await ledger.places.lastPushed(wanted, asked ?? 'latest'));
  const found = await imagesOf(ledger, [...new Set([...heads, ...(pushed ? [pushed] : [])])]);
  if (found.length > 0) return found;
  const ever = await everKnown(ledger);
  const others = (ever?.images ?? []).filter(({ locations, presentNames, references = [] }) => {
    for (const one of [...locations.map(repositoryName), ...references]) names.add(one);
    if (asked !== undefined)
      return [...presentNames, ...references].some((one) => (place ? isAt(one, place, asked) : endsWith(one, name)));
    return place
      ? locations.some((location) => sameLocation(location, place))
      : [...locations.map(repositoryName), ...references].some((one) => endsWith(withoutTag(one), name));
  });
  if (others.length > 0) return others.map(({ digest }) => digest).sort();
  // Hosts and accounts are the same in most names, and would hide a typing error in the name.
  const near = nearest(name, [
    ...new Set([...names].map((one) => (place || reference?.location ? one : repositoryIn(one)))),
  ]);
  throw new NotFoundError(
    `No image is called "${name}" now. ${ever ? '' : `${NOT_ALLOWED} `}Give a digest, the first characters of one, a repository, or a reference as the task definition or pod template writes it.${near.length > 0 ? ` Did you mean:\n  ${near.join('\n  ')}` : ''}`,
  );
}

/** `ACCOUNT/REGION/apps/web` and `HOST/apps/web:1.4` as `apps/web`. */
const repositoryIn = (name: string): string => PLACE.exec(name)?.[3] ?? readImageReference(name)?.repository ?? name;

const sameLocation = (one: ImageLocation, other: ImageLocation): boolean =>
  one.account === other.account && one.region === other.region && one.repository === other.repository;

/** A reference by its end; without a tag it matches every tag of the repository. */
const isCalled = (reference: string, name: string): boolean =>
  endsWith(reference, name) || (tagOf(name) === undefined && endsWith(withoutTag(reference), name));

const endsWith = (whole: string, end: string): boolean => whole === end || whole.endsWith(`/${end}`);

/** A colon starts a tag only after the last slash; before it, a port. */
function tagOf(name: string): string | undefined {
  const [, tag] = /:([^/]*)$/.exec(name.split('@')[0] ?? '') ?? [];
  return tag;
}

const withoutTag = (name: string): string => (name.split('@')[0] ?? '').replace(/:[^/]*$/, '');

async function runningWhere(
  { scopes, usages }: Pick<Ledger, 'scopes' | 'usages'>,
  matches: (usage: Usage) => boolean,
): Promise<Digest[]> {
  const found = new Set<Digest>();
  for await (const { scope } of scopes.all()) {
    for await (const usage of usages.live(scope)) if (matches(usage)) found.add(usage.digest);
  }
  return [...found].sort();
}
