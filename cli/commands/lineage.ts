import type { Digest } from '../../shared/domain/image/image.ts';
import { repositoryName } from '../../shared/domain/image/reference.ts';
import { ancestorsOf, findParents } from '../../shared/domain/lineage/find-parents.ts';
import type { Parents } from '../../shared/domain/lineage/parent.ts';
import { UNKNOWN_PLATFORM } from '../../shared/domain/lineage/variants.ts';
import { declaredParentsIn } from '../../shared/domain/stream/declared-parents.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { NoPolicyError, PolicyUnreadableError } from '../../shared/ports/errors.ts';
import type { KnownLineage } from '../../shared/ports/ledger.ts';
import type { CliContext, Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { findImages } from '../explain/find-image.ts';
import { lineageText } from '../lineage/render-lineage.ts';
import { print, printJson } from '../output.ts';
import { shortName } from '../short-name.ts';

type KnownImage = KnownLineage['images'][number];

/** The name of an image: its tags, else its location, else the reference of its tasks. */
function namesOf({ presentNames, locations, references = [] }: KnownImage): readonly string[] {
  if (presentNames.length > 0) return presentNames;
  const places = locations.map(repositoryName);
  return places.length > 0 ? places : references;
}

/** The ancestors and descendants of some images; all images if none is given. */
async function familyOf(
  context: CliContext,
  images: readonly KnownImage[],
  parents: Parents,
  name: string | undefined,
): Promise<readonly KnownImage[]> {
  if (name === undefined) return images;
  const asked = new Set(await findImages(context, name));
  const below = new Set([...asked].flatMap((digest) => ancestorsOf(parents, digest).map((parent) => parent.digest)));
  const isAbove = (digest: Digest) => ancestorsOf(parents, digest).some((parent) => asked.has(parent.digest));
  return images.filter(({ digest }) => asked.has(digest) || below.has(digest) || isAbove(digest));
}

const imageRow = (image: KnownImage, parents: Parents) => {
  const { digest, tier, stream, platform, inUse, isHead }: ImageRecord = image;
  const parent = parents.get(digest);
  return {
    digest,
    names: namesOf(image),
    platform,
    tier,
    stream,
    inUse,
    isHead,
    parent: parent?.digest ?? null,
    evidence: parent?.evidence ?? null,
  };
};

/**
 * Attestations and charts are in the same repositories but are no images (`Unusable` of the manifest), and so are
 * indexes of attestations alone.
 */
const isImage = ({ unresolved, platform }: KnownImage): boolean =>
  !NO_IMAGES.includes(unresolved?.code ?? '') && platform !== UNKNOWN_PLATFORM;

const NO_IMAGES: readonly string[] = ['not-an-image', 'empty-index'];

/** The policy in force; an unreadable or missing one declares nothing. */
async function declaredBy({ policies }: Pick<CliContext, 'policies'>): Promise<ReturnType<typeof declaredParentsIn>> {
  try {
    return declaredParentsIn((await policies.current()).policy);
  } catch (error) {
    if (error instanceof NoPolicyError || error instanceof PolicyUnreadableError) return () => [];
    throw error;
  }
}

export const lineageCommand: Command = {
  summary: 'Shows which image is built on which; with IMAGE, only its ancestors and descendants.',
  synopsis: '[IMAGE]',
  words: [0, 1],
  argumentHelp: {
    IMAGE:
      'a digest or its first characters, a reference or its end (web:1.4.2), a repository (apps/web), ACCOUNT/REGION/REPOSITORY, either of them with @DIGEST, or a stream',
  },
  options: {},
  optionHelp: {},
  async run(context, { positionals, json }) {
    const connected = await context();
    const { images: all, indexes } = await connected.lineage();
    const images = all.filter(isImage);
    const declaredParents = await declaredBy(connected);
    const parents = findParents(
      images.map(({ layered, stream }) => ({ ...layered, declaredParents: declaredParents(stream) })),
      indexes,
    );
    const family = await familyOf(connected, images, parents, positionals[0]);
    if (json) printJson(family.map((image) => imageRow(image, parents)));
    else print(lineageText(family.map(named), parents));
    return EXIT.done;
  },
};

const named = (image: KnownImage) => ({
  digest: image.digest,
  names: namesOf(image).map(shortName),
  platform: image.platform ?? '',
});
