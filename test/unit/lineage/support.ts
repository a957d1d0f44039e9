import type { Context } from 'aws-lambda';
import type { LineagePart } from '../../../functions/lineage/find-lineage.ts';
import { lineage } from '../../../functions/lineage/handler.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { ImageLineage } from '../../../shared/domain/age/image-lineage.ts';
import type { BirthEvidenceKind } from '../../../shared/domain/image/birth.ts';
import {
  type Digest,
  type ImageLocation,
  locationKey,
  registryKey,
  type StreamTier,
} from '../../../shared/domain/image/image.ts';
import { baseRepositoriesOf } from '../../../shared/domain/lineage/base-readings.ts';
import { chainId } from '../../../shared/domain/lineage/chain-id.ts';
import { type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import { runFileKeys } from '../../../shared/review/documents.ts';
import { parse } from '../../../shared/schema.ts';
import { type FakeWorld, fakeWorld } from '../../support/fakes/world.ts';
import { previewOf } from '../../support/preview.ts';
import { DAY_MS, digestOf, LOCATION } from '../../support/samples.ts';

export const context = { functionName: 'lineage', awsRequestId: 'request-1', memoryLimitInMB: '2048' } as Context;
export const RUN = 'run-1';
export const SCOPE = { account: LOCATION.account, region: LOCATION.region };

type Tier = StreamTier;
export const streamOf = (tier: Tier, line = 'one'): string => `${tier}/${line}`;

export interface LineageWorld extends FakeWorld {
  readonly policyVersion: string;
}

export async function lineageWorld(
  ages: Partial<PolicyDocument['ages']> = {},
  changes: Partial<PolicyDocument> = {},
): Promise<LineageWorld> {
  const world = fakeWorld();
  const policy = {
    version: 1,
    ages: { default: { limitDays: 30 }, ...ages },
    streams: [],
    severities: [],
    ...changes,
  } as const;
  const policyVersion = await world.policies.publish(parse(policySchema, policy), {});
  await world.runFiles.put(runFileKeys(RUN).scopes, [{ scope: SCOPE }]);
  const known = { ...world, policyVersion };
  await readRegistries(known);
  return known;
}

/** What the step over registries leaves for those of base and platform rules: all of them read, but for `failed`. */
export async function readRegistries(world: LineageWorld, failed: readonly string[] = []): Promise<void> {
  const { policy } = await world.policies.load(world.policyVersion);
  const keys = new Set(baseRepositoriesOf(policy).map(registryKey));
  for (const key of keys) {
    const of = baseRepositoriesOf(policy).filter((one) => registryKey(one) === key);
    const unread = failed.includes(key) ? of.map(({ repository }) => repository) : [];
    const status = failed.includes(key) ? 'failed' : 'complete';
    const part = { key, status, images: 0, missing: 0, beganAtEpochMs: world.clock(), unread } as const;
    await world.runs.recordPart(RUN, { kind: 'registry', ...part });
  }
}

interface Pushed {
  readonly layers: readonly string[];
  /** The same layers by what they unpack to. */
  readonly unpacked?: readonly string[];
  readonly tier?: Tier;
  readonly line?: string;
  /** When its content was made. */
  readonly daysAgo?: number;
  readonly isHead?: boolean;
  /** What tells when its content was made, or that it was there. */
  readonly evidence?: BirthEvidenceKind;
  /** Nothing tells when its content was made. */
  readonly isUndated?: boolean;
  /** No release line made it. */
  readonly isBranch?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  /** As the policy names it. */
  readonly stream?: string;
}

/** An image as inventory leaves it: facts, content, place, and its place in its stream. */
export async function push(world: FakeWorld, name: string, pushed: Pushed): Promise<Digest> {
  const { layers, tier = 'application', line = 'one', daysAgo = 10, isHead = false, isBranch = false, labels } = pushed;
  const [digest, bornAtEpochMs] = [digestOf(name), world.clock() - daysAgo * DAY_MS];
  const [stream, location] = [pushed.stream ?? streamOf(tier, line), placeOf(tier, line)];
  const chain = chainId(layers.map(digestOf));
  await world.images.recordProperties({
    ...{ digest, tier, owner: 'team', platform: 'linux/amd64', locations: [location] },
    ...(!isBranch && { stream }),
    ...(chain !== undefined && { chainId: chain }),
    birth: pushed.isUndated
      ? { known: false, rejected: [] }
      : {
          known: true,
          bornAtEpochMs,
          evidence: [{ kind: pushed.evidence ?? 'config-created', atEpochMs: bornAtEpochMs }],
        },
  });
  const diffIds = pushed.unpacked?.map(digestOf);
  await world.contents.record([
    { digest, layers: layers.map(digestOf), ...(labels && { labels }), ...(diffIds && { diffIds }) },
  ]);
  await world.places.recordLocation({ digest, location, tags: [name], firstPushSeenAtEpochMs: bornAtEpochMs });
  await world.streamImages.record(isBranch ? locationKey(location) : stream, { digest });
  if (isBranch) return digest;
  const before = (await world.streams.streams([stream])).get(stream);
  const head = isHead ? { images: { 'linux/amd64': digest } } : before?.head;
  const record = { stream, tier, owner: 'team', location, headTag: '^1$', ...(head && { head }) } as const;
  await world.streams.recordStream(record, before);
  if (isHead) await world.images.recordPresence(digest, { isHead });
  return digest;
}

export const placeOf = (tier: Tier, line = 'one'): ImageLocation => ({ ...SCOPE, repository: streamOf(tier, line) });

/** What ran when the scope was read in this run. */
export async function runs(world: FakeWorld, ...names: readonly string[]): Promise<void> {
  for (const name of names) await world.images.recordPresence(digestOf(name), { inUse: true });
  await world.runFiles.put(runFileKeys(RUN).digests(SCOPE), names.map(digestOf).sort());
}

/** The step of a run, through what Lambda calls, and the part that it left; where it could not do all, it fails too. */
export async function findIn(
  world: LineageWorld,
  changes: { readonly mode?: 'preview'; readonly ports?: object } = {},
): Promise<LineagePart> {
  const { mode = 'review', ports = {} } = changes;
  const { policies, policyVersion, clock, runFiles: files } = world;
  const ledgers = { ...world, ...ports };
  const seen = mode === 'preview' ? { ...ledgers, ...previewOf(ledgers, files, RUN) } : ledgers;
  const services = { reviewing: () => ({ ...seen, policies, files, clock }), following: world };
  const error = await lineage(() => services)({ action: 'find', runId: RUN, mode, policyVersion }, context).then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  const part = (await collect(seen.runs.parts(RUN))).find(({ kind }) => kind === 'lineage') as LineagePart | undefined;
  if (!part) throw error ?? new Error('the step left no part');
  expect(error?.name).toBe(part.failed > 0 ? 'LineageIncompleteError' : undefined);
  return part;
}

export const imageLineageOf = async (
  { images }: Pick<FakeWorld, 'images'>,
  name: string,
): Promise<ImageLineage | undefined> => (await images.get([digestOf(name)])).get(digestOf(name))?.lineage;

/** A base of 40 days, a platform on it of 20, an application on that of 5 days that runs. */
export async function threeTiers(world: FakeWorld): Promise<void> {
  await push(world, 'base', { tier: 'base', layers: ['os'], daysAgo: 40, isHead: true });
  await push(world, 'platform', { tier: 'platform', layers: ['os', 'node'], daysAgo: 20, isHead: true });
  await push(world, 'app', { layers: ['os', 'node', 'code'], daysAgo: 5 });
  await runs(world, 'app');
}
