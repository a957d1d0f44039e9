import { stripVTControlCharacters } from 'node:util';
import type { DoorRow } from '../../../local/demo/door-attempts.ts';
import { doorSentences } from '../../../local/demo/door-sentences.ts';

const REFERENCE = `444455556666.dkr.ecr.us-east-1.amazonaws.com/apps/shop@sha256:${'ab'.repeat(32)}`;
const WHY = 'sha256:abababababab of web may not start: critical CVE-1 in libssl3 3.0.13 (no-critical)';
const NEXT = 'Deploy a newer image, or see patchwave why sha256:abababababab.';
const REFUSED = `admission webhook "pods-deny.patchwave.dev" denied the request: spec.containers[0].image (${REFERENCE}): ${WHY}. ${NEXT}`;

const row = (changes: Partial<DoorRow> = {}): DoorRow => ({
  ...{ door: 'eks', place: '444455556666/us-east-1/main/staging', which: 'old', repository: 'apps/shop' },
  ...{ image: 'sha256:1', workload: 'shop', started: false, message: REFUSED },
  ...changes,
});
const atGate = (changes: Partial<DoorRow> = {}): DoorRow =>
  row({ door: 'ecs', place: '444455556666/us-east-1/batch', message: `Container app: ${WHY}. ${NEXT}`, ...changes });

const told = (...rows: DoorRow[]): string[] => doorSentences(rows).map(stripVTControlCharacters);

test('a refusal names the place and what the door says, without the reference; the same reason is told once', () => {
  expect(told(row(), atGate())).toEqual([
    `The EKS door refuses the old apps/shop in main/staging: ${WHY}`,
    'The ECS door refuses it in batch, before its first task: same reason',
  ]);
});

test('another reason, and another image, are told in full', () => {
  const other = WHY.replace('CVE-1', 'CVE-2');
  expect(
    told(row(), atGate({ message: `Container app: ${other}. ${NEXT}` }), atGate({ repository: 'apps/b' })),
  ).toEqual([
    `The EKS door refuses the old apps/shop in main/staging: ${WHY}`,
    `The ECS door refuses it in batch, before its first task: ${other}`,
    `The ECS door refuses the old apps/b in batch, before its first task: ${WHY}`,
  ]);
});

test('a message of another form is told as it is', () => {
  const message = 'admission webhook "a" denied the request: no';
  expect(told(row({ message }))).toEqual([`The EKS door refuses the old apps/shop in main/staging: ${message}`]);
});

test('what starts is one sentence for each image', () => {
  const started = { which: 'rebuilt', started: true } as const;
  expect(told(row(started), atGate(started), row({ ...started, repository: 'apps/b' }))).toEqual([
    'Both doors let the rebuilt apps/shop start: sha256:1',
    'The EKS door lets the rebuilt apps/b start: sha256:1',
  ]);
});

test('an answer that is not as it should be is told last, for what it is', () => {
  expect(told(row({ started: true }), atGate({ which: 'rebuilt' }), atGate())).toEqual([
    `The ECS door refuses the old apps/shop in batch, before its first task: ${WHY}`,
    'The EKS door does not refuse the old apps/shop in main/staging',
    `The ECS door refuses the rebuilt apps/shop in batch: ${WHY}`,
  ]);
});
