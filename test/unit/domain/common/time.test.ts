import { instant } from '../../../../shared/domain/common/time.ts';

test('an instant is written to the minute, in one time zone', () => {
  expect(instant(Date.UTC(2026, 10, 25, 3, 12, 59))).toBe('2026-11-25 03:12 UTC');
});
