import { readdirSync, readFileSync } from 'node:fs';
import { deployedName, InvokeUsageError, inputOf, keptCloud } from '../../../local/invoke/invocation.ts';

test.each([undefined, '', 'https://dynamodb.eu-west-1.amazonaws.com', 'http://127.0.0.1.example.com:4566'])(
  '%s is no kept cloud',
  (endpoint) => {
    expect(() => keptCloud({ AWS_ENDPOINT_URL: endpoint })).toThrow(InvokeUsageError);
  },
);

test('the endpoint of a kept cloud is taken without a slash at its end', () => {
  expect(keptCloud({ AWS_ENDPOINT_URL: 'http://127.0.0.1:4566/' })).toEqual({ endpoint: 'http://127.0.0.1:4566' });
});

test('a function is named by its folder, and belongs to a stack', () => {
  expect(deployedName('report', ['report', 'rollout'])).toBe('patchwave-report');
  expect(deployedName('report', ['report'], 'other')).toBe('other-report');
  expect(() => deployedName('raport', ['report', 'rollout'])).toThrow('Use one of report, rollout.');
});

const samples = readdirSync('events').filter((file) => file.endsWith('.json'));

test.each(samples)('%s is put into a message of a queue', (file) => {
  const text = readFileSync(`events/${file}`, 'utf8');
  const { Records: records } = inputOf(text, 'x') as { Records: { body: string }[] };
  expect(records.map(({ body }) => JSON.parse(body))).toEqual([JSON.parse(text)]);
});

test('the input of a step is passed unchanged; a file that is not valid JSON is refused', () => {
  expect(inputOf('{"action":"open"}', 'fleet-review')).toEqual({ action: 'open' });
  expect(inputOf('null', 'protection')).toBeNull();
  expect(() => inputOf('{', 'protection')).toThrow('The file is not valid JSON');
});
