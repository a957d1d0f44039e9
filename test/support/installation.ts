/** A whole Patchwave in the embedded cloud, for one block of tests. */

import { afterAll, beforeAll } from '@jest/globals';
import type { Fleet } from '../../local/fleet/schema.ts';
import { type Installation, type InstallOptions, install } from '../../local/installation.ts';

/**
 * Scans end quickly here, so a review looks often. Nothing is planned unless a test says so: what a review alone writes
 * can be compared only while no function acts on it.
 */
const QUIET = { ScanPollSeconds: '1', PlanningState: 'DISABLED' };
const START_LIMIT_MS = 90_000;

/** Installs before the tests of the file or block and stops after them; call the result inside a test. */
export function useInstallation(
  fleet: () => Fleet | Promise<Fleet>,
  { parameters = {}, ...options }: InstallOptions = {},
): () => Installation {
  let installation: Installation | undefined;
  beforeAll(async () => {
    installation = await install(await fleet(), { ...options, parameters: { ...QUIET, ...parameters } });
  }, START_LIMIT_MS);
  afterAll(async () => installation?.stop());
  return () => {
    if (!installation) throw new Error('useInstallation: the installation is there inside a test only');
    return installation;
  };
}
