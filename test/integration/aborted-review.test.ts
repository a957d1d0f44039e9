import { DescribeExecutionCommand, SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { eventually } from '../../local/cloud/probe.ts';
import { loadFleet } from '../../local/fleet/load.ts';
import { useInstallation } from '../support/installation.ts';
import { hubOf } from '../support/readings.ts';

const LIMIT_MS = 120_000;
const STEP_LIMIT_MS = 30_000;
const installation = useInstallation(() => loadFleet('local/fleet/small.json'));

test(
  'a review that was stopped in the middle is recorded as failed, and the next one begins',
  async () => {
    const { context, review } = installation();
    const stepFunctions = new SFNClient(hubOf(installation()));
    const executionArn = await context.reviews.start({});
    const opened = await eventually(
      async () => {
        const { running } = await context.runs.latest();
        return running && (await context.runs.get(running.runId));
      },
      'the lease of the review',
      STEP_LIMIT_MS,
    );
    expect(opened).toMatchObject({ executionArn, state: 'running' });

    await stepFunctions.send(new StopExecutionCommand({ executionArn }));

    const stopped = await eventually(
      async () => {
        const record = await context.runs.get(opened.runId);
        return record?.state === 'running' ? undefined : record;
      },
      'the record of the stopped review',
      STEP_LIMIT_MS,
    );
    expect(stopped).toMatchObject({ executionArn, state: 'failed', failure: { error: 'ABORTED' } });
    const { status } = await stepFunctions.send(new DescribeExecutionCommand({ executionArn }));
    expect(status).toBe('ABORTED');

    const next = await review();
    expect(next).toMatchObject({ status: 'SUCCEEDED', output: { alreadyRunning: false } });
    expect(await context.runs.get(opened.runId)).toEqual(stopped);
  },
  LIMIT_MS,
);
