import {
  afterReading,
  isConfirmedUnused,
  isUnused,
  reportedAtZero,
  type SeenAtZero,
  type ServiceAtZero,
  type ServicesSeen,
  serviceText,
} from '../../../../shared/domain/image/service-at-zero.ts';
import { DAY_MS } from '../../../support/samples.ts';

const NOW = 1_000 * DAY_MS;
const NAME = { account: '111122223333', region: 'eu-west-1', cluster: 'prod', service: 'old' };
const confirmed = { by: 'Jo', author: 'jo', atEpochMs: NOW - DAY_MS, untilEpochMs: NOW + DAY_MS, reason: 'kept' };
const since: ServiceAtZero = { ...NAME, sinceEpochMs: NOW - 90 * DAY_MS };
const ended = { atEpochMs: NOW - 1, why: 'started' } as const;
const zero: SeenAtZero = { cluster: 'prod', service: 'old' };

test.each<[string, Partial<ServiceAtZero>, number, boolean]>([
  ['until its end', { confirmed }, NOW, true],
  ['to the last millisecond', { confirmed }, confirmed.untilEpochMs - 1, true],
  ['no more at its end', { confirmed }, confirmed.untilEpochMs, false],
  ['no more after a start', { confirmed, ended }, NOW, false],
  ['never without a person', {}, NOW, false],
])('a confirmation counts %s', (_, changes, at, counts) => {
  expect(isConfirmedUnused({ ...since, ...changes }, at)).toBe(counts);
});

test.each<[string, Partial<ServiceAtZero>, boolean]>([
  ['after 90 days', {}, true],
  ['not one millisecond earlier', { sinceEpochMs: since.sinceEpochMs + 1 }, false],
  ['not if something schedules it', { isScheduled: true }, false],
  ['not while a person has confirmed it', { confirmed }, false],
  ['again after the end of the confirmation', { confirmed: { ...confirmed, untilEpochMs: NOW } }, true],
  ['not once it started', { ended }, false],
])('a service at zero is reported as unused %s', (_, changes, expected) => {
  expect(isUnused({ ...since, ...changes }, NOW)).toBe(expected);
});

const seen = (changes: Partial<ServicesSeen> = {}): ServicesSeen => ({
  ...{ atZero: [zero], running: new Set<string>(), isComplete: true, atEpochMs: NOW },
  ...changes,
});

test.each<[string, ServiceAtZero | undefined, Partial<ServicesSeen>, ServiceAtZero | undefined]>([
  ['it is new', undefined, {}, { ...NAME, sinceEpochMs: NOW }],
  ['nothing changed', { ...since, confirmed }, {}, { ...since, confirmed }],
  ['it ended before, and begins anew', { ...since, confirmed, ended }, {}, { ...NAME, sinceEpochMs: NOW }],
  ['something schedules it now', since, { atZero: [{ ...zero, isScheduled: true }] }, { ...since, isScheduled: true }],
  ['nothing schedules it any more', { ...since, isScheduled: true }, {}, since],
  ['it is gone', since, { atZero: [] }, { ...since, ended: { atEpochMs: NOW, why: 'gone' } }],
  ['it may be at zero', since, { atZero: [], isComplete: false }, since],
  [
    'it runs, though services could not be listed',
    since,
    { atZero: [], isComplete: false, running: new Set(['prod/old']) },
    { ...since, ended: { atEpochMs: NOW, why: 'started' } },
  ],
  [
    'it was at zero and runs by now',
    since,
    { running: new Set(['prod/old']) },
    { ...since, ended: { atEpochMs: NOW, why: 'started' } },
  ],
  ['another one of the name runs', since, { running: new Set(['test/old']) }, since],
  ['it ended, and is gone', { ...since, ended }, { atZero: [] }, { ...since, ended }],
  ['it was never there', undefined, { atZero: [] }, undefined],
])('after a reading: %s', (_, before, changes, expected) => {
  expect(afterReading(NAME, before, seen(changes))).toEqual(expected);
});

test('each service is in one list, in the order of their names', () => {
  const named = (service: string, changes: Partial<ServiceAtZero> = {}) => ({ ...since, service, ...changes });
  const all = [
    named('d', { confirmed }),
    named('b'),
    named('a'),
    named('e', { confirmed, ended }),
    named('c', { sinceEpochMs: NOW }),
  ];
  const { unused, ...others } = reportedAtZero(all, NOW);
  expect(unused.map(({ service }) => service)).toEqual(['a', 'b']);
  expect(others).toEqual({ confirmed: [all[0]], over: [all[3]] });
});

test('a service has the text of its usages', () => {
  expect(serviceText(NAME)).toBe('ecs-service 111122223333/eu-west-1/prod/old');
});
