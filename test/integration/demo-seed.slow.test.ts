import { withReviewed } from './oracle/demo.ts';
import { checkLimits } from './oracle/story.ts';
import { pageOf } from './oracle/story-page.ts';

const LIMIT_MS = 900_000;
/** How many of these there are does not depend on time. */
const COUNTED = ['CodePipeline Pipeline Execution State Change', 'ECR Image Action'];

/** What `--chaos 7` injects, as the demo says it. */
const injected = () =>
  withReviewed(['--chaos', '7'], async ({ faults }, _kept, { code, stderr }) => {
    expect(code).toBe(0);
    checkLimits(pageOf(stderr));
    const count = (what: string): number =>
      (faults?.events ?? []).filter((event) => event.what === what).reduce((sum, event) => sum + event.count, 0);
    const delayed = count('late') + count('reordered');
    const sentence = `events: ${count('lost')} lost, ${count('doubled')} doubled, ${delayed} delayed`;
    expect(stderr).toContain(
      `Injected: ${faults?.throttled} throttled calls, ${faults?.failed} failed calls; ${sentence}`,
    );
    return faults?.events.filter(({ detailType }) => COUNTED.includes(detailType));
  });

test(
  'a seed of the demo hits the same events again, and the demo ends as without faults',
  async () => {
    const first = await injected();
    expect(first?.length).toBeGreaterThan(0);
    expect(await injected()).toEqual(first);
  },
  LIMIT_MS,
);
