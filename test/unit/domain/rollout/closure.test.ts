import type { Closure, Deployment } from '../../../../shared/domain/cause/cascade.ts';
import { type CauseFact, mergeCause, PARENT_MOVED, takeCause } from '../../../../shared/domain/cause/cause.ts';
import type { Tier } from '../../../../shared/domain/image/image.ts';
import { type Usage, workloadText } from '../../../../shared/domain/image/usage.ts';
import type { Policy } from '../../../../shared/domain/policy/policy.ts';
import type { LeftScope } from '../../../../shared/domain/review/run.ts';
import {
  afterClosure,
  type ClosureInputs,
  checkClosure,
  closingFacts,
  closureOf,
  isFreeByItself,
  isOverdue,
  type LeftReading,
  type RunningImage,
  replaceClosure,
  timeToFixMs,
} from '../../../../shared/domain/rollout/closure.ts';
import type { Reason } from '../../../../shared/domain/verdict/verdict.ts';
import { deployment } from '../../../support/rebuild-samples.ts';
import { usage } from '../../../support/samples.ts';
import { fc } from '../../../support/seeded.ts';
import { DAY, digestOf, HOUR, NOW } from '../arbitraries.ts';
import {
  ageFact,
  anyFact,
  anyJudgedImage,
  causeOf,
  findingFact,
  looked,
  NO_AGE,
  NOT_SCANNED,
  personFact,
  reasonOf,
  STREAM,
} from './acting.ts';

const fact = findingFact();
const SINCE = NOW - HOUR;
const closure: Closure = closureOf(
  { cascadeId: 'c-g1', stream: STREAM, facts: [fact, personFact()] },
  digestOf('new'),
  { closureHours: 72 },
  SINCE,
);
const runs = (image: RunningImage['image'], ...names: string[]): RunningImage => ({
  image,
  usages: (names.length > 0 ? names : ['web']).map((workload) => ({
    ...usage('x', { workload }),
    digest: image.digest,
  })),
});
const REPOSITORY = '111122223333/us-east-1/apps/web';
const seen = (changes: Partial<ClosureInputs> = {}): ClosureInputs => ({
  running: [runs(looked('new'), 'web', 'shop')],
  output: new Set([digestOf('new')]),
  scopes: [
    { key: 'a/one', completeAtEpochMs: SINCE, includesStopping: true },
    { key: 'b/two', completeAtEpochMs: NOW, includesStopping: true },
  ],
  left: [],
  unread: [],
  mayRun: (repository) => repository === REPOSITORY,
  deployments: [],
  runId: 'run-1',
  ...changes,
});
const deployedUntil = (endedAtEpochMs: number) => ({
  deployments: [deployment('c-g1', 'a/one/prod/web', { state: 'completed', endedAtEpochMs })],
});
const holder = looked('old', reasonOf(fact));
const scannedAt = (name: string, completedAtEpochMs: number): RunningImage['image'] => ({
  ...looked(name),
  scan: { state: 'complete', completedAtEpochMs },
});

test('a closure starts with the facts that must go, without manual requests', () => {
  expect(closure).toEqual({
    ...{ cascadeId: 'c-g1', stream: STREAM, facts: [fact], output: digestOf('new'), state: 'open' },
    ...{ sinceEpochMs: SINCE, deadlineEpochMs: SINCE + 3 * DAY },
  });
});

test('it closes with its proof if everything was read since and no old image runs', () => {
  const proof = { runId: 'run-1', nothingRunsSinceEpochMs: NOW, closedAtEpochMs: NOW, scopes: 2, usagesOfOutput: 2 };
  const closed = checkClosure({ ...closure, waitingFor: 'something' }, seen(), NOW);
  expect(closed).toEqual({ ...closure, state: 'closed', proof });
  expect(checkClosure(closed, seen({ running: [runs(holder)] }), NOW)).toBe(closed);
});

test('a scan after the finding was first seen shows that an image lacks it', () => {
  const running = [runs(scannedAt('old', fact.sinceEpochMs)), runs(scannedAt('new', fact.sinceEpochMs))];
  expect(checkClosure(closure, seen({ running }), NOW).state).toBe('closed');
});

test('a scan of the system alone never shows that an image lacks a finding in a language package', () => {
  const inLanguage = findingFact('CVE-9', { packageKind: 'language' });
  const asked = { ...closure, facts: [fact, inLanguage] };
  const scanned = (name: string, ...coverage: ('os' | 'language')[]): RunningImage => {
    const image = scannedAt(name, NOW);
    return runs({ ...image, ...(image.scan && { scan: { ...image.scan, coverage } }) });
  };
  const [old, made] = [scanned('old', 'os'), scanned('new', 'os', 'language')];
  expect(checkClosure(asked, seen({ running: [old, made] }), NOW)).toEqual({
    ...asked,
    waitingFor: expect.stringMatching(
      new RegExp(`^the scan of ${digestOf('old')} covers only .* CVE-9 in openssl 3.0 is gone. Turn on enhanced`),
    ),
  });
  const covered = [scanned('old', 'os', 'language'), made];
  expect(checkClosure(asked, seen({ running: covered }), NOW).state).toBe('closed');
  expect(checkClosure(asked, seen({ running: [scanned('new', 'os')] }), NOW).state).toBe('open');
  expect(checkClosure(closure, seen({ running: [old, made] }), NOW).state).toBe('closed');
});

describe('what may start', () => {
  const mayStart = (image: RunningImage['image'], workload = 'nightly'): RunningImage => ({
    image,
    usages: [{ ...usage('x', { workload, workloadKind: 'eks-cronjob', isPossible: true }), digest: image.digest }],
  });
  const made = runs(looked('new'), 'web');
  const unidentified = { repository: REPOSITORY, tag: 'stable', workload: 'eks-cronjob a/b/c/shop/nightly' };
  const [one, two] = seen().scopes;
  const inScope = (changes: object) => ({ scopes: [{ ...one, key: 'a/one', ...changes }, ...(two ? [two] : [])] });
  const unread = { list: 'waiting-jobs', error: 'ClusterForbiddenError', problem: 'no', nextStep: 'do' } as const;

  test.each<[string, Partial<ClosureInputs>, RegExp]>([
    [
      'a template names an image that needs the fix',
      { running: [made, mayStart(holder)] },
      /nothing runs .* may start one: .*\/nightly\. Change the image/,
    ],
    [
      'a template names an image that is not judged',
      { running: [made, mayStart({ digest: digestOf('old') })] },
      /may start images that are not judged yet: .*\/nightly/,
    ],
    [
      'a tag in a template may mean any image',
      inScope({ unidentified: [{ ...unidentified, isPossible: true }] }),
      /which image these workloads would start: .*nightly\. Name the image by digest/,
    ],
    [
      'a list of possible starts was not read',
      inScope({ unreadSources: [unread] }),
      /\(possible-starts-unread\): jobs in a\/one/,
    ],
  ])('keeps a closure open, without an alarm: %s', (_, changes, text) => {
    const open = checkClosure(closure, seen(changes), NOW);
    const since = { nothingRunsSinceEpochMs: NOW };
    expect(open).toEqual({ ...closure, waitingFor: expect.stringMatching(text), mayStart: true, ...since });
    expect(isOverdue(open, closure.deadlineEpochMs + 1)).toBe(false);
    expect(checkClosure(open, seen(changes), NOW)).toBe(open);
    // Once nothing may start any more.
    expect(checkClosure(open, seen(), NOW)).toMatchObject({ state: 'closed' });
    expect(checkClosure(open, seen(), NOW)).not.toHaveProperty('mayStart');
  });

  describe('tells two instants: nothing runs, and nothing may start', () => {
    const waits = checkClosure(closure, seen({ running: [made, mayStart(holder)] }), NOW);
    const left: LeftReading = { key: 'c/three', left: { atEpochMs: NOW, usages: 1 } };
    const inLeft: RunningImage = { image: holder, usages: [], left: [usage('x', { account: 'c', region: 'three' })] };

    test('what may start keeps the first one, and the proof names both', () => {
      const later = checkClosure(waits, seen({ running: [made, mayStart({ digest: holder.digest })] }), NOW + DAY);
      expect(later).toMatchObject({ state: 'open', mayStart: true, nothingRunsSinceEpochMs: NOW });
      const closed = checkClosure(later, seen(), NOW + 2 * DAY);
      expect(closed).toMatchObject({ proof: { nothingRunsSinceEpochMs: NOW, closedAtEpochMs: NOW + 2 * DAY } });
      expect(closed).not.toHaveProperty('nothingRunsSinceEpochMs');
    });

    test.each<[string, Partial<ClosureInputs>]>([
      ['an old image runs again', { running: [made, mayStart(holder), runs(holder)] }],
      ['an image that is not judged runs', { running: [made, mayStart(holder), runs({ digest: holder.digest })] }],
      ['it is unknown which image a workload runs', inScope({ unidentified: [unidentified] })],
      ['the parents of a running image are unknown', { unread: [{ digest: digestOf('x') }] }],
      ['a deployment goes on', { deployments: [deployment('c-g1', 'a/one/prod/web')] }],
      ['a scope was not read since', inScope({ completeAtEpochMs: SINCE - 1 })],
      ['a repository was not read', { unlisted: REPOSITORY }],
      ['an item of the ledger cannot be read', { unreadableItem: 'an item' }],
      ['a scope left while one ran there', { running: [made, mayStart(holder), inLeft], left: [left] }],
    ])('withdraws the first one if %s, and begins a new one afterwards', (_, changes) => {
      const withdrawn = checkClosure(waits, seen(changes), NOW + DAY);
      expect(withdrawn.state).toBe('open');
      expect(withdrawn).not.toHaveProperty('nothingRunsSinceEpochMs');
      const again = checkClosure(withdrawn, seen({ running: [made, mayStart(holder)] }), NOW + 2 * DAY);
      expect(again.nothingRunsSinceEpochMs).toBe(NOW + 2 * DAY);
      expect(checkClosure(withdrawn, seen(), NOW + 2 * DAY).proof?.nothingRunsSinceEpochMs).toBe(NOW + 2 * DAY);
    });

    test('AWS says that one is in use: what may start hides no alarm', () => {
      const later = SINCE + 2 * DAY;
      const witnessed = { repository: REPOSITORY, digest: holder.digest, count: 2, lastAtEpochMs: later - HOUR };
      const scopes = [{ key: 'a/one', completeAtEpochMs: later, includesStopping: true }];
      const inUse: RunningImage = { ...mayStart(holder), witnessed: [witnessed] };
      const open = checkClosure(waits, seen({ running: [made, inUse], scopes }), later);
      expect(open).toMatchObject({ state: 'open', mayStart: true, witnessed: [witnessed] });
      expect(open).not.toHaveProperty('nothingRunsSinceEpochMs');
      expect(isOverdue(open, closure.deadlineEpochMs)).toBe(false);
      expect(isOverdue(open, closure.deadlineEpochMs + 1)).toBe(true);
    });

    test.each<[string, Parameters<typeof timeToFixMs>[0], number | undefined]>([
      ['to the first one while something may start', waits, NOW - fact.sinceEpochMs],
      ['to the first one once it is closed', checkClosure(waits, seen(), NOW + DAY), NOW - fact.sinceEpochMs],
      [
        'to its end where version 0.2.0 closed it',
        {
          ...{ ...closure, state: 'closed' },
          proof: { runId: 'run-1', closedAtEpochMs: NOW, scopes: 1, usagesOfOutput: 1 },
        },
        NOW - fact.sinceEpochMs,
      ],
      ['from its first fact', { ...waits, facts: [fact, { ...fact, sinceEpochMs: 5 }] }, NOW - 5],
      ['to nothing while something runs', closure, undefined],
      ['to nothing without facts', { ...waits, facts: [] }, undefined],
      ['as zero before the limit of an age', { ...waits, facts: [{ ...fact, sinceEpochMs: NOW + DAY }] }, 0],
    ])('counts the time to fix %s', (_, of, expected) => {
      expect(timeToFixMs(of)).toBe(expected);
    });

    test('an abandoned closure that ends without a proof has none', () => {
      const replacement = { cascadeId: 'c-g2', runId: 'run-1', atEpochMs: NOW };
      expect(replaceClosure({ ...waits, abandoned: true }, replacement)).not.toHaveProperty('nothingRunsSinceEpochMs');
    });
  });

  const said = { by: 'Jo', author: 'jo', atEpochMs: 1, untilEpochMs: NOW + 1, reason: 'kept for audits' };
  const ofService = (changes: Partial<Usage> = {}): RunningImage => ({
    image: holder,
    usages: [
      {
        ...usage('x', { workload: 'old', workloadKind: 'ecs-service', isPossible: true }),
        ...changes,
        digest: holder.digest,
      },
    ],
  });
  const unused = new Map(ofService().usages.map((one) => [workloadText(one), said]));

  test('a service at zero that a person confirmed as unused keeps nothing open, and the proof names them', () => {
    const closed = checkClosure(closure, seen({ running: [made, ofService()], unused }), NOW);
    const service = [...unused.keys()][0];
    expect(closed).toMatchObject({
      state: 'closed',
      proof: { unused: [{ service, by: 'Jo', atEpochMs: 1, untilEpochMs: NOW + 1 }] },
    });
    expect(checkClosure(closure, seen({ running: [made], unused }), NOW).proof).not.toHaveProperty('unused');
  });

  test('the proof names who confirmed a service whose image, or the lineage of it, is unknown', () => {
    const service = [...unused.keys()][0] ?? '';
    const named = { unused: [{ service, by: 'Jo', atEpochMs: 1, untilEpochMs: NOW + 1 }] };
    const unidentified = [{ repository: REPOSITORY, workload: service, isPossible: true }] as const;
    const scopes = seen().scopes.map((scope, n) => (n === 0 ? { ...scope, unidentified } : scope));
    expect(checkClosure(closure, seen({ scopes, unused }), NOW)).toMatchObject({ state: 'closed', proof: named });
    expect(checkClosure(closure, seen({ scopes }), NOW)).toMatchObject({ state: 'open', mayStart: true });
    const elsewhere = checkClosure(closure, seen({ scopes, unused, mayRun: () => false }), NOW);
    expect(elsewhere.proof).not.toHaveProperty('unused');
    const unread = seen({ unused, unreadUnused: [service] });
    expect(checkClosure(closure, unread, NOW)).toMatchObject({ state: 'closed', proof: named });
  });

  test.each<[string, Partial<Usage>]>([
    ['of another account', { account: '999900001111' }],
    ['of another Region', { region: 'us-west-2' }],
    ['in another cluster', { cluster: 'other' }],
    ['of another name', { workload: 'older' }],
    ['of EKS', { workloadKind: 'eks-deployment' }],
    ['that is a schedule', { workloadKind: 'ecs-schedule' }],
  ])('the confirmation counts for no workload %s', (_, changes) => {
    const open = checkClosure(closure, seen({ running: [made, ofService(changes)], unused }), NOW);
    expect(open).toMatchObject({ state: 'open', mayStart: true });
  });

  test('a confirmed service that runs keeps the closure open', () => {
    const { isPossible: _, ...running } = ofService().usages[0] ?? usage('x');
    const open = checkClosure(closure, seen({ running: [made, { image: holder, usages: [running] }], unused }), NOW);
    expect(open).toMatchObject({ state: 'open', waitingFor: expect.stringMatching(/still run an image/) });
  });

  test('what runs is named first, and rings when it is overdue', () => {
    const running = [made, mayStart(holder), runs(holder, 'old-web')];
    const open = checkClosure(closure, seen({ running }), NOW);
    expect(open.waitingFor).toMatch(/still run an image that needs the fix: .*old-web\./);
    expect(open.waitingFor).not.toContain('nightly');
    expect(open).not.toHaveProperty('mayStart');
    expect(isOverdue(open, closure.deadlineEpochMs + 1)).toBe(true);
    const tagged = checkClosure(closure, seen(inScope({ unidentified: [unidentified] })), NOW);
    expect(tagged).not.toHaveProperty('mayStart');
  });

  test('a template that names the verified image is no proof that it runs', () => {
    const running = [made, mayStart(looked('new'))];
    expect(checkClosure(closure, seen({ running }), NOW)).toMatchObject({
      state: 'closed',
      proof: { usagesOfOutput: 1 },
    });
  });
});

describe('where Amazon Inspector says that an image is in use, and the ledger knows no usage', () => {
  const later = closure.sinceEpochMs + 30 * HOUR;
  const witnessed = { repository: REPOSITORY, digest: holder.digest, count: 2, lastAtEpochMs: later - HOUR };
  const hidden = (changes: Partial<typeof witnessed> = {}, image = holder): RunningImage => ({
    ...{ image, usages: [], witnessed: [{ ...witnessed, ...changes }] },
  });
  const read = [{ key: 'a/one', completeAtEpochMs: later, includesStopping: true }];
  const check = (changes: Partial<ClosureInputs>, before = closure, at = later) =>
    checkClosure(before, seen({ scopes: read, ...changes }), at);

  test('a closure waits and names the image, without an alarm', () => {
    const waitingFor = `Patchwave finds nothing that runs an image that needs the fix, and Amazon Inspector says that these are in use (witness-disagrees): ${REPOSITORY}@${holder.digest} (used by 2 tasks or pods, last at ${new Date(later - HOUR).toISOString()}). Look for an account or cluster that no policy lists`;
    const open = check({ running: [hidden()] });
    expect(open).toEqual({ ...closure, waitingFor, witnessed: [witnessed] });
    expect(check({ running: [hidden()] }, open)).toBe(open);
    expect(isOverdue(open, later)).toBe(false);
    expect(check({ unreadWitnessed: [witnessed] })).toEqual(open);
    const closed = check({}, open);
    expect(closed).toMatchObject({ state: 'closed' });
    expect(closed).not.toHaveProperty('witnessed');
  });

  test.each<[string, Partial<ClosureInputs>]>([
    ['it is as late as 24 hours after the rollout', { running: [hidden({ lastAtEpochMs: SINCE + DAY })] }],
    ['a deployment ended since', { ...deployedUntil(later - 2 * HOUR), running: [hidden()] }],
    ['it is the verified image', { running: [hidden({}, looked('new'))] }],
    ['the image has no such flaw', { running: [hidden({}, looked('old'))] }],
    ['it is no longer in use', { running: [hidden({ count: 0 })] }],
  ])('a closure closes where %s', (_, changes) => {
    expect(check(changes).state).toBe('closed');
  });

  test('past its deadline it ends for a person, and is never closed', () => {
    const after = closure.deadlineEpochMs + 1;
    const last = { lastAtEpochMs: closure.deadlineEpochMs };
    expect(check({ running: [hidden(last)] }, closure, closure.deadlineEpochMs).state).toBe('open');
    const ended = check({ running: [hidden(last)] }, check({ running: [hidden()] }), after);
    expect(ended).toEqual({
      ...{ ...closure, state: 'witness-disagrees' },
      disagreement: { runId: 'run-1', atEpochMs: after, witnessed: [{ ...witnessed, ...last }] },
    });
    expect(ended).not.toHaveProperty('proof');
    expect(check({}, ended, after)).toBe(ended);
    expect(isOverdue(ended, after)).toBe(false);
  });

  test('what the ledger knows is named first, and rings past the deadline', () => {
    const after = closure.deadlineEpochMs + 1;
    const open = check({ running: [hidden({ lastAtEpochMs: after }), runs(holder)] }, closure, after);
    expect(open.waitingFor).toMatch(/^these workloads still run/);
    expect(open).not.toHaveProperty('witnessed');
    expect(isOverdue(open, after)).toBe(true);
  });

  test('at most ten are kept', () => {
    const many = Array.from({ length: 12 }, (_, n) => ({ ...witnessed, digest: digestOf(`old-${n}`) }));
    expect(check({ unreadWitnessed: many }).witnessed).toHaveLength(10);
  });

  test('the witness alone never closes what stays open, and what it says later never counts as a proof', () => {
    const anyUse = fc.record({
      count: fc.integer({ min: 0, max: 2 }),
      lastAtEpochMs: fc.integer({ min: SINCE, max: later }),
    });
    fc.assert(
      fc.property(anyJudgedImage, anyUse, fc.boolean(), (image, use, isRunning) => {
        const one = { image, usages: isRunning ? runs(image).usages : [] };
        const silent = check({ running: [one] });
        const spoken = check({ running: [{ ...one, witnessed: [{ ...witnessed, ...use }] }] });
        if (silent.state === 'open') expect(spoken).toEqual(silent);
        const isHeard = use.count > 0 && use.lastAtEpochMs > SINCE + DAY && mayHold(fact, image);
        const isOutput = image.digest === closure.output;
        if (silent.state === 'closed') expect(spoken.state).toBe(isHeard && !isOutput ? 'open' : 'closed');
      }),
    );
  });
});

const gap = { key: 'c/three' };
const whole = { ...gap, completeAtEpochMs: NOW, includesStopping: true };
const going = (changes: Partial<Deployment>) => [deployment('c-g1', 'a/one/prod/web', changes)];
test.each<[string, Partial<ClosureInputs>, RegExp]>([
  [
    'a scope was never read',
    { scopes: [...seen().scopes, gap] },
    /not been read completely since .*: c\/three\. `patchwave status`/,
  ],
  ['a scope was read a moment before', { scopes: [{ ...gap, completeAtEpochMs: SINCE - 1 }] }, /c\/three/],
  ['no scope was read', { scopes: [] }, /no scope/],
  [
    'a scope was read without what is stopping',
    { scopes: [...seen().scopes, { ...gap, completeAtEpochMs: NOW }] },
    /^tasks that are stopping were not read yet in c\/three\./,
  ],
  [
    'a holder runs',
    { running: [runs(holder)] },
    /these workloads still run an image that needs the fix: ecs-service 111122223333\/eu-west-1\/prod\/web\. Deploy images with the fix, or stop them\. To see what an image waits for: patchwave why IMAGE$/,
  ],
  ['a holder in its grace runs', { running: [runs(looked('old', reasonOf(fact, 'due')))] }, /still run an image/],
  ['what runs is not judged', { running: [runs({ digest: digestOf('old') })] }, /not judged yet: sha256:/],
  [
    'the parent of a running image was not read',
    { unread: [{ digest: digestOf('dark') }] },
    /the parents of these running images are unknown: sha256:/,
  ],
  [
    'the parent of a running image of a known repository was not read',
    { unread: [{ digest: digestOf('dark'), repository: REPOSITORY, workload: 'ecs-service web' }] },
    /running images are unknown: sha256:\w+ of 111122223333\/us-east-1\/apps\/web \(run by ecs-service web\)\. Give .* `parents` .* `mirrors` or `awsManaged`$/,
  ],
  [
    'enough of many that run it are named',
    { running: [{ ...runs(holder), unasked: 7 }] },
    /prod\/web, and perhaps workloads of 7 other images\. Deploy images with the fix, or stop them\. To see what an image waits for: patchwave why IMAGE$/,
  ],
  [
    'what runs was scanned before the finding was first seen',
    { running: [runs(scannedAt('old', fact.sinceEpochMs - 1))] },
    /not judged yet: sha256:/,
  ],
  [
    'what was deployed was scanned before the finding was first seen',
    { running: [runs(scannedAt('new', fact.sinceEpochMs - 1))] },
    /not judged yet: sha256:/,
  ],
  ['what was deployed turns out to hold it', { running: [runs(looked('new', reasonOf(fact)))] }, /still run an image/],
  ['the scan of what runs is awaited', { running: [runs(looked('old', NOT_SCANNED))] }, /not judged/],
  [
    'a service is being deployed',
    { deployments: going({ state: 'running' }) },
    /deployments are in progress: a\/one\/prod\/web$/,
  ],
  ['a deployment may have begun', { deployments: going({ state: 'starting' }) }, /deployments are in progress/],
  [
    'a deployment went back after a scope was read',
    { deployments: going({ state: 'rolled-back', endedAtEpochMs: NOW - 1 }) },
    /not been read completely since .*: a\/one\. `patchwave status` names the reason of each$/,
  ],
  [
    'a workload runs something from its repository, and no digest is proven',
    {
      scopes: [{ ...whole, unidentified: [{ repository: REPOSITORY, workload: 'ecs-task a/b' }] }],
    },
    /Patchwave does not know which image these workloads run: ecs-task a\/b\. Name the image by digest, .* declare `parents`/,
  ],
  ['a holder runs in a scope that was read', { running: [runs(looked('new')), runs(holder)] }, /still run an image/],
])('it stays open: %s', (_, changes, waitingFor) => {
  const open = checkClosure(closure, seen(changes), NOW);
  expect(open).toEqual({ ...closure, waitingFor: expect.stringMatching(waitingFor) });
  expect(checkClosure(open, seen(changes), NOW)).toBe(open);
});

test.each<[string, Partial<ClosureInputs>]>([
  ['nothing runs at all', { running: [] }],
  [
    'the unidentified container is of another repository',
    { scopes: [{ ...whole, unidentified: [{ repository: `${REPOSITORY}s`, workload: 'w' }] }] },
  ],
  [
    'the tag asked for names no image that may be built on it',
    {
      scopes: [{ ...whole, unidentified: [{ repository: REPOSITORY, tag: 'other', workload: 'w' }] }],
      mayRun: (_, tag) => tag !== 'other',
    },
  ],
  ['all was read since its deployment', { deployments: going({ state: 'completed', endedAtEpochMs: SINCE }) }],
  ['another image runs that is clean', { running: [runs(looked('old'))] }],
  ['the fact is waived there', { running: [runs(looked('old', reasonOf(fact, 'waived')))] }],
  ['another fact is there', { running: [runs(looked('old', reasonOf(findingFact('CVE-2'))))] }],
  ['a holder whose usages ended', { running: [{ image: holder, usages: [] }] }],
  ['what was verified has another fact', { running: [runs(looked('new', reasonOf(findingFact('CVE-2'))))] }],
])('it closes: %s', (_, changes) => {
  expect(checkClosure(closure, seen(changes), NOW).state).toBe('closed');
});

test.each<[Closure['state'], string, Reason]>([
  ['open', 'it is too old', reasonOf(ageFact)],
  ['open', 'it is near its limit by itself', reasonOf(ageFact, 'due')],
  [
    'closed',
    'what it is built on is near its limit',
    { ...reasonOf(ageFact, 'due'), decidedBy: digestOf('base') } as Reason,
  ],
  ['closed', 'its age is waived', reasonOf(ageFact, 'waived')],
  ['open', 'its age is unknown', NO_AGE],
])('for an age it is %s while an older image runs: %s', (state, _, reason) => {
  const ofAge = { ...closure, facts: [ageFact] };
  expect(checkClosure(ofAge, seen({ running: [runs(looked('old', reason))] }), NOW).state).toBe(state);
});

describe('with scopes that left', () => {
  const at = { account: 'c', region: 'three' };
  const gone = (workload = 'web') => ({ ...runs(holder), usages: [], left: [{ ...usage('x', { ...at, workload }) }] });
  const left = (changes: Partial<LeftScope> = {}) => [
    { key: 'c/three', left: { atEpochMs: NOW, usages: 1, ...changes } },
  ];
  const confirmed = { by: 'ana', atEpochMs: NOW, reason: 'closed' };
  const check = (changes: Partial<ClosureInputs>, before = closure) => checkClosure(before, seen(changes), NOW);

  test('it waits for a person to confirm what ran there, and says so', () => {
    const open = check({ running: [gone()], left: left() });
    const waitingFor =
      'c/three left the fleet while these workloads still ran there: ecs-service c/three/prod/web. Once they are gone, run `patchwave confirm-left SCOPE --reason TEXT` for each scope';
    expect(open).toEqual({ ...closure, outOfSight: true, waitingFor });
    expect(check({ running: [gone()], left: left() }, open)).toBe(open);
    expect(isOverdue(open, closure.deadlineEpochMs + 1)).toBe(false);
    const back = check({ running: [runs(holder)] }, open);
    expect(back).toEqual({
      ...closure,
      waitingFor: expect.stringMatching(/^these workloads still run an image that needs the fix: /),
    });
  });

  test('it closes once that is confirmed, and names the person', () => {
    const { state, proof } = check({ running: [gone()], left: left({ confirmed }) });
    expect({ state, proof }).toMatchObject({
      state: 'closed',
      proof: { confirmed: [{ scope: 'c/three', by: 'ana' }] },
    });
  });

  test.each<[string, Partial<ClosureInputs>]>([
    ['nothing ran there that holds the cause', { running: [{ ...gone(), image: looked('other') }], left: left() }],
    ['what ran there was verified', { running: [{ ...gone(), image: looked('new') }], left: left() }],
    ['nothing ran there', { running: [], left: left({ usages: 0 }) }],
  ])('it closes: %s', (_, changes) => {
    const { state, proof } = check(changes);
    expect(state).toBe('closed');
    expect(proof).not.toHaveProperty('confirmed');
  });
});

describe('without facts, for a manual request or a moved parent', () => {
  const older = { ...closure, facts: [] };

  test.each<[Closure['state'], string, RunningImage]>([
    ['open', 'something older runs, however clean it is', runs(looked('old'))],
    ['open', 'something older runs that is not judged', runs({ digest: digestOf('old') })],
    ['closed', 'something newer runs, whatever it holds', { ...runs(holder), isNewer: true }],
    ['closed', 'what was verified runs', runs(looked('new'))],
    ['closed', 'nothing older runs any more', { ...runs(looked('old')), usages: [] }],
  ])('it is %s while %s', (state, _, running) => {
    expect(checkClosure(older, seen({ running: [running] }), NOW).state).toBe(state);
  });

  test('it raises no alarm: what is older violates nothing', () => {
    expect(isOverdue(older, closure.deadlineEpochMs + 1)).toBe(false);
  });
});

describe('an image that is built on a holder', () => {
  const rule = { id: fact.ruleId, severities: ['critical'], graceDays: 0, fix: ['yes'] };
  const app = (...reasons: Reason[]) => ({ ...looked('app', ...reasons), tier: 'application' as const });
  const old = looked('old', reasonOf(fact), reasonOf(ageFact));
  const isFree = (
    image: Parameters<typeof isFreeByItself>[2],
    { facts = [fact] as readonly CauseFact[], below = old, tiers = undefined as readonly Tier[] | undefined } = {},
  ) =>
    isFreeByItself({ facts }, below, image, [{ ...rule, ...(tiers && { tiers }) }] as unknown as Policy['severities']);

  test.each<[string, boolean, boolean]>([
    ['has upgraded what the rule is about', true, isFree(app())],
    ['has upgraded it, and its tier is one of the rule', true, isFree(app(), { tiers: ['base', 'application'] })],
    ['has it still', false, isFree(app(reasonOf(fact)))],
    ['is not judged by that rule', false, isFree(app(), { tiers: ['base'] })],
    [
      'is not judged by that rule, and its evidence lacks it',
      true,
      isFree({ ...app(), found: new Set() }, { tiers: ['base'] }),
    ],
    [
      'is not judged by that rule, and its evidence has it',
      false,
      isFree({ ...app(), found: new Set(['CVE-1#openssl']) }, { tiers: ['base'] }),
    ],
    ['is not judged at all', false, isFree({ digest: digestOf('app'), tier: 'application' })],
    ['is built on something too old', false, isFree(app(), { facts: [ageFact] })],
    ['is built on something that holds one fact alone', true, isFree(app(), { facts: [fact, ageFact], below: holder })],
    ['is built on something older', false, isFree(app(), { facts: [] })],
  ])('that %s is free of it by itself: %s', (_, expected, free) => {
    expect(free).toBe(expected);
  });
});

test('no running image must go for a moved parent', () => {
  const moved: CauseFact = { kind: 'parent-moved', ruleId: PARENT_MOVED, parent: 'base', sinceEpochMs: NOW };
  const node = { cascadeId: 'c-g1', stream: STREAM, facts: [moved, fact] };
  expect(closureOf(node, digestOf('new'), { closureHours: 72 }, SINCE).facts).toEqual([fact]);
});

test('ten of many are named, in a fixed order', () => {
  const names = Array.from({ length: 12 }, (_, number) => `web-${String(number).padStart(2, '0')}`);
  const { waitingFor } = checkClosure(closure, seen({ running: [runs(holder, ...names.reverse())] }), NOW);
  expect(waitingFor).toMatch(
    /prod\/web-00, .*prod\/web-09 and 2 more\. Deploy images with the fix, or stop them\. To see what an image waits for: patchwave why IMAGE$/,
  );
});

test('past its deadline it is overdue while it is open', () => {
  expect(isOverdue(closure, closure.deadlineEpochMs)).toBe(false);
  expect(isOverdue(closure, closure.deadlineEpochMs + 1)).toBe(true);
  expect(isOverdue({ ...closure, state: 'closed' }, closure.deadlineEpochMs + 1)).toBe(false);
});

test('its end settles its facts; the cause reopens with the others', () => {
  const both = takeCause(causeOf(STREAM, fact, ageFact), 'c-g1', 2);
  expect(afterClosure(both, closure)).toEqual({ ...causeOf(STREAM, ageFact), version: 2 });
  expect(afterClosure(takeCause(causeOf(STREAM, fact), 'c-g1', 1), closure).state).toBe('closed');
  const moved = mergeCause(STREAM, both, [personFact()]);
  expect(moved && afterClosure(moved, closure)).toMatchObject({ state: 'open', facts: [ageFact, personFact()] });
});

test('the planner gets what open closures wait for', () => {
  expect(closingFacts([closure, { ...closure, state: 'closed', facts: [ageFact] }])).toEqual([fact]);
  expect(closingFacts([{ ...closure, abandoned: true }])).toEqual([]);
});

test('it closes unless a scope is unread, a holder runs or an image is not judged', () => {
  const scope = fc.record(
    {
      key: fc.constantFrom('a', 'b', 'c'),
      completeAtEpochMs: fc.constantFrom(SINCE - 1, SINCE, NOW),
      includesStopping: fc.constant(true),
    },
    { requiredKeys: ['key'] },
  );
  fc.assert(
    fc.property(
      fc.array(anyFact, { maxLength: 3 }),
      fc.array(scope, { maxLength: 3 }),
      fc.array(anyJudgedImage, { maxLength: 3 }),
      (facts, scopes, images) => {
        const asked = { ...closure, facts };
        const checked = checkClosure(asked, seen({ scopes, running: images.map((image) => runs(image)) }), NOW);
        const isUnread =
          scopes.length === 0 || scopes.some((one) => !one.includesStopping || (one.completeAtEpochMs ?? 0) < SINCE);
        const isInTheWay = images.some((image) => {
          const isVerified = image.digest === digestOf('new');
          if (facts.length === 0) return !isVerified;
          return facts.some((one) => (!isVerified || one.kind === 'finding') && mayHold(one, image));
        });
        expect(checked.state).toBe(isUnread || isInTheWay ? 'open' : 'closed');
        expect(checked.waitingFor === undefined).toBe(checked.state === 'closed');
      },
    ),
    { numRuns: 1000 },
  );
});

/** Said once more, in other words than the code's. */
function mayHold(asked: (typeof closure.facts)[number], { verdict, judgedAtEpochMs }: RunningImage['image']): boolean {
  if (asked.kind === 'person' || asked.kind === 'parent-moved') return false;
  if (!verdict || judgedAtEpochMs === undefined) return true;
  return verdict.reasons.some((reason) =>
    asked.kind === 'age'
      ? reason.kind === 'age-unknown' ||
        (reason.kind === 'age' &&
          (reason.effect === 'violates' || (reason.effect === 'due' && reason.decidedBy === undefined)))
      : reason.kind === 'scan' ||
        (reason.kind === 'finding' &&
          reason.effect !== 'waived' &&
          `${reason.vulnerability} ${reason.package}` === `${asked.vulnerability} ${asked.package}`),
  );
}
