import { keepUp } from '../../../local/demo/keep.ts';
import { Progress } from '../../../local/demo/progress.ts';
import type { Installation } from '../../../local/installation.ts';

const ENDPOINT = 'http://127.0.0.1:4242';

/** What the demo prints once it leaves the cloud up. */
function output(columns?: number): string {
  const pieces: string[] = [];
  const stream = { isTTY: false, write: (piece: string) => pieces.push(piece), ...(columns && { columns }) };
  const installation = {
    cloud: { endpoint: ENDPOINT, pid: 7, stateDir: '/tmp/cloud', release: () => undefined },
    deployment: { ledgerTable: 'ledger', fleetReviewMachineArn: 'arn:machine' },
    fleet: { hub: { account: '111122223333', region: 'eu-west-1' } },
  };
  keepUp(installation as unknown as Installation, new Progress(stream as unknown as NodeJS.WriteStream));
  return pieces.join('');
}

test('notes fit the terminal, and commands are whole', () => {
  const lines = output(60).split('\n');
  const wide = lines.filter((line) => line.length > 60);
  expect(wide.filter((line) => !/export |aws |npm run/.test(line))).toEqual([]);
  expect(lines.some((line) => line.includes('kill -9') || line.includes('-9, when'))).toBe(true);
});

test('each command of the AWS CLI goes to the cloud: by the environment, and by its own option', () => {
  const text = output();
  expect(text).toContain(`export AWS_ENDPOINT_URL=${ENDPOINT} AWS_ACCESS_KEY_ID=111122223333`);
  expect(text).toMatch(new RegExp(`alias aws='/\\S+/aws --endpoint-url ${ENDPOINT}'`));
  expect(text).toContain('aws dynamodb scan --table-name ledger');
  expect(text).toContain('aws stepfunctions start-execution --state-machine-arn arn:machine');
  expect(text).toMatch(/stop it +kill 7\n/);
});
