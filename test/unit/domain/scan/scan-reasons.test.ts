import type { ScanReason } from '../../../../shared/domain/scan/scan.ts';
import { compareScanReasons, SCAN_REASONS } from '../../../../shared/domain/scan/scan-reasons.ts';
import { reasonInFull } from '../../../../shared/domain/verdict/reason-text.ts';

const scan = { ruleId: 'scan-required', effect: 'unknown', kind: 'scan', state: 'failed' } as const;

test.each(Object.entries(SCAN_REASONS))('`why` explains the reason %s', (scanReason, { text, next }) => {
  expect(text.length).toBeGreaterThan(20);
  expect(reasonInFull({ ...scan, scanReason: scanReason as ScanReason })).toBe(
    `scan failed, ${scanReason}; ${text}; next: ${next}`,
  );
});

test('`why` also shows a reason that only a later version knows', () => {
  expect(reasonInFull({ ...scan, scanReason: 'of-tomorrow' as ScanReason })).toBe('scan failed, of-tomorrow');
});

test('a scan that failed says more than an image that is not there', () => {
  const reasons: ScanReason[] = ['never-scanned', 'image-not-found', 'scan-failed'];
  expect(reasons.sort(compareScanReasons)).toEqual(['scan-failed', 'image-not-found', 'never-scanned']);
});
