import { type DoorMode, doorsSchema } from '../../shared/domain/policy/doors.ts';
import { policySchema } from '../../shared/domain/policy/policy.ts';
import { parse } from '../../shared/schema.ts';
import { fakeWorld } from './fakes/world.ts';
import { alone, digestOf, imageProperties, judgement, verdict } from './samples.ts';

/** A cluster of ECS. */
export const ECS_PLACE = { account: '111122223333', region: 'eu-west-1', cluster: 'main' };

/** The reference of an image of `doorWorld`, or of one that it does not know. */
export const doorImage = (name: string): string =>
  `111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/${name}@${digestOf(name)}`;

/** A policy whose doors are so. @param more other parts; by default Patchwave may act */
export const doorPolicy = (doors: unknown, more: object = {}) =>
  parse(policySchema, {
    ...{ version: 1, mode: 'enforce', ages: { default: { limitDays: 30 } }, streams: [] },
    ...{ severities: [{ id: 'critical', severities: ['critical'], graceDays: 0 }], ...more },
    doors: parse(doorsSchema, doors),
  });

/** A fleet with the image `compliant`, and with `violating` whose deadline passes now. */
export async function doorWorld(mode: DoorMode = 'deny', doors: object = {}) {
  const made = fakeWorld();
  await made.policies.publish(doorPolicy({ mode, ...doors }), {});
  for (const status of ['compliant', 'violating'] as const) {
    const properties = imageProperties(status);
    await made.images.recordProperties(properties);
    await made.images.recordLineage(properties.digest, alone(properties));
    const reasons = verdict(status).reasons.map((one) => ({ ...one, deadlineEpochMs: made.clock() }));
    const scan = { state: 'complete', completedAtEpochMs: made.clock(), coverage: ['os'] } as const;
    await made.images.recordJudgement(
      judgement(status, made.clock(), { scan, verdict: { ...verdict(status), reasons } }),
    );
  }
  return made;
}

/** The reference of a repository of `doorWorld` by a tag. */
export const doorTag = (name: string, tag = 'stable'): string => doorImage(name).replace(/@.*/, `:${tag}`);

/** A push of a tag of a repository: by default of the image that has its name. */
export async function pushTag(
  { places, clock }: Pick<ReturnType<typeof fakeWorld>, 'places' | 'clock'>,
  name: string,
  { image = name, tag = 'stable', atEpochMs = clock() } = {},
): Promise<void> {
  const location = { account: ECS_PLACE.account, region: ECS_PLACE.region, repository: `team/${name}` };
  const seen = { firstPushSeenAtEpochMs: atEpochMs, lastPushSeenAtEpochMs: atEpochMs };
  await places.recordLocation({ digest: digestOf(image), location, tags: [tag], ...seen });
}
