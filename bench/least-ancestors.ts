import { placeKey, pushesOf, SeededTagHistory } from '../local/fleet/places.ts';
import type { Fleet, FleetImage } from '../local/fleet/schema.ts';
import type { Digest, ImageLocation, Platform } from '../shared/domain/image/image.ts';
import type { Policy } from '../shared/domain/policy/policy.ts';
import { findStreams } from '../shared/domain/stream/heads.ts';
import { linesOf, releaseLineOf, streamId, streamRulesOf } from '../shared/domain/stream/stream.ts';
import type { StreamRecord } from '../shared/domain/stream/stream-record.ts';
import { manifestsOf } from './running.ts';

/** One image on one platform, named by its manifest. */
export interface Built {
  readonly manifest: string;
  readonly image: FleetImage;
}

/**
 * The ancestors of running images and of watched heads, and the heads of the streams of these with their ancestors, from the
 * parents in the fleet file. An image that no listing shows is unknown, and its ancestors are not counted.
 * @param listed repositories of base and platform streams (`placeKey`)
 */
export function leastAncestors(
  fleet: Fleet,
  policy: Policy,
  running: readonly Built[],
  listed: ReadonlySet<string>,
): ReadonlyMap<string, FleetImage> {
  const images = new Map(fleet.images.map((image) => [image.name, image]));
  const history = new SeededTagHistory(fleet.images);
  const isKnown = (image: FleetImage): boolean =>
    !image.deleted && !image.archived && pushesOf(image).some((push) => listed.has(placeKey(push)));
  const builtFrom = ({ parent, cachedFrom }: FleetImage) => images.get(parent ?? cachedFrom ?? '');
  const found = new Map(running.map(({ manifest, image }) => [manifest, image]));
  const left = [...running];
  const add = (manifest: string | undefined, image: FleetImage): void => {
    if (manifest === undefined || found.has(manifest)) return;
    found.set(manifest, image);
    left.push({ manifest, image });
  };
  for (const key of listed) {
    for (const head of watchedIn({ fleet, policy, history }, key)) {
      for (const own of manifestsOf(head).images.values()) add(own, head);
    }
  }
  for (const { manifest, image } of left) {
    let below = builtFrom(image);
    while (below && !isKnown(below)) below = builtFrom(below);
    if (!below) continue;
    const platform = [...manifestsOf(image).images].find(([, own]) => own === manifest)?.[0] ?? 'linux/amd64';
    const parent = manifestsOf(below).images.get(platform);
    add(parent, below);
    for (const head of headsOf({ fleet, policy, history }, below)) {
      for (const own of manifestsOf(head).images.values()) add(own, head);
    }
  }
  for (const { manifest } of running) found.delete(manifest);
  return found;
}

interface Known {
  readonly fleet: Fleet;
  readonly policy: Policy;
  readonly history: SeededTagHistory;
}

/** The heads of the stream that made an image, as the tags tell that are there now. */
function headsOf(known: Known, image: FleetImage): readonly FleetImage[] {
  const { policy, history } = known;
  const location = { account: image.account, region: image.region, repository: image.repository };
  const rules = streamRulesOf(policy, location).filter(({ tier }) => tier !== 'application');
  const line = releaseLineOf(rules, tagsNow(history, location, image));
  return line ? headsIn(known, location, ({ headTag }) => headTag === line.headTag) : [];
}

/** The heads of a repository whose streams the policy has scanned although nothing that runs is built on them. */
function watchedIn(known: Known, key: string): readonly FleetImage[] {
  const [account = '', region = '', ...repository] = key.split('/');
  const location = { account, region, repository: repository.join('/') };
  return headsIn(known, location, ({ stream, tier }) => {
    const rule = ruleOf(known.policy, location, stream);
    return tier !== 'application' && (rule?.heads ?? (tier === 'base' ? 'all' : 'in-use')) === 'all';
  });
}

const ruleOf = (policy: Policy, location: ImageLocation, stream: string) =>
  linesOf(streamRulesOf(policy, location)).find(({ name }) => streamId(location, name) === stream)?.rule;

function headsIn(
  { fleet, policy, history }: Known,
  location: ImageLocation,
  isWanted: (stream: StreamRecord) => boolean,
): readonly FleetImage[] {
  const rules = streamRulesOf(policy, location).filter(({ tier }) => tier !== 'application');
  const there = fleet.images.filter(
    (one) => !one.deleted && !one.archived && pushesOf(one).some((push) => placeKey(push) === placeKey(location)),
  );
  const streams = findStreams(
    rules,
    location,
    there.map((one) => ({
      digest: one.name as Digest,
      tags: tagsNow(history, location, one),
      pushedAtEpochMs: -one.pushedDaysAgo,
      children: one.platforms.map((platform: Platform) => ({ digest: one.name as Digest, platform })),
    })),
  );
  const heads = streams.filter(isWanted).flatMap(({ head }) => Object.values(head?.images ?? {}));
  return there.filter(({ name }) => heads.includes(name as Digest));
}

const tagsNow = (history: SeededTagHistory, place: ImageLocation, image: FleetImage): string[] =>
  pushesOf(image)
    .filter((push) => placeKey(push) === placeKey(place))
    .flatMap(({ tags }) => tags.filter((tag) => history.holder(place, tag, 0) === image.name));
