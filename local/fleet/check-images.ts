import { counted } from '../../shared/domain/common/counted.ts';
import { placeKey, pushesOf, SeededTagHistory } from './places.ts';
import type { FleetProblem } from './problems.ts';
import { type Fleet, type FleetImage, sourceOn } from './schema.ts';

type ImagesByName = ReadonlyMap<string, FleetImage>;

/** The images an image takes its layers from: its parents, or the one whose build it repeats from the cache. */
function sourcesOf(image: FleetImage): string[] {
  return [...new Set(image.platforms.flatMap((platform) => sourceOn(image, platform) ?? []))];
}

export function checkImages(fleet: Fleet): FleetProblem[] {
  const images: ImagesByName = new Map(fleet.images.map((image) => [image.name, image]));
  const cycles = checkCycles(fleet.images, images);
  return [
    ...fleet.images.flatMap((image, i) => checkImage(`images[${i}]`, image, images)),
    ...cycles,
    ...checkPlaces(fleet),
  ];
}

function checkImage(path: string, image: FleetImage, images: ImagesByName): FleetProblem[] {
  return [...checkForm(path, image), ...checkContent(path, image), ...checkSource(path, image, images)];
}

/** What contradicts itself within one image. */
function checkForm(path: string, image: FleetImage): FleetProblem[] {
  const problems: FleetProblem[] = [];
  const add = (field: string, message: string) => problems.push({ path: `${path}.${field}`, message });
  if (image.created !== undefined && image.createdDaysAgo !== undefined) {
    add('created', 'give either "created" or "createdDaysAgo"');
  }
  if (new Set(image.platforms).size < image.platforms.length) add('platforms', 'a platform is named twice');
  if (image.mediaType === 'docker') {
    if (image.index === 'attestations-only') add('index', 'a Docker manifest list has no attestations; use "oci"');
    if (Object.keys(image.annotations).length > 0)
      add('annotations', 'a Docker manifest has no annotations; use "oci"');
  }
  return problems;
}

function checkContent(path: string, image: FleetImage): FleetProblem[] {
  const problems: FleetProblem[] = [];
  const add = (field: string, message: string) => problems.push({ path: `${path}.${field}`, message });
  const hasPackages = Object.keys(image.packages).length > 0;
  if (image.cachedFrom !== undefined) {
    for (const field of ['parent', 'parentOn', 'os', 'layers'] as const) {
      if (image[field] !== undefined)
        add(field, `${field} comes from "${image.cachedFrom}" (cachedFrom); leave it out`);
    }
    if (hasPackages) add('packages', `packages come from "${image.cachedFrom}" (cachedFrom); leave them out`);
  } else if (image.parent === undefined) {
    if (image.os === undefined) add('os', 'an image without a parent needs an os');
    if (image.layers === 0) add('layers', 'an image without a parent needs a layer');
    if (image.parentOn !== undefined) add('parentOn', '"parentOn" needs "parent"');
  }
  if (image.layers === 0 && hasPackages) add('packages', 'packages need a layer of their own, but "layers" is 0');
  if (hasPackages && (image.os === 'scratch' || image.os === 'unknown')) {
    add('packages', `os "${image.os}" has no package database, so it can have no packages`);
  }
  return problems;
}

function checkSource(path: string, image: FleetImage, images: ImagesByName): FleetProblem[] {
  return sourcesOf(image).flatMap((name) => {
    const field = image.cachedFrom === name ? 'cachedFrom' : image.parent === name ? 'parent' : 'parentOn';
    const source = images.get(name);
    return source === undefined
      ? [{ path: `${path}.${field}`, message: `no image is named "${name}"` }]
      : [...checkOneSource(path, field, image, source), ...checkInheritedOs(path, image, source, images)];
  });
}

function checkOneSource(path: string, field: string, image: FleetImage, source: FleetImage): FleetProblem[] {
  const { name } = source;
  const problems: FleetProblem[] = [];
  if (source.index === 'empty' || source.index === 'attestations-only') {
    problems.push({ path: `${path}.${field}`, message: `the index of "${name}" has no image to build on` });
  } else {
    const lacking = image.platforms.filter(
      (platform) => sourceOn(image, platform) === name && !source.platforms.includes(platform),
    );
    if (lacking.length > 0) {
      problems.push({ path: `${path}.platforms`, message: `"${name}" (${field}) has no ${lacking.join(', ')}` });
    }
  }
  if (source.pushedDaysAgo < image.pushedDaysAgo) {
    const message = `the image would be pushed before "${name}" (${field}), which was pushed ${counted(source.pushedDaysAgo, 'day')} ago`;
    problems.push({ path: `${path}.pushedDaysAgo`, message });
  }
  return problems;
}

function checkInheritedOs(path: string, image: FleetImage, source: FleetImage, images: ImagesByName): FleetProblem[] {
  const root = rootOf(source, images);
  if (root?.os === undefined) return [];
  if (image.os !== undefined && image.os !== root.os) {
    return [
      {
        path: `${path}.os`,
        message: `"${image.os}", but the image is built on "${root.name}", whose os is "${root.os}"`,
      },
    ];
  }
  if (Object.keys(image.packages).length > 0 && (root.os === 'scratch' || root.os === 'unknown')) {
    const message = `the image is built on "${root.name}", whose os "${root.os}" has no package database`;
    return [{ path: `${path}.packages`, message }];
  }
  return [];
}

/** The lowest image under an image; undefined when its sources are a cycle or lead nowhere. */
function rootOf(image: FleetImage, images: ImagesByName): FleetImage | undefined {
  const seen = new Set<FleetImage>();
  let current: FleetImage | undefined = image;
  while (current !== undefined && !seen.has(current)) {
    seen.add(current);
    const [source] = sourcesOf(current);
    if (source === undefined) return current;
    current = images.get(source);
  }
  return undefined;
}

function checkCycles(all: readonly FleetImage[], images: ImagesByName): FleetProblem[] {
  const done = new Set<string>();
  const cycleFrom = (name: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name];
    const image = images.get(name);
    if (image === undefined || done.has(name)) return undefined;
    const cycles = sourcesOf(image).map((source) => cycleFrom(source, [...trail, name]));
    done.add(name);
    return cycles.find((cycle) => cycle !== undefined);
  };
  return all.flatMap((image, i) => {
    const cycle = cycleFrom(image.name, []);
    if (cycle === undefined) return [];
    const field = image.cachedFrom === undefined ? 'parent' : 'cachedFrom';
    return [
      {
        path: `images[${i}].${field}`,
        message: `these images are built on one another in a circle: ${cycle.join(' -> ')}`,
      },
    ];
  });
}

function checkPlaces(fleet: Fleet): FleetProblem[] {
  const repositories = new Map(fleet.repositories.map((r) => [placeKey({ ...r, repository: r.name }), r]));
  const enhanced = new Set(
    fleet.registries.filter(({ scanType }) => scanType === 'ENHANCED').map((r) => `${r.account}/${r.region}`),
  );
  const history = new SeededTagHistory(fleet.images);
  return fleet.images.flatMap((image, i) =>
    pushesOf(image).flatMap((push, p) => {
      const path = p === 0 ? `images[${i}]` : `images[${i}].copies[${p - 1}]`;
      const repository = repositories.get(placeKey(push));
      if (repository === undefined) {
        return [{ path: `${path}.repository`, message: `no repository "${placeKey(push)}" is listed in repositories` }];
      }
      const problems: FleetProblem[] = [];
      if (p === 0 && image.lastScannedDaysAgo !== undefined && enhanced.has(`${push.account}/${push.region}`)) {
        problems.push({
          path: `${path}.lastScannedDaysAgo`,
          message: 'the registry of the image is ENHANCED and makes no basic scan',
        });
      }
      if (image.inspection !== undefined && !enhanced.has(`${push.account}/${push.region}`)) {
        problems.push({
          path: `${path}.inspection`,
          message: 'its registry is BASIC, so Amazon Inspector does not scan it',
        });
      }
      push.tags.forEach((tag, t) => {
        const holders = new Set(history.everHeld(push, tag));
        if (repository.tagMutability === 'IMMUTABLE' && holders.size > 1) {
          const message = `${[...holders].join(' and ')} push "${tag}", but tags of this repository are IMMUTABLE`;
          problems.push({ path: `${path}.tags[${t}]`, message });
        }
      });
      return problems;
    }),
  );
}
