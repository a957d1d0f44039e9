import type { DemoResult } from '../../../local/demo/result.ts';
import { foundSentences, proofSentences } from '../../../local/demo/story-found.ts';

const names = {
  stream: (id: string) => id,
  brief: (id: string) => `brief ${id}`,
  reference: (text: string) => text,
  service: (key: string) => key,
};
const finding = { kind: 'finding', effect: 'violates', vulnerability: 'CVE-1', package: 'p' };
const scan = { kind: 'scan', effect: 'unknown', state: 'off', scanReason: 'archived' };
const image = (stream: string | undefined, reasons: readonly object[], count = 1) => ({
  ...{ digest: `sha256:${'0'.repeat(64)}`, locations: [], reasons, usages: [{ count, reference: 'nginx:1' }] },
  ...(stream !== undefined && { stream }),
});

test('the numbers, the accounts that were not read, and each reason once with its images', () => {
  const found = {
    images: [image('b', [finding], 2), image('a', [finding]), image(undefined, [scan]), image('c', [])],
    ...{ found: 4, outcomes: { compliant: 1, violating: 2, unknown: 1, failed: 0 } },
    scopes: ['1', '1', '2'].map((account) => ({
      account,
      region: 'r',
      status: account === '1' ? 'failed' : 'complete',
    })),
  } as unknown as DemoResult;
  expect(foundSentences(found, names)).toEqual([
    '5 containers run 4 images: 1 in order, 2 against the policy, 1 unknown',
    'Could not read account 1: what runs there is not known',
    'brief a and brief b: CVE-1 in p',
    'nginx:1: no scan result (archived), so unknown',
  ]);
});

test('as many images for each of two reasons: the reasons have the same order whatever order the images have', () => {
  const images = [image('a', [finding]), image('b', [scan])];
  const rest = { found: 2, outcomes: { compliant: 0, violating: 1, unknown: 1, failed: 0 }, scopes: [] };
  const sentencesOf = (order: readonly object[]) =>
    foundSentences({ images: order, ...rest } as unknown as DemoResult, names);
  expect(sentencesOf(images.toReversed())).toEqual(sentencesOf(images));
});

test('only the last closure of a stream counts, and only a closed one proves', () => {
  const closure = (stream: string, state: string) => ({ stream, state });
  const closures = [closure('a', 'replaced'), closure('a', 'closed'), closure('b', 'closed'), closure('b', 'open')];
  expect(proofSentences({ closures } as unknown as DemoResult['act'], names)).toEqual([
    'Proven: no old image of a runs any more',
    'Containers still run old images of b, or images that are built on them',
  ]);
});
