/** A base at fault under three platforms and five applications, one of which nothing runs. */

import { packagesIn } from '../integration/oracle/layers.ts';
import { containersIn, homeOf } from '../integration/oracle/running.ts';
import { FLAW, TEAM } from './acting-fleet.ts';

/** An image built on another one gets its packages and fixes nothing by itself. */
export const inherits = { upgrades: false };

export const apps = [
  { name: 'shop', parent: 'node', pipeline: inherits },
  { name: 'billing', parent: 'java', pipeline: inherits },
  { name: 'worker', parent: 'debian', pipeline: inherits },
  { name: 'idle', parent: 'node', pipeline: inherits },
  { name: 'tool', parent: 'go', pipeline: inherits },
];
export const bases = [{ name: 'debian' }, { name: 'fresh', sound: true }];
/** A service of two applications that are built on one base through two platforms. */
export const services = { portal: ['shop', 'billing'], worker: ['worker'], tool: ['tool'] };
export const platforms = [
  { name: 'node', base: 'debian', pipeline: inherits },
  { name: 'java', base: 'debian', pipeline: inherits },
  { name: 'go', base: 'fresh', pipeline: inherits },
];

/** Containers that run a version with the flaw: repository and version. */
export const flawsThatRun = async (endpoint: string): Promise<string[]> => {
  const versions = (await containersIn(endpoint, TEAM)).map(async ({ container }) => {
    const home = homeOf(container);
    if (!home || container.imageDigest === undefined) throw new Error(`${container.image} is nowhere`);
    const packages = await packagesIn(endpoint, home, container.imageDigest);
    return `${home.repository} ${packages.get(FLAW.package)}`;
  });
  return (await Promise.all(versions)).filter((each) => !each.endsWith(` ${FLAW.fixedIn}`)).sort();
};
