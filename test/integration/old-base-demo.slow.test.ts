import { loadFleet } from '../../local/fleet/load.ts';
import { withReviewedFleet } from './oracle/demo.ts';
import { checkStory } from './oracle/story.ts';

const LIMIT_MS = 300_000;
const APPS = ['apps/storefront', 'apps/checkout'];

/** The fleet of the demo, whose base is too old and has no flaw: its applications have no cause of their own. */
async function fleetOnOldBase() {
  const fleet = await loadFleet('local/fleet/tiers.json');
  const images = fleet.images.map((image) =>
    image.repository === 'base/debian' ? { ...image, createdDaysAgo: 45, pushedDaysAgo: 45 } : image,
  );
  return { ...fleet, vulnerabilities: [], images };
}

test(
  'the demo awaits the cascade that follows from the new image of an old base, and the review that proves it',
  async () => {
    const fleet = await fleetOnOldBase();
    await withReviewedFleet(fleet, [], async (result, { endpoint }, { code, stderr }) => {
      expect(code).toBe(0);
      const { act, images } = result;
      expect(act.gaveUp).toEqual([]);
      const planned = act.cascades.map(({ nodes }) => nodes.map(({ stream }) => stream.split('/').slice(2).join('/')));
      expect(planned.length).toBeGreaterThan(1);
      expect(planned[0]).toContain('base/debian:^12$');
      for (const app of APPS) {
        expect(planned.slice(1).flat()).toContain(`${app}:^stable$`);
        const own = images.filter(({ locations }) => locations.some(({ repository }) => repository === app));
        expect(own.length).toBeGreaterThan(0);
        expect(own.map(({ outcome }) => outcome)).not.toContain('violating');
      }
      expect(result.doors.map(({ which }) => which)).toEqual(['old', 'old', 'rebuilt', 'rebuilt']);
      await checkStory(stderr, result, endpoint, fleet);
    });
  },
  LIMIT_MS,
);
