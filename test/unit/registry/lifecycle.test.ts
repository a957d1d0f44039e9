import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { expiryAtEpochMs } from '../../../shared/domain/retention/image-forecast.ts';
import { LifecycleForecast, type ListedArtifact } from '../../../shared/domain/retention/lifecycle-forecast.ts';
import { type LifecycleRule, readLifecyclePolicy, selects } from '../../../shared/domain/retention/lifecycle-policy.ts';
import { protectingTag } from '../../../shared/domain/retention/protecting-tag.ts';
import { tagRefusal, tagsToRemove } from '../../../shared/domain/retention/protection.ts';
import { DAY_MS, digestOf, NOON_EPOCH_MS as NOON } from '../../support/samples.ts';
import { fc } from '../../support/seeded.ts';

/* The lifecycle rules of registry/registry.yaml take no image in use if Patchwave tags images in use. */

const template = parseDocument(readFileSync('registry/registry.yaml', 'utf8'), { logLevel: 'error' });
const policy = template.getIn(['Mappings', 'Lifecycle', 'Policy', 'Text']);
const { rules = [], problem } = readLifecyclePolicy(String(policy));

test('each rule has a known form', () => {
  expect(problem).toBeUndefined();
  expect(rules.map(({ priority, problem }) => ({ priority, problem }))).toEqual(
    [1, 2, 3].map((priority) => ({ priority, problem: undefined })),
  );
});

test('the repositories of imports have the same rules', () => {
  const imports = parseDocument(readFileSync('registry/import.yaml', 'utf8'), { logLevel: 'error' });
  const path = ['Repository&{Repository}', 'Properties', 'LifecyclePolicy', 'LifecyclePolicyText'];
  const text = imports.getIn(['Resources', 'Fn::ForEach::Imports', 2, ...path]);
  const bare = (one: unknown) =>
    JSON.parse(String(one)).rules.map(({ selection, action }: LifecycleRule & Record<string, unknown>) => ({
      selection,
      action,
    }));
  expect(bare(text)).toEqual(bare(policy));
});

test('each image of upstream.yaml has a repository', () => {
  const { images } = parseDocument(readFileSync('registry/upstream.yaml', 'utf8')).toJS();
  const imports = parseDocument(readFileSync('registry/import.yaml', 'utf8'), { logLevel: 'error' });
  const names = images.map(({ repository }: { readonly repository: string }) => repository);
  expect(String(imports.getIn(['Parameters', 'Repositories', 'Default']))).toBe(names.join(','));
});

const at = (day: number): number => NOON + day * DAY_MS;
const HORIZON_MS = 30 * DAY_MS;
const STEP_DAYS = 15;
const LAST_DAY = 800;
const moves = (tag: string): boolean => tag === 'stable' || tag === 'stable-candidate';

interface Image {
  readonly digest: Digest;
  readonly pushedDay: number;
  readonly parent?: Digest;
  /** The tag of its push, which never moves. */
  readonly fixedTag: string;
  protecting: boolean;
  pulledDay?: number;
  archivedDay?: number;
  deleted: boolean;
}

interface Run {
  readonly image: Digest;
  readonly startDay: number;
  readonly endDay: number;
}

const dayBefore = (last: number) => fc.integer({ min: 0, max: last });
const histories = fc.record({
  bases: fc.uniqueArray(dayBefore(LAST_DAY), { minLength: 1, maxLength: 5 }),
  applications: fc.uniqueArray(dayBefore(LAST_DAY), { minLength: 1, maxLength: 6 }),
  runs: fc.array(fc.record({ of: fc.nat(), afterDays: dayBefore(500), days: dayBefore(LAST_DAY) }), {
    minLength: 1,
    maxLength: 6,
  }),
});
type History = typeof histories extends fc.Arbitrary<infer Value> ? Value : never;

/** A base is built on nothing; an application is built on the newest base of its day, or on none. */
function imagesOf({ bases, applications }: History): { bases: Image[]; applications: Image[] } {
  const pushed = (name: string, pushedDay: number): Image => ({
    ...{ digest: digestOf(`${name}-${pushedDay}`), pushedDay, fixedTag: `build-${pushedDay}` },
    ...{ protecting: false, deleted: false },
  });
  const made = bases.toSorted((one, other) => one - other).map((day) => pushed('base', day));
  return {
    bases: made,
    applications: applications.map((day) => {
      const parent = made.findLast((base) => base.pushedDay <= day)?.digest;
      return { ...pushed('application', day), ...(parent !== undefined && { parent }) };
    }),
  };
}

const runsOf = ({ runs }: History, applications: readonly Image[]): readonly Run[] =>
  runs.flatMap(({ of, afterDays, days }) => {
    const image = applications[of % applications.length];
    if (!image) return [];
    const startDay = image.pushedDay + afterDays;
    return [{ image: image.digest, startDay, endDay: startDay + days }];
  });

/** What a repository holds on a day. Its newest image has the moving tags, unless it is an application. */
function listed(images: readonly Image[], day: number): readonly ListedArtifact[] {
  const there = images.filter((image) => image.pushedDay <= day && !image.deleted);
  const head = there.toSorted((one, other) => other.pushedDay - one.pushedDay)[0];
  return there.map((image) => ({
    digest: image.digest,
    tags: [
      image.fixedTag,
      ...(image === head && image.parent === undefined ? ['stable', 'stable-candidate'] : []),
      ...(image.protecting ? [protectingTag(image.digest)] : []),
    ],
    pushedAtEpochMs: at(image.pushedDay),
    ...(image.pulledDay !== undefined && { pulledAtEpochMs: at(image.pulledDay) }),
    ...(image.archivedDay !== undefined && { archivedAtEpochMs: at(image.archivedDay) }),
    archived: image.archivedDay !== undefined,
    isIndex: false,
  }));
}

/** ECR's own way, written naively: what its policy does to a repository on a day. */
function taken(artifacts: readonly ListedArtifact[], day: number): ReadonlyMap<Digest, 'expire' | 'archive'> {
  const isTaken = ({ selection, effect }: LifecycleRule, image: ListedArtifact): boolean => {
    if (!selection || !effect) throw new TypeError('a rule of unknown form');
    const { leaves } = effect;
    if (leaves.by === 'count')
      return (
        artifacts.filter((other) => selects(selection, other) && since(other, 'pushed') > since(image, 'pushed'))
          .length >= leaves.images
      );
    return since(image, leaves.by) + leaves.days * DAY_MS <= at(day);
  };
  return new Map(
    artifacts.flatMap((image) => {
      const claim = rules.find(({ selection }) => selection && selects(selection, image));
      return claim?.effect && isTaken(claim, image) ? [[image.digest, claim.effect.action] as const] : [];
    }),
  );
}

function since(image: ListedArtifact, by: 'pushed' | 'pulled' | 'archived'): number {
  const pushed = image.pushedAtEpochMs ?? 0;
  if (by === 'archived') return image.archivedAtEpochMs ?? pushed;
  return by === 'pulled' ? (image.pulledAtEpochMs ?? pushed) : pushed;
}

/** Patchwave's daily check of a repository (`protection: tag`): it tags what will expire and removes old tags. */
function protect(images: readonly Image[], needed: ReadonlySet<Digest>, day: number): void {
  const artifacts = listed(images, day);
  const nowEpochMs = at(day);
  let before = new LifecycleForecast({ rules, images: artifacts, holders: new Map(), moves, nowEpochMs });
  for (const artifact of artifacts) {
    const forecast = before.forecastOf(artifact.digest);
    if (!needed.has(artifact.digest) || forecast?.state !== 'expires') continue;
    const untilEpochMs = nowEpochMs + HORIZON_MS;
    if (expiryAtEpochMs(forecast.expiry.when) > untilEpochMs) continue;
    const after = before.withTag(artifact.digest, protectingTag(artifact.digest));
    const refusal = tagRefusal({
      ...{ rules, image: artifact, expiry: forecast.expiry, untilEpochMs, needed, before, after },
    });
    expect(refusal).toBeUndefined();
    before = after;
    const image = images.find(({ digest }) => digest === artifact.digest);
    if (image) image.protecting = true;
  }
  for (const { digest } of tagsToRemove(artifacts, needed, moves)) {
    const image = images.find((one) => one.digest === digest);
    if (image) image.protecting = false;
  }
}

/** Runs a history, and returns the images in use that ECR took. */
function inUseTaken(history: History, isProtected: boolean): readonly Digest[] {
  const { bases, applications } = imagesOf(history);
  const byDigest = new Map([...bases, ...applications].map((image) => [image.digest, image]));
  const started = new Set<Run>();
  const lost: Digest[] = [];
  const pull = (digest: Digest | undefined, day: number): void => {
    const image = digest === undefined ? undefined : byDigest.get(digest);
    if (image && !image.deleted && image.archivedDay === undefined) image.pulledDay = day;
  };
  for (let day = 0; day <= LAST_DAY + 500; day += STEP_DAYS) {
    for (const { pushedDay, parent } of applications)
      if (pushedDay <= day && pushedDay > day - STEP_DAYS) pull(parent, pushedDay);
    for (const run of runsOf(history, applications)) {
      const image = byDigest.get(run.image);
      const isStart = run.startDay <= day && run.startDay > day - STEP_DAYS;
      if (!isStart || !image || image.deleted || image.archivedDay !== undefined) continue;
      started.add(run);
      pull(run.image, run.startDay);
    }
    const running = [...started].filter(({ endDay }) => day < endDay).map(({ image }) => image);
    const needed = new Set(running.flatMap((digest) => [digest, byDigest.get(digest)?.parent ?? digest]));
    for (const repository of [bases, applications]) {
      if (isProtected) protect(repository, needed, day);
      for (const [digest, action] of taken(listed(repository, day), day)) {
        if (needed.has(digest)) lost.push(digest);
        const image = byDigest.get(digest);
        if (!image) continue;
        if (action === 'expire') image.deleted = true;
        else image.archivedDay = day;
      }
    }
  }
  return lost;
}

test('in 1,000 histories the rules take no running image and no ancestor of one', () => {
  fc.assert(
    fc.property(histories, (history) => {
      expect(inUseTaken(history, true)).toEqual([]);
    }),
    { numRuns: 1_000 },
  );
});

test('without tags they take what ran for more than a year', () => {
  const history = { bases: [0], applications: [1], runs: [{ of: 0, afterDays: 0, days: 800 }] };
  expect(inUseTaken(history, false).length).toBeGreaterThan(0);
  expect(inUseTaken({ ...history, runs: [{ of: 0, afterDays: 0, days: 364 }] }, false)).toEqual([]);
});
