import { type HandledMessages, handleMessages } from '../../../functions/registry-events/registry-events.ts';
import type { RoutePorts } from '../../../functions/registry-events/route.ts';
import { REBUILD_LABEL } from '../../../shared/domain/cause/rebuild.ts';
import type { Digest, ImageLocation, Platform } from '../../../shared/domain/image/image.ts';
import { type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import { parse } from '../../../shared/schema.ts';
import { interleave, type Turns } from '../../support/fakes/interleave.ts';
import { type FakeWorld, fakeWorld } from '../../support/fakes/world.ts';
import { digestOf } from '../../support/samples.ts';

export const LOCATION: ImageLocation = { account: '111122223333', region: 'eu-west-1', repository: 'team/web' };
export const LINE = '111122223333/eu-west-1/team/web:^v[0-9.]+$';
export const LTS = '111122223333/eu-west-1/team/web:^lts-[0-9.]+$';

const policy: PolicyDocument = {
  version: 1,
  mode: 'enforce',
  ages: { default: { limitDays: 30 } },
  streams: [
    {
      ...{ id: 'web', tier: 'application', account: LOCATION.account, regions: [LOCATION.region], owner: 'payments' },
      ...{ repositories: ['team/*'], headTags: ['^v[0-9.]+$', '^lts-[0-9.]+$'] },
    },
  ],
  severities: [],
};

export interface PushWorld extends FakeWorld {}

export async function pushWorld(changes: Partial<PolicyDocument> = {}): Promise<PushWorld> {
  const world = fakeWorld();
  await world.policies.publish(parse(policySchema, { ...policy, ...changes }), {});
  return world;
}

const INTERLEAVED = [
  ...(['images', 'places', 'fleetPlaces', 'contents', 'streams', 'streamImages'] as const),
  ...(['policies', 'guards', 'registry', 'deadLetters'] as const),
];

/** The ports of one Lambda invocation; a test may come between any two of its calls. */
export function portsOf(world: PushWorld, turns: Turns = {}): RoutePorts {
  const interleaved = Object.fromEntries(INTERLEAVED.map((name) => [name, interleave(name, world[name], turns)]));
  const asking = {
    scanner: interleave('scanner', world.scanner, turns),
    pace: async () => undefined,
    retry: { attempts: 1, wait: async () => undefined },
  };
  return {
    ...world,
    ...interleaved,
    planner: interleave('planner', world.wakings, turns),
    judging: interleave('judging', world.judging, turns),
    following: interleave('following', world.following, turns),
    asking,
    pushQueueUrl: 'https://sqs.eu-west-1.amazonaws.com/111122223333/pushes',
  };
}

/** What somebody asks to be looked at, is; what fails is delivered again another time. */
export async function answerRefreshes(world: PushWorld, turns: Turns = {}): Promise<HandledMessages> {
  const bodies = world.refreshes.take();
  try {
    const handled = await handleMessages(portsOf(world, turns), messages(bodies));
    for (const { messageId } of handled.failed) world.refreshes.deliverAgain(bodies[Number(messageId.slice(1))] ?? '');
    return handled;
  } catch (error) {
    for (const body of bodies) world.refreshes.deliverAgain(body);
    throw error;
  }
}

export interface Push {
  readonly name: string;
  readonly tag?: string;
  /** Seconds after the world began; now where left out. */
  readonly atSeconds?: number;
  readonly platform?: Platform;
  readonly location?: ImageLocation;
  readonly rebuildId?: string;
  /** Names of the images that it is built on, lowest first. */
  readonly on?: readonly string[];
  /** Its config does not tell when it was made. */
  readonly isUndated?: boolean;
  /** Names of images, by platform: then it is an index. */
  readonly children?: Readonly<Record<Platform, string>>;
}

/** Pushes, and gives the event that tells of it. */
export function pushed({ registry, clock }: PushWorld, push: Push): string {
  const {
    name,
    tag,
    atSeconds,
    platform = 'linux/arm64',
    location = LOCATION,
    rebuildId,
    children,
    on = [],
    isUndated = false,
  } = push;
  const pushedAtEpochMs = atSeconds === undefined ? clock() : START_MS + atSeconds * 1000;
  const digest = digestOf(name);
  const mediaType = `application/vnd.oci.image.${children ? 'index' : 'manifest'}.v1+json`;
  const configDigest = digestOf(`config of ${name}`);
  const layers = [...on, name].map((one) => digestOf(`layer of ${one}`));
  const held = Object.entries(children ?? {}) as [Platform, string][];
  registry.push(location, {
    artifact: children
      ? {
          kind: 'index',
          digest,
          mediaType,
          children: held.map(([on, child]) => ({ digest: digestOf(child), platform: on })),
        }
      : { kind: 'image', digest, mediaType, configDigest, layers, annotations: {} },
    ...{ tags: tag === undefined ? [] : [tag], pushedAtEpochMs },
    config: {
      platform,
      ...(!isUndated && { createdAtEpochMs: pushedAtEpochMs - 60_000 }),
      labels: rebuildId === undefined ? {} : { [REBUILD_LABEL]: rebuildId },
    },
  });
  return eventOf({ digest, location, atEpochMs: pushedAtEpochMs, ...(tag !== undefined && { tag }) });
}

const START_MS = 1_795_489_200_000;

/** As EventBridge delivers it. */
export const eventOf = ({
  digest,
  location: { account, region, repository } = LOCATION,
  atEpochMs = START_MS,
  tag,
  action = 'PUSH',
}: {
  readonly digest: Digest;
  readonly location?: ImageLocation;
  readonly atEpochMs?: number;
  readonly tag?: string;
  readonly action?: string;
}): string =>
  JSON.stringify({
    ...{ version: '0', id: '1', source: 'aws.ecr', account, region, resources: [] },
    ...{ 'detail-type': 'ECR Image Action', time: new Date(atEpochMs).toISOString() },
    detail: {
      ...{ result: 'SUCCESS', 'repository-name': repository, 'image-digest': digest, 'action-type': action },
      ...(tag !== undefined && { 'image-tag': tag }),
    },
  });

/** As Lambda hands them over. */
export const messages = (bodies: readonly string[], queue = 'pushes') =>
  bodies.map((body, n) => ({
    ...{ messageId: `m${n}`, body },
    eventSourceARN: `arn:aws:sqs:eu-west-1:111122223333:${queue}`,
  }));

export const headOf = async ({ streams }: PushWorld, line = LINE) => (await streams.streams([line])).get(line)?.head;

/** Everything that pushes write, for comparing two worlds. */
export const dump = (world: PushWorld) => ({
  images: [...world.images.records.values()].sort((one, other) => (one.digest < other.digest ? -1 : 1)),
  places: sorted(world.places.dump()),
  contents: sorted(world.contents.dump()),
  streams: sorted(world.streams.dump()),
  streamImages: sorted(world.streamImages.dump()),
});

const sorted = (dumped: readonly unknown[]) =>
  [...(dumped as readonly { readonly key: string }[])].sort((one, other) => (one.key < other.key ? -1 : 1));
