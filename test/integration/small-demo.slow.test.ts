import { loadFleet } from '../../local/fleet/load.ts';
import { withReviewed } from './oracle/demo.ts';
import { checkStory } from './oracle/story.ts';

const LIMIT_MS = 240_000;
const FLEET = 'local/fleet/small.json';

test(
  'each sentence of the demo of the difficult fleet is what plain SDK calls find',
  async () => {
    await withReviewed(['--fleet', FLEET], async (result, { endpoint }, { code, stderr }) => {
      expect(code).toBe(0);
      await checkStory(stderr, result, endpoint, await loadFleet(FLEET));
    });
  },
  LIMIT_MS,
);
