import { whyCommand } from '../../../cli/commands/why.ts';
import { takeCause } from '../../../shared/domain/cause/cause.ts';
import { TOO_LARGE } from '../../../shared/domain/image/image-properties.ts';
import type { Reason } from '../../../shared/domain/verdict/verdict.ts';
import { cascade, closure, lock, node, rebuild } from '../../support/rebuild-samples.ts';
import { digestOf, imageProperties, usage } from '../../support/samples.ts';
import {
  fact,
  HOUR_MS,
  type PlanWorld,
  planWorld,
  pushed,
  reasonOf,
  setPolicy,
  stands,
  streamOf,
  tell,
  violating,
  wakeUp,
} from '../cascade-plan/support.ts';
import { oldBase, TIERS } from './old-base.ts';
import { readOnlyContext, run } from './support.ts';

const why = async (world: PlanWorld, name = 'app-0') =>
  (await run(whyCommand, readOnlyContext(world), [digestOf(name)])).text;

test('why shows the answer to the open cause and the next check', async () => {
  const world = await planWorld();
  await violating(world);
  await world.guards.change(streamOf(0), (history) => ({
    ...history,
    ...{ failuresInARow: 1, lastEndedAtEpochMs: world.clock() },
    reset: { by: 'jo', atEpochMs: world.clock() - 2 * HOUR_MS, reason: 'fixed' },
  }));
  await wakeUp(world);
  const text = await why(world);
  expect(text).toContain(
    `Open cause of stream ${streamOf(0)} since 2026-11-23 03:00 UTC: CVE-2026-1 in openssl 3.0.1\n  wait: cool-down. `,
  );
  expect(text).toContain('Next check 2026-11-24 04:00 UTC (in 1 hour).');
  expect(text).toContain('History: 1 failure; reset by jo 2026-11-24 01:00 UTC (2 hours ago): fixed');
});

test('why names the ancestor of a waiver, and says that lineage is not read yet', async () => {
  const world = await planWorld();
  const base = digestOf('base');
  const waived = { ...reasonOf(fact()), effect: 'waived' } as const;
  const unread = { ruleId: 'age-known', effect: 'unknown', kind: 'age-unknown', isLineageUnread: true } as const;
  await pushed(world, 0, 'app-0', {
    tags: ['v1'],
    reasons: [unread, { ...waived, waiverId: 'accepted', waivedThrough: base }],
  });
  const text = await why(world);
  expect(text).toContain(`waived by accepted, a waiver of ancestor ${base.slice(0, 19)}`);
  expect(text).toContain('age unknown; its lineage is not read yet');
});

test('why names the workloads that no rollout deploys, with the reason of each', async () => {
  const world = await planWorld();
  await pushed(world, 0, 'app-0', { tags: ['v1'] });
  const inCluster = (cluster: string) =>
    usage('app-0', { cluster, workloadKind: 'eks-deployment', workload: 'shop/web' });
  await world.usages.record([inCluster('closed'), inCluster('open')], 1);
  const scope = { account: '111122223333', region: 'eu-west-1', eksCluster: 'closed' };
  await world.scopes.record({ scope, isPrivate: true });
  expect(await why(world)).toMatch(
    /^Not deployed by Patchwave: their owners deploy them:\n {2}eks-deployment 111122223333\/eu-west-1\/closed\/shop\/web \(private-cluster\)\n\n/m,
  );
});

test('why shows only current tags: a moved tag belongs to the next image', async () => {
  const world = await planWorld();
  await pushed(world, 0, 'app-0', { tags: ['v1', 'v22'] });
  world.advance(HOUR_MS);
  await pushed(world, 0, 'next', { tags: ['v22'], pushedAtEpochMs: world.clock() });
  const tagsOf = async (name: string) => /repository +tags\n.*app-0 +(.*)/.exec(await why(world, name))?.[1]?.trim();
  expect([await tagsOf('app-0'), await tagsOf('next')]).toEqual(['v1', 'v22']);
});

test('why shows the tags of an index for the images that it holds now', async () => {
  const world = await planWorld();
  const index = digestOf('index');
  await pushed(world, 0, 'app-0', { tags: [] });
  const [{ location } = { location: undefined }] = await world.places.locations(digestOf('app-0'));
  if (!location) throw new Error('the image has no location');
  await world.places.recordLocation({ digest: digestOf('app-0'), location, tags: [], askedTags: ['v1', 'v2'] });
  const pushedAt = { lastPushSeenAtEpochMs: world.clock() };
  await world.places.recordLocation({ digest: index, location, tags: ['v1'], ...pushedAt });
  await world.places.recordLocation({ digest: digestOf('next'), location, tags: ['v2'], ...pushedAt });
  await world.places.recordIndex(index, [{ digest: digestOf('app-0'), platform: 'linux/amd64' }], world.clock());
  expect(await why(world)).toMatch(/repository +tags\n.*app-0 +v1\n/);
});

test('why shows the cascade that works on the stream, its last rebuild, and what a closure waits for', async () => {
  const world = await planWorld();
  await violating(world);
  await wakeUp(world);
  const outcome = { result: 'failed', reason: 'the pipeline failed' } as const;
  const pinned = [
    { stream: 'base', head: digestOf('new'), parentDigest: digestOf('old'), from: 'registry/base@sha256:0' },
  ];
  await world.rebuilds.record(streamOf(0), 'r1', () =>
    rebuild('r1', { stream: streamOf(0), attempt: 2, outcome, pinned }),
  );
  await world.rollouts.openClosure(closure('abc-g1', streamOf(0), { waitingFor: 'still run by a service' }));
  await world.rollouts.openClosure(closure('abc-g1', streamOf(1), { waitingFor: 'not of this stream' }));
  const text = await why(world);
  expect(text).toContain(`taken by cascade ${world.executions.started[0]}`);
  expect(text).toContain(`In cascade ${world.executions.started[0]}:\nstream `);
  expect(text).toMatch(/Last rebuild r1, .*, attempt 2: failed: the pipeline failed/);
  const [head, stood] = [digestOf('new'), digestOf('old')].map((digest) => digest.slice(0, 19));
  expect(text).toContain(
    `The new image is not built on head ${head} of base, but on ${stood}: its build began with registry/base@sha256:0.`,
  );
  expect(text).toContain('still run by a service');
  expect(text).not.toContain('not of this stream');
});

test('why of the output of a failed build names the rebuild that built it', async () => {
  const world = await planWorld();
  await violating(world);
  await pushed(world, 0, 'poor', { tags: ['candidate-1'] });
  const worse = { result: 'worse', added: [fact()] } as const;
  await world.places.recordIndex(
    digestOf('poor-index'),
    [{ digest: digestOf('poor'), platform: 'linux/amd64' }],
    world.clock(),
  );
  await world.rebuilds.record(streamOf(0), 'r1', () =>
    rebuild('r1', { stream: streamOf(0), output: digestOf('poor-index'), outcome: worse }),
  );
  // Its candidate tag is of no stream.
  expect(await why(world, 'poor')).toMatch(/Patchwave had this image built by rebuild r1, .*: worse: /);
  await pushed(world, 0, 'poor', { tags: ['v3'] });
  expect(await why(world, 'poor')).toMatch(/Last rebuild, which built this image, r1, .*: worse: /);
  await world.rebuilds.record(streamOf(0), 'r2', () => rebuild('r2', { stream: streamOf(0) }));
  expect(await why(world, 'poor')).toMatch(/Patchwave had this image built by rebuild r1, .*: worse: /);
  expect(await why(world, 'app-0')).not.toMatch(/built this image|had this image built/);
});

test('why explains at most twenty images as text, and all as JSON', async () => {
  const world = await planWorld();
  for (let at = 0; at < 22; at += 1) await world.usages.record([usage(`many-${at}`, { workload: `w${at}` })], 1);
  await world.scopes.record({ scope: { account: '111122223333', region: 'eu-west-1' }, completeAtEpochMs: 1 });
  for (let at = 0; at < 22; at += 1) await world.images.recordProperties(imageProperties(`many-${at}`));
  const reference = usage('many-0').reference ?? '';
  const { text } = await run(whyCommand, readOnlyContext(world), [reference]);
  expect(text.match(/^sha256:/gm)).toHaveLength(20);
  expect(text).toContain('and 2 more images. Give a longer name, or list all with --json.');
  const { text: json } = await run(whyCommand, readOnlyContext(world), [reference], { json: true });
  expect(JSON.parse(json)).toHaveLength(22);
});

test('a new fact reopens the cause while the lock still names the building cascade', async () => {
  const world = await planWorld();
  await violating(world);
  const now = world.clock();
  await world.cascades.beginPlanning('other', { nowEpochMs: now, untilEpochMs: now + 1 });
  await world.cascades.write('other', cascade('abc-g1'), [node('abc-g1', streamOf(0), { state: 'building' })]);
  await world.locks.take(lock('r1', { stream: streamOf(0), cascadeId: 'abc-g1', taskToken: 'secret-token' }));
  const text = await why(world);
  expect(text).toMatch(/In cascade abc-g1:\n.*\n.*rebuild +building/);
  expect(text).toContain('The planner has not evaluated it yet, or its last answer is over.');
  expect(text).not.toContain('secret-token');
});

test('an image of a stream without a cause shows no stream section', async () => {
  const world = await planWorld();
  await pushed(world, 0, 'app-0', { reasons: [], inUse: true });
  await tell(world, 1, fact());
  expect(await why(world)).not.toMatch(/cause|cascade|rebuild|Remembered|waiting/);
});

test('why shows scanner layer data that disagrees with the attribution', async () => {
  const world = await planWorld();
  const layer = digestOf('layer');
  const app = await pushed(world, 0, 'app-0', { reasons: [{ ...reasonOf(fact()), layer } as Reason], inUse: true });
  const base = await pushed(world, 1, 'base', { reasons: [] });
  stands(world, app, base);
  expect(await why(world)).not.toContain('layer that');
  await world.contents.record([{ digest: base, layers: [layer] }]);
  const short = (digest: string) => digest.slice(0, 'sha256:'.length + 12);
  expect(await why(world)).toMatch(
    new RegExp(`CVE-2026-1 in openssl 3.0.1 +${short(app)} +${short(base)} +${short(layer)}`),
  );
});

test('why names unread images that may be the parent, lie between, or be below the next build', async () => {
  const world = await planWorld();
  await pushed(world, 0, 'app-0', { reasons: [], isPlaced: false });
  const unread = '111122223333/eu-west-1/base';
  await world.images.recordLineage(digestOf('app-0'), { mayLieBelow: [unread] });
  expect(await why(world)).toMatch(
    new RegExp(`built on +unknown: perhaps built on an image of ${unread}, which no review`),
  );
  const lineage = { age: { known: false, unknown: [digestOf('app-0')] }, mayLieBetween: [unread] } as const;
  await world.images.recordLineage(digestOf('app-0'), { ...lineage, mayLieBelowNext: [unread] });
  expect(await why(world)).toMatch(new RegExp(`perhaps also built on an image of ${unread}`));
  expect(await why(world)).toMatch(
    new RegExp(`next build +would have an unknown age: perhaps built on an image of ${unread}`),
  );
});

test('why shows the parents of an image, and which one decides its age', async () => {
  const world = await planWorld();
  await pushed(world, 0, 'app-0', { reasons: [], inUse: true, isPlaced: false });
  expect(await why(world)).not.toContain('built on');
  await pushed(world, 1, 'base', { reasons: [] });
  const [base, now] = [digestOf('base'), world.clock()];
  await world.images.recordLineage(digestOf('app-0'), {
    parent: { digest: base, evidence: 'layers' },
    age: { known: true, bornAtEpochMs: now - 48 * HOUR_MS, decidedBy: base },
    staleParent: { stream: streamOf(1), head: digestOf('new base') },
  });
  const short = base.slice(0, 'sha256:'.length + 12);
  const text = await why(world);
  expect(text).toMatch(new RegExp(`built on +\\w+ ${streamOf(1).replace(/\W/g, '.')} ${short}, known from layers`));
  expect(text).toMatch(new RegExp(`age from +2026-11-22 03:00 UTC \\(2 days ago\\), the birth of \\w+ .* ${short}`));
  expect(text).toContain(`new head    ${digestOf('new base').slice(0, 19)} of its parent stream ${streamOf(1)}; `);
  expect(text).not.toContain('by a rebuild with');
  await world.images.recordReconfirmation(digestOf('app-0'), now - 48 * HOUR_MS);
  expect(await why(world)).toMatch(
    /confirmed +2026-11-22 03:00 UTC \(2 days ago\), by a rebuild with the same content/,
  );
  await world.images.recordLineage(digestOf('app-0'), { age: { known: false, unknown: [digestOf('app-0')] } });
  expect(await why(world)).toMatch(
    /built on +no known image\n +age from +unknown, because the birth of the image itself is unknown\n/,
  );
});

test('why shows the evidence that a task or pod runs the image, and marks a guess', async () => {
  const world = await planWorld();
  const workload = 'eks-deployment 111122223333/eu-west-1/prod/shop/web';
  const guess = { ruleId: 'digest-known', effect: 'unknown', kind: 'digest-guessed', workload, scopes: 2 } as const;
  await pushed(world, 0, 'app-0', { reasons: [guess], inUse: true });
  const asked = { workload: 'web', digestSource: 'tag-guess' } as const;
  await world.usages.record(
    [
      usage('app-0', asked),
      usage('app-0', { ...asked, workload: 'old', digestSource: 'push-history' }),
      usage('app-0', { workloadKind: 'eks-pod', workload: 'shop/pod', digestSource: 'runtime' }),
    ],
    world.clock(),
  );
  const text = await why(world);
  expect(text).toContain(
    `Patchwave can only guess which image ${workload} runs, also in 1 other scope; its container runtime reports no digest`,
  );
  expect(text).not.toMatch(/ECS/);
  expect(text).toMatch(/web .*a guess: what the tag means now/);
  expect(text).toMatch(/old .*what the tag meant when it was pulled/);
  expect(text).toMatch(/pod .*the container runtime/);
});

test('why shows apart which workloads only may start the image', async () => {
  const world = await planWorld();
  await pushed(world, 0, 'app-0', { inUse: true });
  const nightly = { workloadKind: 'eks-cronjob', workload: 'shop/nightly', cluster: 'prod', isPossible: true } as const;
  await world.usages.record([usage('app-0', { ...nightly, digestSource: 'tag-guess' })], 1);
  const text = await why(world);
  const [, ...possible] = text.split('May start without a deployment:');
  expect(possible).toHaveLength(1);
  expect(possible[0]).toMatch(/eks-cronjob shop\/nightly .*a guess: what the tag means now/);
});

test('why says if another policy than the judging one is in force', async () => {
  const world = await planWorld();
  await violating(world);
  const { version } = await world.policies.current();
  const policyLine = async () => /^ {2}policy +(.*)$/m.exec(await why(world))?.[1];
  expect(await policyLine()).toBe(version.slice(0, 12));
  await setPolicy(world, { mode: 'paused' });
  const next = (await world.policies.current()).version;
  expect(await policyLine()).toBe(
    `${version.slice(0, 12)}; not yet judged by policy ${next.slice(0, 12)}, which is in force`,
  );
});

test('why shows the deployments in progress of a verified stream, with the hook that waits for a person', async () => {
  const world = await planWorld();
  await pushed(world, 0, 'app-0', { tags: ['v1'] });
  await world.rollouts.openClosure(closure('abc-g1', streamOf(0)));
  const begun = { cascadeId: 'abc-g1', mode: 'restart', startingAtEpochMs: 1, deadlineEpochMs: 2 } as const;
  const progress = 'it is in stage POST_SCALE_UP; a pause hook waits for a person';
  await world.rollouts.beginDeployment({ ...begun, service: 'a/r/c/web', state: 'running', progress });
  await world.rollouts.beginDeployment({ ...begun, service: 'a/r/c/over', state: 'completed' });
  const text = await why(world);
  expect(text).toContain('Deployments in progress:');
  expect(text).toContain('a/r/c/web');
  expect(text).toContain('a pause hook waits for a person');
  expect(text).not.toContain('a/r/c/over');
});

test('why of an image whose only fault is an old parent names the stream to rebuild first, and its answer', async () => {
  const world = await planWorld({ tiers: TIERS, reportOnly: [1] });
  await oldBase(world);
  const shortOf = (name: string) => digestOf(name).slice(0, 19);
  const text = await why(world);
  expect(text).toContain(`Next step for its age, which counts from ${shortOf('old')}:
  1. ${streamOf(1)} (owner watched) must be rebuilt first: its head ${shortOf('app-1')} is too old.
     refuse: report-only. The mode of this stream, or of an account that its build uses, is \`report-only\` in the policy. To rebuild it, set that mode to \`enforce\`.
  2. ${streamOf(0)} (owner payments) must be rebuilt after that.
     Patchwave rebuilds it when its parent has a new head.`);
  const [explanation] = JSON.parse(
    (await run(whyCommand, readOnlyContext(world), [digestOf('app-0')], { json: true })).text,
  );
  expect(explanation.oldParent).toEqual({
    ...{ decidedBy: digestOf('old'), kind: 'rebuild', images: [], streams: [], followParents: true },
    steps: [
      {
        ...{ stream: streamOf(1), tier: 'platform', owner: 'watched', heads: [digestOf('app-1')], cause: 'none' },
        obstacle: expect.objectContaining({ answer: 'refuse', reason: 'report-only' }),
      },
      { stream: streamOf(0), tier: 'application', owner: 'payments', heads: [], cause: 'none' },
    ],
  });
});

test('a head of an application that no workload runs is rebuilt only if the policy says so', async () => {
  const world = await planWorld({ tiers: TIERS });
  await oldBase(world);
  await world.images.recordPresence(digestOf('app-0'), { inUse: false });
  expect(await why(world)).toContain(
    'Patchwave rebuilds it when its parent has a new head, if a workload runs it then or `caps.onlyApplicationsInUse` is false.',
  );
});

test("why names the planner's answer for the old parent, and the cascade that rebuilds it", async () => {
  const world = await planWorld({ tiers: TIERS });
  await oldBase(world, { isBaseHead: true });
  const next = async () => /Next step for its age.*:\n *1\. (.*)\n *(.*)/.exec(await why(world))?.slice(1);
  const first = `${streamOf(2)} (owner payments) must be rebuilt first: its head ${digestOf('old').slice(0, 19)} is too old.`;
  expect(await next()).toEqual([
    first,
    `It has no open cause, so Patchwave does not rebuild it by itself. To request it: patchwave rebuild '${streamOf(2)}' --reason TEXT`,
  ]);
  await tell(world, 2, { kind: 'age', ruleId: 'age-limit', sinceEpochMs: 1 });
  expect((await next())?.[1]).toMatch(/^The planner has not evaluated its open cause yet\./);
  const answer = { answer: 'wait', reason: 'cool-down', detail: 'Soon.', recheckAtEpochMs: world.clock() } as const;
  await world.causes.change(streamOf(2), (before) => before && { ...before, answer });
  expect((await next())?.[1]).toBe('wait: cool-down. Soon. Next check 2026-11-24 03:00 UTC (now).');
  await world.cascades.beginPlanning('other', { nowEpochMs: 1, untilEpochMs: 2 });
  await world.cascades.write('other', cascade('abc-g1'), [node('abc-g1', streamOf(2), { state: 'building' })]);
  await world.causes.change(streamOf(2), (before) => before && takeCause(before, 'abc-g1', before.version));
  expect((await next())?.[1]).toBe('Cascade abc-g1 works on it: building');
  await world.guards.change(streamOf(1), (history) => ({ ...history, failuresInARow: 9 }));
  expect(await why(world)).toMatch(/2\. .*app-1.* must be rebuilt after that\.\n +refuse: attempts-exhausted\. /);
});

test('without followed parents a person must request the rebuild of the image itself', async () => {
  const world = await planWorld({ tiers: TIERS, reportOnly: [1], caps: { followParents: false } });
  await oldBase(world);
  expect(await why(world)).toMatch(/2\. .*after that\.\n +It has no open cause.*patchwave rebuild '.*app-0/);
});

test('what must happen stays unknown while the age of a newer head below is', async () => {
  const world = await planWorld({ tiers: TIERS });
  await oldBase(world, { isBaseHead: true });
  world.advance(HOUR_MS);
  await pushed(world, 2, 'new', { tags: ['v2'], isPlaced: false, pushedAtEpochMs: world.clock() });
  expect(await why(world)).toContain(
    `  Unknown which stream must be rebuilt first: the age of ${digestOf('new').slice(0, 19)} is not known. The next review reads it.`,
  );
});

test('an image of no stream that violates names its owner as the next step', async () => {
  const world = await planWorld();
  await pushed(world, 0, 'app-0', { tags: ['other'], reasons: [reasonOf(fact())], inUse: true });
  expect(await why(world)).toContain(
    'Next step: No stream of the policy makes it, so Patchwave does not rebuild it. Its tags match no head tag of the policy: run the head of a stream instead, or have its owner replace it.',
  );
  await pushed(world, 1, 'app-1', { tags: ['other'], reasons: [], inUse: true });
  expect(await why(world, 'app-1')).not.toContain('Next step');
});

test('why says what an image exceeds that the ledger does not keep whole, and how many names it does not keep', async () => {
  const world = await planWorld();
  const unkept = { ruleId: 'scan-required', effect: 'unknown', kind: 'scan', state: 'unsupported' } as const;
  await pushed(world, 0, 'app-0', { tags: ['v1'], reasons: [{ ...unkept, scanReason: TOO_LARGE.code }] });
  await world.images.recordProperties(
    imageProperties('app-0', { unresolved: TOO_LARGE, references: ['evil.example/a'], moreReferences: 4900 }),
  );
  const text = (await why(world)).replace(/\s+/g, ' ');
  expect(text).toContain('too-large-to-keep: The config and the manifest of the image say more than the ledger keeps');
  expect(text).toContain('400 KB');
  expect(text).toContain('4900 more than the ledger keeps; no waiver by repository covers the image');
});
