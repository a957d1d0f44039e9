import {
  headsShown,
  onlyParentHead,
  parentObstacles,
  parentsKey,
} from '../../../../shared/domain/attribution/parent-heads.ts';
import type { AttributionInputs } from '../../../../shared/domain/attribution/stream-path.ts';
import type { JudgedImage } from '../../../../shared/domain/cause/fact-status.ts';
import type { Digest, StreamTier } from '../../../../shared/domain/image/image.ts';
import type { Parent } from '../../../../shared/domain/lineage/parent.ts';
import { digestOf } from '../arbitraries.ts';
import { findingFact, looked, reasonOf } from '../rollout/acting.ts';

const fact = findingFact();
const [APP, BASE] = ['app', 'base'];

/** An application without a head, last built on the base, whose new head violates a rule. */
function fleet(images: Readonly<Record<string, JudgedImage>>, running: readonly string[]): AttributionInputs {
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

const obstacles = (known: AttributionInputs) => parentObstacles({ stream: APP, heads: [] }, known, () => false);

describe('the new head of a parent of a stream without a head', () => {
  const [clean, holding] = [looked('clean'), looked('holding', reasonOf(fact))];

  test('is worse than the running image, though the image pushed last is as bad', () => {
    expect(obstacles(fleet({ clean, holding }, ['clean']))).toMatchObject([{ stream: BASE, why: 'worse' }]);
  });

  test('is no worse than the running image, though the image pushed last is clean', () => {
    expect(obstacles(fleet({ clean, holding }, ['holding']))).toEqual([]);
  });

  describe('of a mirrored stream', () => {
    const known = fleet({ clean }, ['clean']);
    const built = (child: StreamTier | undefined, parent: StreamTier, images = known.images) =>
      obstacles({
        ...known,
        images,
        streams: new Map([
          [APP, { ...(child && { tier: child }) }],
          [BASE, { ...known.streams.get(BASE), tier: parent }],
        ]),
      });

    test('is never worse for a base: its build patches the packages', () => {
      expect(built('base', 'mirrored')).toEqual([]);
      const unjudged = { digest: digestOf('new-base'), stream: BASE };
      expect(built('base', 'mirrored', new Map([...known.images, [unjudged.digest, unjudged]]))).toMatchObject([
        { stream: BASE, why: 'unjudged' },
      ]);
      expect(built('base', 'base')).toMatchObject([{ stream: BASE, why: 'worse' }]);
    });

    test.each(['platform', 'application', undefined] as const)(
      'is worse for a child of tier %s: it patches nothing',
      (tier) => {
        expect(built(tier, 'mirrored')).toMatchObject([{ stream: BASE, why: 'worse' }]);
      },
    );
  });

  test('makes nothing worse if no image runs', () => {
    expect(obstacles(fleet({ clean }, []))).toEqual([]);
  });
});

describe('the parent heads that an output shows', () => {
  const head = digestOf('new-base');
  const known = fleet({ clean: looked('clean') }, []);
  const headed = { stream: APP, heads: [] };

  test('have the same form as for planner and dispatcher', () => {
    const parentHead = onlyParentHead(headed, known);
    expect(parentHead).toBe(head);
    expect(headsShown(new Map([[BASE, head]]))).toEqual({ parents: parentsKey(headed, known), parentHead });
  });

  test('are sorted by stream; several have no single head', () => {
    const [one, other] = [
      [BASE, head],
      ['tools', digestOf('tools')],
    ] as const;
    const both = headsShown(new Map([one, other]));
    expect(both).toEqual({ parents: expect.stringMatching(/^[0-9a-f]{12}$/) });
    expect(headsShown(new Map([other, one]))).toEqual(both);
  });

  test('are unknown if one of them is, or there is none', () => {
    expect(
      headsShown(
        new Map([
          [BASE, head],
          ['tools', undefined],
        ]),
      ),
    ).toBeUndefined();
    expect(headsShown(new Map())).toBeUndefined();
  });
});
