import type { Context } from 'aws-lambda';
import { protection } from '../../../functions/protection/handler.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Digest, ImageLocation } from '../../../shared/domain/image/image.ts';
import { repositoryName } from '../../../shared/domain/image/reference.ts';
import { type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import type { ImageExpiry, RepositoryCheck } from '../../../shared/domain/retention/image-expiry.ts';
import { parse } from '../../../shared/schema.ts';
import { type FakeWorld, fakeWorld } from '../../support/fakes/world.ts';
import { DAY_MS, digestOf, imageProperties, LOCATION, usage } from '../../support/samples.ts';

export const SCOPE = { account: LOCATION.account, region: LOCATION.region };
export const placeOf = (repository: string, account = SCOPE.account): ImageLocation => ({
  ...SCOPE,
  account,
  repository,
});

const HORIZON_MS = 30 * DAY_MS;
const ENOUGH_MS = 900_000;
const context = (leftMs: number): Context =>
  ({ functionName: 'protection', awsRequestId: 'request-1', getRemainingTimeInMillis: () => leftMs }) as Context;

/** A policy in force, and a scope that was read. */
export async function protectionWorld(policy: Partial<PolicyDocument> = {}): Promise<FakeWorld> {
  const world = fakeWorld();
  const document = {
    version: 1,
    ages: { default: { limitDays: 30 } },
    streams: [],
    severities: [],
    ...policy,
  } as const;
  await world.policies.publish(parse(policySchema, document), {});
  await world.scopes.record({ scope: SCOPE, completeAtEpochMs: world.clock() });
  return world;
}

interface Kept {
  readonly tags?: readonly string[];
  readonly daysAgo?: number;
  readonly on?: string;
  /** Names of what an index holds. */
  readonly holds?: readonly string[];
}

/** An image, or an index, that a repository keeps and the ledger knows. */
export async function keep(
  { registry, images, clock }: FakeWorld,
  location: ImageLocation,
  name: string,
  { tags = [name], daysAgo = 10, on, holds }: Kept = {},
): Promise<Digest> {
  const digest = digestOf(name);
  const pushedAtEpochMs = clock() - daysAgo * DAY_MS;
  const children = holds?.map((child) => ({ digest: digestOf(child), platform: 'linux/arm64' as const }));
  registry.push(location, {
    artifact: children
      ? { kind: 'index', digest, mediaType: 'index', children }
      : { kind: 'image', digest, mediaType: 'image', configDigest: digest, layers: [], annotations: {} },
    ...{ tags, pushedAtEpochMs },
  });
  if (children) return digest;
  await images.recordProperties({ ...imageProperties(name), digest, locations: [location] });
  const parent = on === undefined ? undefined : { digest: digestOf(on), evidence: 'layers' as const };
  await images.recordLineage(digest, {
    ...(parent && { parent }),
    age: { known: true, bornAtEpochMs: pushedAtEpochMs, decidedBy: digest },
  });
  return digest;
}

/** A service runs an image, which it asks for by a tag, or by its digest. */
export const run = ({ usages, clock }: FakeWorld, location: ImageLocation, name: string, by = ':v1'): Promise<void> =>
  usages.record([usage(name, { workload: name, reference: `${repositoryName(location)}${by}` })], clock());

export const expire = (rulePriority: number, selection: object): object => ({
  ...{ rulePriority, selection, action: { type: 'expire' } },
});
export const olderThan = (countNumber: number, tags: object = { tagStatus: 'any' }) => ({
  ...{ ...tags, countType: 'sinceImagePushed', countUnit: 'days', countNumber },
});

interface Found {
  readonly expiries: readonly ImageExpiry[];
  readonly checks: readonly RepositoryCheck[];
  readonly error: Error | undefined;
}

/** One message of the queue, through what Lambda calls, and what the ledger says then. */
export async function look(
  world: FakeWorld,
  { ports = {}, leftMs = ENOUGH_MS }: { readonly ports?: object; readonly leftMs?: number } = {},
): Promise<Found> {
  const services = { ports: { ...world, ...ports }, horizonMs: HORIZON_MS };
  const error = await protection(() => services)(undefined, context(leftMs)).then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  const checks = await collect(world.expiries.checks());
  const expiries = await Promise.all(checks.map(({ location }) => collect(world.expiries.of(location))));
  return { expiries: expiries.flat(), checks, error };
}
