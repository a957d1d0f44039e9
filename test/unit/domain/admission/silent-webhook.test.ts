import { isSilent } from '../../../../shared/domain/admission/silent-webhook.ts';
import { HOUR_MS, NOON_EPOCH_MS } from '../../../support/samples.ts';

const at = (hours: number): number => NOON_EPOCH_MS + hours * HOUR_MS;

test.each<[string, number | undefined, number, boolean]>([
  ['a pod after the last review of pods, a day ago', 3, 25, true],
  ['the same within the day', 3, 24, false],
  ['a pod within two hours after it, as clocks and hours go', 2, 25, false],
  ['a pod before it', -1, 25, false],
  ['no pod behind a door', undefined, 1000, false],
])('%s: %s h, now %s h: %s', (_, podHours, nowHours, expected) => {
  expect(isSilent(NOON_EPOCH_MS, podHours === undefined ? undefined : at(podHours), at(nowHours))).toBe(expected);
});
