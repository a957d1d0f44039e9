/** The embedded cloud in tests: one cloud for one block of tests, stopped also after a failure. */

import { afterAll, beforeAll } from '@jest/globals';
import { type Cloud, type CloudOptions, startCloud } from '../../local/cloud.ts';

export const HUB_ACCOUNT = '111122223333';

/** Starts a cloud before the tests of the file or block and stops it after them; call the result inside a test. */
export function useCloud(options: Partial<CloudOptions> = {}): () => Cloud {
  let cloud: Cloud | undefined;
  beforeAll(async () => {
    cloud = await startCloud({ hubAccount: HUB_ACCOUNT, ...options });
  }, 60_000);
  afterAll(async () => cloud?.stop());
  return () => {
    if (!cloud) throw new Error('useCloud: the cloud is there inside a test only');
    return cloud;
  };
}

/** Runs `work` with a cloud that is stopped at its end. */
export async function withCloud<T>(options: Partial<CloudOptions>, work: (cloud: Cloud) => Promise<T>): Promise<T> {
  await using cloud = await startCloud({ hubAccount: HUB_ACCOUNT, ...options });
  return await work(cloud);
}
