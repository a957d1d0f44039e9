import type { ScanReading, ScanRequest, ScanState } from '../../../../shared/domain/scan/scan.ts';
import { NEVER_SCANNED, SCAN_STATES } from '../../../../shared/domain/scan/scan.ts';
import { decideScan, dueAtEpochMs, isDue } from '../../../../shared/domain/scan/scan-decision.ts';
import {
  effectiveScanState,
  isKnowledge,
  languageKnownAtEpochMs,
  resultAtEpochMs,
  stateAfterReading,
  stateAfterRequest,
  unscannable,
} from '../../../../shared/domain/scan/scan-state.ts';
import { fc } from '../../../support/seeded.ts';
import { completeScan, DAY, HOUR, image, LOCATION, NOW, pastInstants, runs, scanStates } from '../arbitraries.ts';

const coverage = ['os'] as const;
const requested: ScanState = { state: 'requested', requestedAtEpochMs: NOW - HOUR, coverage: [] };
const watched = (hours: number): ScanState => ({
  ...{ state: 'continuous', completedAtEpochMs: NOW - 20 * DAY, watchedAtEpochMs: NOW - hours * HOUR, coverage },
});
const refused = {
  outcome: 'refused',
  state: 'unsupported',
  reason: 'unsupported-image',
  detail: 'UnsupportedImageError',
} as const;

test('a result names what it covers; otherwise it covers only operating system packages', () => {
  const complete = { outcome: 'complete', completedAtEpochMs: NOW, findings: [] } as const;
  expect(stateAfterReading(NEVER_SCANNED, complete, NOW).coverage).toEqual(['os']);
  const whole = ['os', 'language'] as const;
  expect(stateAfterReading(NEVER_SCANNED, { ...complete, coverage: whole }, NOW).coverage).toEqual(whole);
});

test('after a switch to basic scanning, language packages are known as of the last scan that covered them', () => {
  const whole = ['os', 'language'] as const;
  const basic = (completedAtEpochMs: number) => ({ outcome: 'complete', completedAtEpochMs, findings: [] }) as const;
  const inspected = { ...basic(NOW - 3 * DAY), coverage: whole, isWatched: true } as const;
  const before = stateAfterReading(NEVER_SCANNED, inspected, NOW - 2 * DAY);
  expect(before).not.toHaveProperty('languageAtEpochMs');
  expect(languageKnownAtEpochMs(before)).toBe(NOW - 2 * DAY);
  const once = stateAfterReading(before, basic(NOW - DAY), NOW - DAY);
  const twice = stateAfterReading({ ...once, coverage: whole }, basic(NOW), NOW);
  expect([once, twice]).toMatchObject([
    { coverage: ['os'], languageAtEpochMs: NOW - 2 * DAY },
    { coverage: ['os'], languageAtEpochMs: NOW - 2 * DAY },
  ]);
  const refused = { outcome: 'refused', state: 'failed', reason: 'scan-failed', detail: '' } as const;
  expect(languageKnownAtEpochMs(stateAfterReading(twice, refused, NOW))).toBe(NOW - 2 * DAY);
  expect(stateAfterReading(twice, { ...inspected, completedAtEpochMs: NOW }, NOW)).not.toHaveProperty(
    'languageAtEpochMs',
  );
});

describe('after a request', () => {
  test.each<[string, ScanRequest, ScanState]>([
    [
      'granted',
      { outcome: 'requested' },
      { state: 'requested', requestedAtEpochMs: NOW, completedAtEpochMs: NOW - 25 * HOUR, coverage },
    ],
    [
      'quota or scanned: neither yes nor no',
      { outcome: 'quota-or-scanned' },
      {
        state: 'off',
        reason: 'quota-or-scanned',
        requestedAtEpochMs: NOW,
        completedAtEpochMs: NOW - 25 * HOUR,
        coverage,
      },
    ],
    [
      'refused',
      refused,
      {
        state: 'unsupported',
        reason: 'unsupported-image',
        detail: 'UnsupportedImageError',
        requestedAtEpochMs: NOW,
        completedAtEpochMs: NOW - 25 * HOUR,
        coverage,
      },
    ],
  ])('%s', (_, request, expected) => {
    expect(stateAfterRequest(completeScan(25), request, NOW)).toEqual(expected);
  });

  test('an image without a scan gets no result', () => {
    expect(stateAfterRequest(NEVER_SCANNED, { outcome: 'requested' }, NOW)).toEqual({
      state: 'requested',
      requestedAtEpochMs: NOW,
      coverage: [],
    });
  });
});

describe('after a reading', () => {
  const complete = (completedAtEpochMs: number): ScanReading => ({
    outcome: 'complete',
    completedAtEpochMs,
    findings: [],
  });

  test.each<[string, ScanState, ScanReading, ScanState]>([
    ['the first result', NEVER_SCANNED, complete(NOW), { state: 'complete', completedAtEpochMs: NOW, coverage }],
    [
      'the awaited result',
      requested,
      complete(NOW),
      { state: 'complete', completedAtEpochMs: NOW, requestedAtEpochMs: NOW - HOUR, coverage },
    ],
    [
      'the awaited result by a clock that is a minute behind',
      requested,
      complete(NOW - HOUR - 60_000),
      { state: 'complete', completedAtEpochMs: NOW - HOUR - 60_000, requestedAtEpochMs: NOW - HOUR, coverage },
    ],
    [
      'a result from before the request: still awaited, and kept',
      requested,
      complete(NOW - HOUR - 60_001),
      { state: 'requested', completedAtEpochMs: NOW - HOUR - 60_001, requestedAtEpochMs: NOW - HOUR, coverage },
    ],
    [
      'the result that made the registry refuse another scan',
      { state: 'off', reason: 'quota-or-scanned', requestedAtEpochMs: NOW, coverage: [] },
      complete(NOW - 5 * HOUR),
      { state: 'complete', completedAtEpochMs: NOW - 5 * HOUR, requestedAtEpochMs: NOW, coverage },
    ],
    ['an older result than the known one', completeScan(1), complete(NOW - 2 * HOUR), completeScan(1)],
    [
      'an older result than the known one, where a newer one was thought to be unread',
      { ...completeScan(1), state: 'stale' },
      complete(NOW - 2 * HOUR),
      completeScan(1),
    ],
    ['the known result again', completeScan(1), complete(NOW - HOUR), completeScan(1)],
    [
      'a result that a scanner keeps up to date, however old its scan, in the place of a newer scan of before',
      completeScan(1),
      { outcome: 'complete', completedAtEpochMs: NOW - 20 * DAY, findings: [], isWatched: true },
      { state: 'continuous', completedAtEpochMs: NOW - 20 * DAY, watchedAtEpochMs: NOW, coverage },
    ],
    ['an older result than one that was kept up to date since', watched(1), complete(NOW - 2 * HOUR), watched(1)],
    ['a newer result of a scanner that only scans when it is asked', watched(2), complete(NOW - HOUR), completeScan(1)],
    [
      'refused, after a result that was kept up to date: the instant as of which it counts is not lost',
      watched(1),
      refused,
      { ...watched(1), state: 'unsupported', reason: 'unsupported-image', detail: 'UnsupportedImageError' },
    ],
    ['in progress', requested, { outcome: 'in-progress' }, { ...requested, reason: 'in-progress' }],
    [
      'in progress, asked for by somebody else',
      completeScan(25),
      { outcome: 'in-progress' },
      { state: 'requested', reason: 'in-progress', completedAtEpochMs: NOW - 25 * HOUR, coverage },
    ],
    [
      'refused',
      completeScan(25),
      refused,
      {
        state: 'unsupported',
        reason: 'unsupported-image',
        detail: 'UnsupportedImageError',
        completedAtEpochMs: NOW - 25 * HOUR,
        coverage,
      },
    ],
  ])('%s', (_, before, reading, expected) => {
    expect(stateAfterReading(before, reading, NOW)).toEqual(expected);
  });

  test('results in any order end in the newest', () => {
    fc.assert(
      fc.property(fc.array(pastInstants, { minLength: 1 }), (instants) => {
        const end = instants.reduce((scan, at) => stateAfterReading(scan, complete(at), NOW), NEVER_SCANNED);
        expect(end).toEqual({ state: 'complete', completedAtEpochMs: Math.max(...instants), coverage });
      }),
      runs,
    );
  });

  test('no reading loses the instant of a result or of a request', () => {
    const readings = fc.oneof(
      pastInstants.map(complete),
      fc.constantFrom<ScanReading>({ outcome: 'in-progress' }, refused),
    );
    fc.assert(
      fc.property(scanStates, readings, (before, reading) => {
        const after = stateAfterReading(before, reading, NOW);
        expect(after.completedAtEpochMs ?? 0).toBeGreaterThanOrEqual(before.completedAtEpochMs ?? 0);
        expect(after.requestedAtEpochMs).toBe(before.requestedAtEpochMs);
      }),
      runs,
    );
  });
});

describe('as it counts now', () => {
  test.each<[string, ScanState, ScanState['state']]>([
    ['a fresh result', completeScan(1), 'complete'],
    ['a result at the limit', completeScan(48), 'complete'],
    ['a result over the limit', { ...completeScan(48), completedAtEpochMs: NOW - 48 * HOUR - 1 }, 'stale'],
    ['complete without an instant', { state: 'complete', coverage }, 'stale'],
    ['kept up to date, read lately, however old its scan', watched(48), 'continuous'],
    ['kept up to date when it was last read, too long ago', watched(49), 'stale'],
    ['kept up to date without an instant', { state: 'continuous', coverage }, 'stale'],
    [
      'no requests taken since, the last result fresh',
      { ...completeScan(25), state: 'off', reason: 'enhanced' },
      'complete',
    ],
    ['no requests taken since, the last result old', { ...completeScan(49), state: 'off', reason: 'enhanced' }, 'off'],
    ['awaited, the last result fresh', { ...completeScan(25), state: 'requested' }, 'complete'],
    ['awaited, the last result old', { ...completeScan(49), state: 'requested' }, 'requested'],
    ['awaited, never a result', requested, 'requested'],
    [
      'refused for now, the last result fresh',
      { ...completeScan(25), state: 'off', reason: 'quota-or-scanned' },
      'complete',
    ],
    ['refused for now, the last result old', { ...completeScan(49), state: 'off', reason: 'quota-or-scanned' }, 'off'],
    ['off for another reason', { ...completeScan(1), state: 'off', reason: 'never-scanned' }, 'off'],
    ['failed since', { ...completeScan(1), state: 'failed', reason: 'scan-failed' }, 'failed'],
    ['out of reach since', { ...completeScan(1), state: 'unreachable', reason: 'access-denied' }, 'unreachable'],
    ['unsupported since', { ...completeScan(1), state: 'unsupported', reason: 'unsupported-image' }, 'unsupported'],
    ['expired since', { ...completeScan(1), state: 'expired', reason: 'expired' }, 'expired'],
    ['stale once, a newer result since', { ...completeScan(1), state: 'stale' }, 'complete'],
  ])('%s', (_, scan, expected) => {
    expect(effectiveScanState(scan, NOW, 48).state).toBe(expected);
  });

  test('a state that counts as complete has no reason left', () => {
    expect(effectiveScanState({ ...completeScan(25), state: 'requested', reason: 'in-progress' }, NOW, 48)).toEqual(
      completeScan(25),
    );
  });

  test.each(SCAN_STATES.map((state) => [state, state === 'complete' || state === 'continuous'] as const))(
    '%s is knowledge: %s',
    (state, expected) => {
      expect(isKnowledge({ state })).toBe(expected);
    },
  );

  test('is knowledge only with a result inside the limit', () => {
    fc.assert(
      fc.property(scanStates, fc.integer({ min: 24, max: 720 }), (scan, hours) => {
        if (!isKnowledge(effectiveScanState(scan, NOW, hours))) return;
        expect(resultAtEpochMs(scan)).toBeGreaterThanOrEqual(NOW - hours * HOUR);
        expect(['complete', 'continuous', 'stale', 'requested', 'off']).toContain(scan.state);
      }),
      { numRuns: 1000 },
    );
  });

  test('does not come back as time goes by', () => {
    fc.assert(
      fc.property(scanStates, fc.nat({ max: 100 * HOUR }), (scan, later) => {
        if (isKnowledge(effectiveScanState(scan, NOW, 48))) return;
        expect(isKnowledge(effectiveScanState(scan, NOW + later, 48))).toBe(false);
      }),
      runs,
    );
  });
});

describe('the scan decision', () => {
  const window = { nowEpochMs: NOW, catchUpUntilEpochMs: NOW + 3 * HOUR };
  const scanned = (scan: ScanState) => ({ locations: [LOCATION], scan });

  test.each<[string, Parameters<typeof decideScan>[0], ReturnType<typeof decideScan>]>([
    ['never looked at', scanned(NEVER_SCANNED), { action: 'ask' }],
    ['scanned 24 hours ago', scanned(completeScan(24)), { action: 'ask' }],
    ['scanned an hour ago', scanned(completeScan(1)), { action: 'not-needed' }],
    ['due at the end of the window', scanned(completeScan(21)), { action: 'later', dueAtEpochMs: NOW + 3 * HOUR }],
    ['due after the window', scanned(completeScan(20)), { action: 'not-needed' }],
    ['asked an hour ago', scanned(requested), { action: 'not-needed' }],
    ['kept up to date by another scanner before', scanned(watched(30)), { action: 'ask' }],
    [
      'asked later than scanned',
      scanned({ ...completeScan(30), requestedAtEpochMs: NOW - 22 * HOUR }),
      { action: 'later', dueAtEpochMs: NOW + 2 * HOUR },
    ],
    [
      'scanned later than asked',
      scanned({ ...completeScan(23), requestedAtEpochMs: NOW - 30 * HOUR }),
      { action: 'later', dueAtEpochMs: NOW + HOUR },
    ],
    [
      'a failure of yesterday',
      scanned({ state: 'failed', reason: 'scan-failed', requestedAtEpochMs: NOW - DAY, coverage: [] }),
      { action: 'ask' },
    ],
    [
      'outside ECR',
      { locations: [], scan: NEVER_SCANNED },
      { action: 'impossible', state: 'off', reason: 'not-in-ecr' },
    ],
  ])('%s', (_, subject, expected) => {
    expect(decideScan(subject, window)).toEqual(expected);
  });

  test.each([
    ['registry-unreachable', 'unreachable', 'access-denied'],
    ['registry-not-read', 'unreachable', undefined],
    ['image-not-found', 'failed', 'image-not-found'],
    ['empty-index', 'unsupported', 'unsupported-type'],
    ['nested-index', 'unsupported', 'unsupported-type'],
    ['no-answer', 'failed', 'scan-failed'],
  ])('an image of which only %s is known is %s', (code, state, reason) => {
    const unresolved = { code, detail: 'in words' };
    expect(unscannable({ locations: [LOCATION], unresolved })).toEqual({
      state,
      ...(reason && { reason }),
      detail: 'in words',
    });
    expect(decideScan({ locations: [LOCATION], unresolved, scan: completeScan(1) }, window)).toMatchObject({
      action: 'impossible',
      state,
    });
  });

  test('an image with a place can be scanned', () => {
    expect(unscannable(image())).toBeUndefined();
  });

  test('is due exactly from the reported time', () => {
    fc.assert(
      fc.property(scanStates, (scan) => {
        const due = dueAtEpochMs(scan);
        expect([isDue(scan, due - 1), isDue(scan, due)]).toEqual([false, true]);
        const refreshes = [scan.requestedAtEpochMs, scan.completedAtEpochMs].filter((at) => at !== undefined);
        expect(due).toBe(refreshes.length === 0 ? 0 : Math.max(...refreshes) + DAY);
      }),
      runs,
    );
  });
});
