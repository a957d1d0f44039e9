import { currentVerdict } from '../../../../shared/domain/verdict/current-verdict.ts';
import type { ImageRecord } from '../../../../shared/domain/verdict/image-record.ts';
import type { Reason, Verdict } from '../../../../shared/domain/verdict/verdict.ts';
import { completeScan, DAY, image, NOW } from '../arbitraries.ts';

const COMPLIANT: Verdict = { status: 'compliant', reasons: [], policyVersion: 'now' };
const TOO_OLD: Reason = { ruleId: 'age-limit', effect: 'violates', kind: 'age', bornAtEpochMs: 0, limitDays: 30 };
const UNSCANNED: Reason = { ruleId: 'scan-required', effect: 'unknown', kind: 'scan', state: 'requested' };
const UNSUPPORTED: Reason = { ...UNSCANNED, state: 'unsupported', scanReason: 'unsupported-os' };
const AGELESS: Reason = { ruleId: 'age-known', effect: 'unknown', kind: 'age-unknown', isLineageUnread: true };

const record = (changes: Partial<ImageRecord> = {}): ImageRecord => ({
  ...image(),
  ...{ inUse: false, isHead: false, scan: completeScan(), verdict: COMPLIANT, judgedAtEpochMs: NOW },
  ...changes,
});

const current = (given: ImageRecord | undefined, now = NOW) =>
  currentVerdict(given, { policy: { staleScanHours: 48 }, version: 'now' }, now);

test('a verdict by the policy in force whose facts did not change counts', () => {
  expect(current(record())).toEqual({ status: 'compliant', reasons: [] });
  const violating: Verdict = { ...COMPLIANT, status: 'violating', reasons: [TOO_OLD] };
  expect(current(record({ verdict: violating }))).toEqual({ status: 'violating', reasons: [TOO_OLD] });
});

const { verdict: _, ...unjudged } = record();
const { judgedAtEpochMs: __, ...changed } = record();

test.each<[string, ImageRecord | undefined, number, string]>([
  ['an image without a record', undefined, NOW, 'Patchwave to record the image'],
  ['an image without a verdict', unjudged, NOW, 'the first verdict on the image'],
  ['facts that changed', changed, NOW, 'a new verdict, because the facts of the image changed'],
  [
    'another policy',
    record({ verdict: { ...COMPLIANT, policyVersion: 'before' } }),
    NOW,
    'a verdict by the policy in force',
  ],
  [
    'a violation by another policy',
    record({ verdict: { status: 'violating', reasons: [TOO_OLD], policyVersion: 'before' } }),
    NOW,
    'a verdict by the policy in force',
  ],
  [
    'a limit that has passed',
    record({ verdict: { ...COMPLIANT, nextBreachAtEpochMs: NOW } }),
    NOW,
    'a new verdict, because a limit of the last one has passed',
  ],
  ['a scan that is too old', record(), NOW + 30 * DAY, 'a new scan'],
  ['a scan that failed', record({ scan: { ...completeScan(), state: 'failed' } }), NOW, 'a new scan'],
])('%s is unknown, and awaited', (_name, given, now, waitsFor) => {
  expect(current(given, now)).toEqual({ status: 'unknown', reasons: [], waitsFor });
});

test('an unknown verdict is awaited, with its reasons', () => {
  const verdict: Verdict = { ...COMPLIANT, status: 'unknown', reasons: [UNSCANNED, AGELESS] };
  expect(current(record({ verdict }))).toEqual({
    ...{ status: 'unknown', reasons: [UNSCANNED, AGELESS] },
    waitsFor: 'scan requested (scan-required); age unknown (age-known)',
  });
});

test('what the content of an image decides is not awaited', () => {
  const verdict: Verdict = { ...COMPLIANT, status: 'unknown', reasons: [UNSUPPORTED] };
  expect(current(record({ verdict }))).toEqual({ status: 'unknown', reasons: [UNSUPPORTED] });
});
