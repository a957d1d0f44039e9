import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { GetFunctionConfigurationCommand, LambdaClient, ListVersionsByFunctionCommand } from '@aws-sdk/client-lambda';
import { loadFleet } from '../../local/fleet/load.ts';
import { changeParameters } from '../../local/stack.ts';
import { hubFunctionNames } from '../../scripts/bundle.ts';
import { useInstallation } from '../support/installation.ts';
import { hubOf } from '../support/readings.ts';

const LIMIT_MS = 240_000;

describe('a new value of a parameter alone', () => {
  const installation = useInstallation(() => loadFleet('local/fleet/small.json'));

  test(
    'reaches what queues call, and leaves the versions that executions began with',
    async () => {
      const config = hubOf(installation());
      const lambda = new LambdaClient(config);
      const liveOf = async (name: string) => {
        const FunctionName = `patchwave-${name}`;
        const configuration = await lambda.send(
          new GetFunctionConfigurationCommand({ FunctionName, Qualifier: 'live' }),
        );
        const { Versions = [] } = await lambda.send(new ListVersionsByFunctionCommand({ FunctionName }));
        return {
          variables: configuration.Environment?.Variables ?? {},
          version: configuration.Version,
          versions: Versions.map(({ Version }) => Version).filter((version) => version !== '$LATEST'),
        };
      };
      const cloudFormation = new CloudFormationClient(config);
      const all = hubFunctionNames();
      expect((await liveOf('scan-trigger')).versions).toEqual(['1']);

      await changeParameters(cloudFormation, 'patchwave', { LogLevel: 'DEBUG' });
      for (const name of all) {
        const { variables, version, versions } = await liveOf(name);
        expect([name, variables.POWERTOOLS_LOG_LEVEL, version]).toEqual([name, 'DEBUG', '2']);
        expect([name, versions]).toEqual([name, ['1', '2']]);
      }

      // One that a single function is made with publishes that one only.
      await changeParameters(cloudFormation, 'patchwave', { DailyScanQuota: '5000' });
      const { variables, version } = await liveOf('scan-trigger');
      expect([variables.DAILY_SCAN_QUOTA, version]).toEqual(['5000', '3']);
      expect((await liveOf('report')).version).toBe('2');

      // One that no function is made with publishes nothing.
      await changeParameters(cloudFormation, 'patchwave', { LogRetentionDays: '30' });
      expect((await liveOf('scan-trigger')).version).toBe('3');

      expect(await installation().review()).toMatchObject({ status: 'SUCCEEDED' });
    },
    LIMIT_MS,
  );
});
