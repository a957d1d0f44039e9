import { effectOf } from '../../../cli/policy/policy-change.ts';
import { type ImageLocation, locationKey } from '../../../shared/domain/image/image.ts';
import { type Policy, type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import { foreseeReview } from '../../../shared/judging/foresee-images.ts';
import { parse } from '../../../shared/schema.ts';
import { type FakeWorld, fakeWorld } from '../../support/fakes/world.ts';
import {
  alone,
  DAY_MS,
  digestOf,
  finding,
  imageProperties,
  judgement,
  LOCATION,
  stream,
  usage,
  verdict,
} from '../../support/samples.ts';

const policyOf = (document: Partial<PolicyDocument>) =>
  parse(policySchema, { version: 1, ages: { default: { limitDays: 90 } }, streams: [], severities: [], ...document });

const effectIn = async (world: FakeWorld, policy: Policy) => {
  const ledger = { ...world, index: world.images };
  return effectOf(ledger, policy, await foreseeReview(ledger, { policy, version: 'next' }, undefined));
};

test("grace under another policy starts at the first sighting in the image's location, even without a stream", async () => {
  const world = fakeWorld();
  const { stream: _, ...streamless } = imageProperties('a');
  const { account, region, repository } = LOCATION;
  const high = { ...finding(1), severity: 'high' } as const;
  await world.images.recordProperties(streamless);
  await world.images.recordLineage(digestOf('a'), alone(streamless));
  await world.images.recordPresence(digestOf('a'), { inUse: true });
  await world.images.recordJudgement(judgement('a', world.clock(), { verdict: verdict('compliant') }));
  await world.places.recordLocation({ digest: digestOf('a'), location: LOCATION, tags: ['branch', 'kept'] });
  // The tag moved on to another image.
  const later = { firstPushSeenAtEpochMs: world.clock(), lastPushSeenAtEpochMs: world.clock() };
  await world.places.recordLocation({ digest: digestOf('b'), location: LOCATION, tags: ['branch'], ...later });
  await world.evidence.putFindings({
    ...{ digest: digestOf('a'), scanner: 'ecr-basic', completedAtEpochMs: world.clock() },
    findings: [high],
  });
  const policy = policyOf({ severities: [{ id: 'high-in-a-week', severities: ['high'], graceDays: 7 }] });
  const effect = () => effectIn(world, policy);

  expect((await effect()).changes).toEqual([]);
  await world.streams.recordFirstSeen(
    `${account}/${region}/${repository}`,
    new Map([[`${high.vulnerability}#${high.package}`, world.clock() - 8 * DAY_MS]]),
  );
  expect((await effect()).changes).toMatchObject([
    { image: `${repository}:kept`, before: 'compliant', after: 'violating', rules: ['high-in-a-week'] },
  ]);
});

test('an image whose last scan is old is judged as the next review judges it: that has it scanned again', async () => {
  const world = fakeWorld();
  const { stream: _, ...streamless } = imageProperties('a');
  await world.images.recordProperties(streamless);
  await world.images.recordLineage(digestOf('a'), alone(streamless));
  await world.images.recordPresence(digestOf('a'), { inUse: true });
  await world.images.recordJudgement(judgement('a', world.clock(), { verdict: verdict('compliant') }));
  await world.evidence.putFindings({
    ...{ digest: digestOf('a'), scanner: 'ecr-basic', completedAtEpochMs: world.clock(), findings: [] },
  });
  world.advance(5 * DAY_MS);
  expect((await effectIn(world, policyOf({ staleScanHours: 24 }))).changes).toEqual([]);
});

describe('the tier of an image under another policy is that of the next review', () => {
  const ruleIn = (repository: string, tier: 'base' | 'application', headTag = '^v$') => ({
    ...{ id: tier, tier, account: LOCATION.account, regions: [LOCATION.region], owner: 'web' },
    ...{ repositories: [repository], headTags: [headTag] },
  });
  const bases = { id: 'high-in-bases', severities: ['high' as const], graceDays: 0, tiers: ['base' as const] };
  const copies = { ...LOCATION, repository: 'a-copy' };

  /** An image with a finding, of the stream `^v$` of its repository. */
  async function flawed(locations: readonly ImageLocation[] = [LOCATION]) {
    const world = fakeWorld();
    const digest = digestOf('a');
    const properties = { ...imageProperties('a'), locations, stream: `${locationKey(LOCATION)}:^v$` };
    await world.images.recordProperties(properties);
    await world.images.recordLineage(digest, alone(properties));
    await world.images.recordPresence(digest, { inUse: true });
    await world.images.recordJudgement(judgement('a', world.clock(), { verdict: verdict('compliant') }));
    const completedAtEpochMs = world.clock();
    const findings = [{ ...finding(1), severity: 'high' as const }];
    await world.evidence.putFindings({ digest, scanner: 'ecr-basic', completedAtEpochMs, findings });
    const there = (location: typeof LOCATION, tags: readonly string[], firstPushSeenAtEpochMs: number) =>
      world.places.recordLocation({
        digest,
        location,
        tags,
        firstPushSeenAtEpochMs,
        lastPushSeenAtEpochMs: firstPushSeenAtEpochMs,
      });
    const changesUnder = async (...streams: PolicyDocument['streams']) =>
      (await effectIn(world, policyOf({ streams, severities: [bases] }))).changes;
    return { world, there, changesUnder };
  }

  test('where a copy sorts first: of the place that had it first', async () => {
    const { world, there, changesUnder } = await flawed([copies, LOCATION]);
    await there(LOCATION, ['v'], world.clock() - 2 * DAY_MS);
    await there(copies, ['v'], world.clock() - DAY_MS);
    expect(await changesUnder(ruleIn('a-copy', 'application'), ruleIn(LOCATION.repository, 'base'))).toMatchObject([
      { after: 'violating', rules: ['high-in-bases'] },
    ]);
    expect(await changesUnder(ruleIn('a-copy', 'base'), ruleIn(LOCATION.repository, 'application'))).toEqual([]);
  });

  test('where its tags match no head tag any more: of its stream', async () => {
    const { world, there, changesUnder } = await flawed();
    await there(LOCATION, ['moved'], world.clock() - 2 * DAY_MS);
    const other = { ...ruleIn(LOCATION.repository, 'application', '^other$'), id: 'first' };
    expect(await changesUnder(other, ruleIn(LOCATION.repository, 'base'))).toMatchObject([{ after: 'violating' }]);
  });
});

describe('reports policy parts without effect', () => {
  const rule = (id: string, repository: string) => ({
    ...{ id, tier: 'application' as const, account: LOCATION.account, regions: [LOCATION.region], owner: 'web' },
    ...{ repositories: [repository], headTags: ['^v$'] },
  });
  const policy = policyOf({ streams: [rule('kept', LOCATION.repository), rule('misspelt', 'aps/*')] });

  test('a rule without a repository, and a running stream without a rule', async () => {
    const world = fakeWorld();
    const gone = stream({ stream: '111122223333/us-east-1/gone/old:^v$' });
    await world.streams.recordStream(stream({ stream: `${locationKey(LOCATION)}:^v$` }), undefined);
    await world.streams.recordStream(gone, undefined);
    await world.images.recordProperties({ ...imageProperties('a'), stream: gone.stream });
    await world.images.recordPresence(digestOf('a'), { inUse: true });
    await world.images.recordJudgement(judgement('a', world.clock(), { verdict: verdict('violating') }));
    expect((await effectIn(world, policy)).warnings).toEqual([
      expect.stringMatching(/^Rule misspelt matches no repository that Patchwave has seen/),
      expect.stringMatching(/^No rule names stream 111122223333\/us-east-1\/gone\/old/),
    ]);
  });

  test('a rule whose tiers have no repository', async () => {
    const world = fakeWorld();
    await world.streams.recordStream(stream({ stream: `${locationKey(LOCATION)}:^v$` }), undefined);
    const streams = [rule('kept', LOCATION.repository)];
    const changes = {
      sourceKnown: { tiers: ['base' as const] },
      nonRoot: { tiers: ['base' as const, 'application' as const] },
      tags: { tiers: { platform: 'versions' as const } },
    };
    const { warnings } = await effectIn(world, policyOf({ streams, ...changes }));
    expect(warnings).toEqual([
      expect.stringMatching(/^Rule source-known judges no image: .*Correct its tiers/),
      expect.stringMatching(/^Rule tags judges no image: /),
    ]);
  });

  test('but not before the first review', async () => {
    const world = fakeWorld();
    expect((await effectIn(world, policy)).warnings).toEqual([]);
  });
});

test('warns before a scope with usages leaves the policy', async () => {
  const world = fakeWorld();
  const { account, region } = LOCATION;
  const other = { account: '444455556666', region };
  await world.scopes.record({ scope: { account, region }, completeAtEpochMs: world.clock() });
  await world.scopes.record({ scope: other, completeAtEpochMs: world.clock() });
  await world.usages.record([usage('a'), usage('b', other)], world.clock());
  const warningsOf = async (scopes: PolicyDocument['scopes']) =>
    (await effectIn(world, policyOf({ ...(scopes && { scopes }) }))).warnings;

  expect(await warningsOf('organization')).toEqual([]);
  expect(await warningsOf([{ account, regions: [region] }])).toEqual([
    expect.stringContaining(
      `Scope ${other.account}/${region} would leave the fleet, although images ran there at the last review (1 container). `,
    ),
  ]);
  const both = [
    { account, regions: ['eu-south-2'] },
    { account: other.account, regions: [region] },
  ];
  expect(await warningsOf(both)).toEqual([expect.stringContaining(`Scope ${account}/${region} would leave`)]);
});
