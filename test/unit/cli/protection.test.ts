import { protectionCommand } from '../../../cli/commands/protection.ts';
import { whyCommand } from '../../../cli/commands/why.ts';
import type { ExpiryState, ImageExpiry, RepositoryCheck } from '../../../shared/domain/retention/image-expiry.ts';
import { type FakeWorld, fakeWorld, START_EPOCH_MS as NOW } from '../../support/fakes/world.ts';
import { DAY_MS, digestOf, imageProperties, LOCATION, usage } from '../../support/samples.ts';
import { readOnlyContext, run, runJson } from './support.ts';

const check = (changes: Partial<RepositoryCheck> = {}): RepositoryCheck => ({
  ...{ location: LOCATION, checkedAtEpochMs: NOW - 3_600_000, images: 5, expiries: 0, unknown: 0 },
  ...changes,
});
const expiry = (name: string, expiryState: ExpiryState, changes: Partial<ImageExpiry> = {}): ImageExpiry => ({
  ...{
    digest: digestOf(name),
    location: LOCATION,
    use: 'running',
    running: 1,
    workloads: ['ecs-service a/b/c/web'],
    expiryState,
  },
  foundAtEpochMs: NOW,
  ...changes,
});
const lost = (when: Extract<ExpiryState, { state: 'expires' }>['expiry']['when'], through?: 'index'): ExpiryState => ({
  state: 'expires',
  expiry: { rule: 2, action: 'expire', when, ...(through && { through: digestOf(through) }) },
});
const UNKNOWN: ExpiryState = { state: 'unknown', reason: 'rule 4: countType: is new' };
const found = (world: FakeWorld, ...expiries: readonly ImageExpiry[]): Promise<void> =>
  world.expiries.record(check({ expiries: expiries.length }), expiries);

const asked = (world: FakeWorld) => run(protectionCommand, readOnlyContext(world), [], { 'exit-code': true });

test('expiring images are listed, the most urgent first, with rule, instant and workloads', async () => {
  const world = fakeWorld();
  await found(
    world,
    expiry('unknown', UNKNOWN),
    expiry('later', lost({ by: 'age', expiresAtEpochMs: NOW + 9 * DAY_MS })),
    expiry('base', lost({ by: 'untagging', afterPushes: 1, expectedAtEpochMs: NOW + 2 * DAY_MS }), {
      use: 'ancestor',
      running: 7,
    }),
    expiry('counted', lost({ by: 'pushes', afterPushes: 3, expectedAtEpochMs: NOW + 3 * DAY_MS }, 'index')),
    expiry('due', lost({ by: 'count', expiresAtEpochMs: NOW - DAY_MS })),
    expiry('gone', { state: 'gone', how: 'deleted' }),
  );
  const { code, text } = await asked(world);
  expect(code).toBe(3);
  const [head, , titles, ...rows] = text.trimEnd().split('\n');
  expect(head).toBe(
    '1 repository with 5 images in use: 1 already deleted or archived, 4 will expire, 1 with unknown expiry; 0 repositories not checked',
  );
  expect(titles).toMatch(/^image +repository +expires +how +used by$/);
  const short = (name: string) => digestOf(name).slice(0, 19);
  expect(rows.map((row) => row.slice(0, 19))).toEqual(
    ['gone', 'due', 'base', 'counted', 'later', 'unknown'].map(short),
  );
  expect(rows[0]).toContain('already                     deleted; new tasks cannot pull the image');
  expect(rows[1]).toContain(
    'within 24 hours             deleted by rule 2, because more images match than the rule keeps',
  );
  expect(rows[2]).toContain(
    'about 2026-11-26 03:00 UTC  deleted by rule 2, when its tag moves, expected after the next push',
  );
  expect(rows[2]).toContain('7 running images built on it, run by ecs-service a/b/c/web');
  expect(rows[3]).toContain(`deleted by rule 2, with index ${short('index')}, after 3 more pushes`);
  expect(rows[4]).toContain('2026-12-03 03:00 UTC        deleted by rule 2 ');
  expect(rows[5]).toContain('unknown                     rule 4: countType: is new');
});

test.each<[string, readonly RepositoryCheck[], readonly ImageExpiry[], number, string]>([
  ['nothing was looked at', [], [], 4, 'Lifecycle policies have not been checked yet.'],
  ['all is well', [check()], [], 0, '0 will expire, 0 with unknown expiry; 0 repositories not checked'],
  [
    'one is unknown',
    [check({ expiries: 1, unknown: 1 })],
    [expiry('a', UNKNOWN)],
    4,
    '0 will expire, 1 with unknown expiry',
  ],
  ['the last look is too old', [check({ checkedAtEpochMs: NOW - 3 * DAY_MS })], [], 4, 'last checked 3 days ago'],
  [
    'a repository cannot be read',
    [check({ checkedAtEpochMs: 0, failure: { error: 'RegistryUnreachableError', detail: 'no role' } })],
    [],
    4,
    'never    RegistryUnreachableError: no role',
  ],
])('the exit code tells: %s', async (_, checks, expiries, expected, words) => {
  const world = fakeWorld();
  for (const one of checks) await world.expiries.record(one, expiries);
  const { code, text } = await asked(world);
  expect(code).toBe(expected);
  expect(text).toContain(words);
  expect((await run(protectionCommand, readOnlyContext(world))).code).toBe(0);
});

test('the reason for a missing tag is shown once per repository, with the number of tags', async () => {
  const world = fakeWorld();
  const refusal = { reason: 'no-covering-rule', detail: 'Add a rule.' } as const;
  const expiryState = lost({ by: 'age', expiresAtEpochMs: NOW + DAY_MS });
  await world.expiries.record(check({ expiries: 2, tagged: 3 }), [
    expiry('a', expiryState, { refusal }),
    expiry('b', expiryState, { refusal }),
  ]);
  const { text } = await asked(world);
  expect(text).toContain('0 repositories not checked; 3 protecting tags set by Patchwave');
  expect(text.split('Not protected\n')[1]?.trimEnd().split('\n')).toEqual([
    expect.stringMatching(/^repository +reason +what to do$/),
    '111122223333/eu-west-1/team/payments-api  no-covering-rule  Add a rule.',
  ]);
});

test('as JSON', async () => {
  const world = fakeWorld();
  await found(world, expiry('gone', { state: 'gone', how: 'archived' }));
  const output = await runJson(protectionCommand, readOnlyContext(world));
  expect(output).toEqual({
    checks: [check({ expiries: 1 })],
    expiries: [expiry('gone', { state: 'gone', how: 'archived' })],
  });
});

describe('why', () => {
  async function why(prepare: (world: FakeWorld) => Promise<unknown>, runs = true): Promise<string> {
    const world = fakeWorld();
    await world.images.recordProperties(imageProperties('app'));
    if (runs) await world.usages.record([usage('app')], NOW);
    await prepare(world);
    return (await run(whyCommand, readOnlyContext(world), [digestOf('app')])).text;
  }

  test.each<[string, (world: FakeWorld) => Promise<unknown>, string]>([
    [
      'will expire',
      (world) => found(world, expiry('app', lost({ by: 'count', expiresAtEpochMs: NOW }))),
      'Will expire\nimage',
    ],
    [
      'is deleted already',
      (world) => found(world, expiry('app', { state: 'gone', how: 'deleted' })),
      'Already deleted or archived\nimage',
    ],
    ['may expire', (world) => found(world, expiry('app', UNKNOWN)), 'Expiry unknown\nimage'],
    [
      'is kept',
      (world) => found(world),
      'No lifecycle policy is known to expire it soon (checked at 2026-11-24 02:00 UTC).',
    ],
    [
      'is in a repository that could not be checked',
      (world) => world.expiries.record(check({ failure: { error: 'E', detail: 'd' } })),
      'Expiry unknown\nrepository',
    ],
    ['was never checked', async () => undefined, 'Lifecycle policies have not been checked for this image yet.'],
  ])('tells of an image that runs: it %s', async (_, prepare, words) => {
    expect(await why(prepare)).toContain(words);
  });

  test('shows no forecast for an unused image, because unused images are not checked', async () => {
    expect(await why((world) => found(world), false)).not.toMatch(/lifecycle|lost/);
  });
});
