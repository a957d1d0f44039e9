import Sequencer from '@jest/test-sequencer';

/**
 * What takes longest, longest first. Jest knows how long a file took last time, and in a fresh clone only its size: it then
 * starts the shortest of these files last, and one worker waits for the other.
 */
const LONGEST = [
  'unit/truth/truth.test.ts',
  'integration/loop.test.ts',
  'integration/demo.test.ts',
  'contract/deployer.cloud.test.ts',
  'contract/ledger.cloud.test.ts',
  'template/deployment.test.ts',
];

/** @param {{ path: string }} test */
const placeOf = ({ path }) => {
  const place = LONGEST.findIndex((name) => path.replaceAll('\\', '/').endsWith(`/test/${name}`));
  return place < 0 ? LONGEST.length : place;
};

export default class LongestFirst extends Sequencer {
  sort(tests) {
    return super.sort(tests).toSorted((one, other) => placeOf(one) - placeOf(other));
  }
}
