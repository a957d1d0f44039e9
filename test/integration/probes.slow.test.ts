import { probeCloud } from '../../local/cloud/probe.ts';
import { useCloud } from '../support/cloud.ts';
import { loadProbe, probes, restores } from '../support/probes.ts';

test('every restored behaviour has a probe, and every probe a restored behaviour', () => {
  expect(probes).toEqual(restores);
});

describe('with every behaviour restored', () => {
  const cloud = useCloud();
  test.each(restores)(
    '%s is as on AWS',
    async (name) => {
      await (await loadProbe(name))(probeCloud(cloud()));
    },
    30_000,
  );
});
