import type { AdmissionRecords } from '../../../../shared/domain/admission/admission-facts.ts';
import {
  digestsOfStarts,
  type ForeseenStart,
  foreseeStarts,
  mergedStarts,
  type PossibleStart,
  startsOfUsage,
} from '../../../../shared/domain/admission/possible-start.ts';
import type { DoorMode } from '../../../../shared/domain/policy/doors.ts';
import { policySchema } from '../../../../shared/domain/policy/policy.ts';
import type { ImageRecord } from '../../../../shared/domain/verdict/image-record.ts';
import type { Reason } from '../../../../shared/domain/verdict/verdict.ts';
import { parse } from '../../../../shared/schema.ts';
import {
  alone,
  DAY_MS,
  digestOf,
  findingReason,
  HOUR_MS,
  imageProperties,
  judgement,
  NOON_EPOCH_MS,
  usage,
  verdict,
} from '../../../support/samples.ts';

const NOW = NOON_EPOCH_MS;
const HOST = '111122223333.dkr.ecr.eu-west-1.amazonaws.com';
const named = (name: string): string => `${HOST}/team/${name}@${digestOf(name)}`;
const PLACE = { account: '111122223333', region: 'eu-west-1', cluster: 'prod', namespace: 'shop' };

const policyWith = (mode: DoorMode, requireDigest = true) =>
  parse(policySchema, {
    ...{ version: 1, ages: { default: { limitDays: 30 } }, doors: { mode, requireDigest } },
    severities: [{ id: 'critical', severities: ['critical'], graceDays: 0 }],
    streams: [
      {
        ...{ id: 'team', tier: 'application', account: '111122223333', regions: ['eu-west-1'] },
        ...{ repositories: ['team/*'], headTags: ['^v.*$'], owner: 'shop-team' },
      },
    ],
  });

const recordOf = (name: string, reasons: readonly Reason[]): ImageRecord => {
  const properties = imageProperties(name);
  const { digest: _, ...judged } = judgement(name, NOW - HOUR_MS, {
    verdict: verdict(reasons.length > 0 ? 'violating' : 'compliant', { reasons }),
  });
  return { ...properties, lineage: alone(properties), ...judged } as unknown as ImageRecord;
};

const late = (days: number): Reason => ({
  ...findingReason(1),
  effect: 'violates',
  firstSeenAtEpochMs: NOW - days * DAY_MS,
  deadlineEpochMs: NOW - days * DAY_MS,
});

const records: AdmissionRecords = {
  images: new Map(
    [recordOf('good', []), recordOf('late', [late(2)]), recordOf('over', [late(20)]), recordOf('later', [late(8)])].map(
      (one) => [one.digest, one],
    ),
  ),
  indexes: new Map(),
  presences: new Map(['late', 'over', 'later'].map((name) => [digestOf(name), { standing: 'good' }])),
};

const start = (reference: string | undefined, changes: Partial<PossibleStart> = {}): PossibleStart => ({
  ...{
    place: PLACE,
    workloadKind: 'eks-deployment',
    workload: 'shop/web',
    digests: [],
    byDigest: [],
    sources: ['template'],
  },
  ...(reference !== undefined && { reference }),
  ...changes,
});

const inForce = (policy: ReturnType<typeof policyWith>) => ({ policy, applied: [] });
const foresee = (asked: PossibleStart, mode: DoorMode = 'deny', requireDigest = true): ForeseenStart => {
  const [answer] = foreseeStarts([asked], records, inForce(policyWith(mode, requireDigest)), NOW);
  if (!answer) throw new TypeError('no answer');
  return answer;
};

const TAGGED = `${HOST}/team/good:v1`;

test.each<[string, PossibleStart, DoorMode, boolean, Partial<ForeseenStart>]>([
  ['a compliant image', start(named('good')), 'deny', true, { outcome: 'allowed', owner: 'payments' }],
  ['a door that is off', start(named('over')), 'off', true, { outcome: 'not-judged' }],
  ['an image after its grace', start(named('over')), 'deny', true, { outcome: 'refused', ruleId: 'critical' }],
  ['the same where the door only warns', start(named('over')), 'warn', true, { outcome: 'only-warned' }],
  [
    'an image in its grace',
    start(named('late')),
    'deny',
    true,
    { outcome: 'in-grace', ruleId: 'critical', graceEndsAtEpochMs: NOW + 12 * DAY_MS },
  ],
  ['the same where the door only warns', start(named('late')), 'warn', true, { outcome: 'in-grace' }],
  [
    'two images by one tag, of which the grace of the second ends sooner',
    start(TAGGED, { byDigest: [named('late'), named('later')], digests: [digestOf('late'), digestOf('later')] }),
    'deny',
    true,
    { outcome: 'in-grace', graceEndsAtEpochMs: NOW + 6 * DAY_MS },
  ],
  ['an image that nobody knows', start(named('new')), 'deny', true, { outcome: 'refused', ruleId: 'image-recorded' }],
  ['no reference', start(undefined), 'deny', true, { outcome: 'refused', ruleId: 'reference-readable' }],
  ['a tag', start(TAGGED), 'deny', true, { outcome: 'refused', ruleId: 'digest-required', owner: 'shop-team' }],
  ['a tag where no digest is required', start(TAGGED), 'deny', false, { outcome: 'warned', ruleId: 'digest-required' }],
  [
    'a tag by which an image runs: the owner is that of the image',
    start(TAGGED, { digests: [digestOf('good')], sources: ['running'] }),
    'deny',
    true,
    { outcome: 'refused', owner: 'payments' },
  ],
])('%s', (_, asked, mode, requireDigest, expected) => {
  const answer = foresee(asked, mode, requireDigest);
  expect(answer).toMatchObject(expected);
  expect(answer.message === undefined).toBe(['allowed', 'not-judged'].includes(answer.outcome));
  expect(answer.graceEndsAtEpochMs === undefined).toBe(answer.outcome !== 'in-grace');
});

test('a grace that ends first is the one that counts', () => {
  const reasons = [late(2), { ...late(5), ruleId: 'high' } as Reason, late(1)];
  const images = new Map([[digestOf('late'), recordOf('late', reasons)]]);
  const [answer] = foreseeStarts([start(named('late'))], { ...records, images }, inForce(policyWith('deny')), NOW);
  expect(answer).toMatchObject({ outcome: 'in-grace', ruleId: 'high', graceEndsAtEpochMs: NOW + 9 * DAY_MS });
});

test('a template that names what runs is one start with both sources', () => {
  const runs = start(named('good'), { digests: [digestOf('good')], sources: ['running'] });
  const other = start(named('good'), { workload: 'shop/api' });
  const merged = mergedStarts([start(named('good')), runs, other, start(undefined)]);
  expect(merged.map(({ workload, sources, digests }) => [workload, sources.join(), digests.length])).toEqual([
    ['shop/api', 'template', 0],
    ['shop/web', 'running,template', 1],
    ['shop/web', 'template', 0],
  ]);
});

test('a usage starts by each of its references; a container that AWS adds by none', () => {
  const { reference: _, ...unnamed } = usage('a');
  expect(startsOfUsage(unnamed)).toEqual([]);
  const starts = startsOfUsage(usage('a', { otherReferences: [named('a')] }));
  expect(starts.map(({ reference }) => reference)).toEqual([usage('a').reference, named('a')]);
  expect(digestsOfStarts(starts)).toEqual([digestOf('a')]);
  expect(starts[0]?.place).toEqual({ account: '111122223333', region: 'eu-west-1', cluster: 'prod' });
});

test('a possible usage is a template: it starts, and does not run', () => {
  const [possible] = startsOfUsage(usage('a', { isPossible: true }));
  expect(possible).toMatchObject({ sources: ['template'], digests: [digestOf('a')] });
  const merged = mergedStarts([...startsOfUsage(usage('a', { isPossible: true })), ...startsOfUsage(usage('a'))]);
  expect(merged).toMatchObject([{ sources: ['running', 'template'] }]);
});

test('in ECS a tag counts as the digest that runs, also beside a template; a guess does not', () => {
  const ecs = { reference: TAGGED, workloadKind: 'ecs-service', cluster: 'prod' } as const;
  const startsOf = (name: string, changes: object = {}) => startsOfUsage(usage(name, { ...ecs, ...changes }));
  const { namespace: _, ...place } = PLACE;
  const running = { ...records, running: new Set([digestOf('late'), digestOf('over')]) };
  const outcomeOf = (starts: readonly PossibleStart[]) =>
    foreseeStarts(mergedStarts(starts), running, inForce(policyWith('deny')), NOW);
  const asTemplate = start(TAGGED, { place, workloadKind: 'ecs-service', workload: 'payments-api' });
  expect(outcomeOf([asTemplate])).toMatchObject([{ outcome: 'refused', ruleId: 'digest-required' }]);
  expect(outcomeOf(startsOf('good'))).toMatchObject([{ outcome: 'allowed' }]);
  expect(outcomeOf([...startsOf('good'), asTemplate])).toMatchObject([{ outcome: 'allowed' }]);
  expect(outcomeOf([...startsOf('good'), ...startsOf('late')])).toMatchObject([
    { outcome: 'in-grace', ruleId: 'critical' },
  ]);
  expect(outcomeOf([...startsOf('late'), ...startsOf('over')])).toMatchObject([
    { outcome: 'refused', ruleId: 'critical' },
  ]);
  for (const digestSource of ['tag-guess', 'push-history'])
    expect(outcomeOf(startsOf('good', { digestSource }))).toMatchObject([{ ruleId: 'digest-required' }]);
});

test('the place of a workload of Kubernetes is its namespace', () => {
  const [first] = startsOfUsage(usage('a', { workloadKind: 'eks-custom', workload: 'shop/Rollout.argoproj.io/web' }));
  expect(first?.place).toEqual(PLACE);
});

test('at a door that writes digests, a tag is judged by the digests that run by it', () => {
  const doors = { mode: 'deny', pinTags: true } as const;
  const policy = parse(policySchema, { ...policyWith('deny'), doors });
  const tag = (name: string, digests: readonly string[]) =>
    foreseeStarts(
      [
        {
          ...{
            place: PLACE,
            workloadKind: 'eks-deployment',
            workload: 'shop/web',
            reference: `${HOST}/team/${name}:stable`,
          },
          ...{ digests: digests.map(digestOf), byDigest: [], sources: ['running'] },
        } as PossibleStart,
      ],
      records,
      inForce(policy),
      NOW,
    ).map(({ outcome, ruleId }) => [outcome, ruleId]);
  expect(tag('good', ['good'])).toEqual([['allowed', undefined]]);
  expect(tag('web', ['good', 'over'])).toEqual([['refused', expect.any(String)]]);
  expect(tag('web', [])).toEqual([['refused', 'digest-required']]);
  expect(tag('web', ['good', 'over'])).not.toEqual([['refused', 'digest-required']]);
});
