import './quiet.ts';
import { DAY_MS } from '../../support/samples.ts';
import { Features } from './features.ts';
import { Life } from './life.ts';
import { Oracle } from './oracle.ts';

/*
 * What the oracle excuses is shown here by itself: few seeds have a waiver of a platform for a vulnerability that only the
 * application has.
 */

/** Which vulnerabilities violate the policy in an application, while the line below it waives one. */
async function violatingWhereWaivedBelow(name: string): Promise<readonly string[]> {
  const life = new Life(1, new Features([]));
  const oracle = new Oracle(life);
  await life.begin();
  const { archive, clockwork, lines, factory } = life;
  const line = lines.find(({ tier }) => tier === 'application');
  const lowest = line && life.below(line).at(-1);
  const [image] = (line && factory.headOf(line)?.images) ?? [];
  if (!lowest || !image) throw new Error('no application is built on a base');
  const fixedIn = archive.release(name, clockwork.now);
  const flaw = { id: 'CVE-2026-1', package: name, severity: 'critical', since: 1, fixedIn } as const;
  archive.publish({ ...flaw, publishedAtEpochMs: clockwork.now });
  const day = (epochMs: number): string => new Date(epochMs).toISOString().slice(0, 10);
  const waiver = {
    ...{ id: 'waiver-1', finding: flaw.id, reason: 'the risk is accepted', author: 'a person' },
    scope: { repositories: [lowest.location.repository] },
    ...{ created: day(clockwork.now), expires: day(clockwork.now + 5 * DAY_MS) },
  };
  await life.publishPolicy({ ...life.policy, waivers: [waiver] });
  return oracle.violatingIn(image, clockwork.now).map(({ id }) => id);
}

test('a waiver of a base accepts what an application inherits from it', async () => {
  expect(await violatingWhereWaivedBelow('openssl')).toEqual([]);
});

test('a waiver of a base does not accept what only the application installs', async () => {
  expect(await violatingWhereWaivedBelow('lodash')).toEqual(['CVE-2026-1']);
});
