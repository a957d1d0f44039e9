import { parentObstacles } from '../../../../shared/domain/attribution/parent-heads.ts';
import type { KnownFleet } from '../../../../shared/domain/attribution/stream-path.ts';
import type { LookedAt } from '../../../../shared/domain/cause/fact-status.ts';
import type { Digest } from '../../../../shared/domain/image/image.ts';
import type { Parent } from '../../../../shared/domain/lineage/parent.ts';
import { digestOf } from '../arbitraries.ts';
import { findingFact, looked, reasonOf } from '../rollout/acting.ts';

const fact = findingFact();
const [APP, BASE] = ['app', 'base'];

/** An application without a head, last built on the base, whose new head violates a rule. */
function fleet(images: Readonly<Record<string, LookedAt>>, running: readonly string[]): KnownFleet {
  const known = { ...images, 'old-base': looked('old-base'), 'new-base': looked('new-base', reasonOf(fact)) };
  const streamOf = (name: string): string => (name.endsWith('base') ? BASE : APP);
  const platform = 'linux/arm64';
  return {
    images: new Map(
      Object.entries(known).map(([name, image]) => [digestOf(name), { ...image, stream: streamOf(name), platform }]),
    ),
    parents: new Map<Digest, Parent>(
      Object.keys(images).map((name) => [digestOf(name), { digest: digestOf('old-base'), evidence: 'layers' }]),
    ),
    streams: new Map([
      [APP, {}],
      [BASE, { head: { images: { [platform]: digestOf('new-base') } } }],
    ]),
    lastBuilt: new Map([[APP, { images: Object.keys(images).map(digestOf), running: running.map(digestOf) }]]),
  };
}

const obstacles = (known: KnownFleet) => parentObstacles({ stream: APP, heads: [] }, known, () => false);

describe('the new head of a parent, where the stream has no head', () => {
  const [clean, holding] = [looked('clean'), looked('holding', reasonOf(fact))];

  test('is worse than what runs, though the image that was pushed last is as bad', () => {
    expect(obstacles(fleet({ clean, holding }, ['clean']))).toMatchObject([{ stream: BASE, why: 'worse' }]);
  });

  test('is no worse than what runs, though the image that was pushed last is clean', () => {
    expect(obstacles(fleet({ clean, holding }, ['holding']))).toEqual([]);
  });

  test('makes nothing worse where nothing runs', () => {
    expect(obstacles(fleet({ clean }, []))).toEqual([]);
  });
});
