import { probeCloud } from '../../local/cloud/probe.ts';
import { withCloud } from '../support/cloud.ts';
import { loadProbe, restores } from '../support/probes.ts';

describe('the probe notices when its behaviour is missing', () => {
  // Several at a time: each has a cloud of its own, and most of them wait for what does not come.
  test.concurrent.each(restores)(
    '%s',
    async (name) => {
      const probe = await loadProbe(name);
      await withCloud({ without: [name] }, async (cloud) => {
        await expect(probe(probeCloud(cloud))).rejects.toThrow();
      });
    },
    60_000,
  );
});
