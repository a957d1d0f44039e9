import { readFileSync } from 'node:fs';
import { parsePolicy } from '../../shared/domain/policy/policy-document.ts';
import { definitionText, type Machine, machineNames, machinesOf } from '../statemachines/machine.ts';
import { TRIED_ALARMS } from '../support/tried-alarms.ts';
import { hub, member, memberVpc, objectOf, ofType, ROOT, textOf } from './template.ts';

const operations = readFileSync(`${ROOT}docs/operations.md`, 'utf8');
const [, runbook = ''] = operations.split('\n## When an alarm stands\n');
const entries = new Map(
  runbook
    .split('\n### ')
    .slice(1)
    .map((entry) => [entry.slice(0, entry.indexOf('\n')), entry]),
);
const alarms = ofType(hub, 'AWS::CloudWatch::Alarm').map(({ id, properties }) => ({
  id,
  name: textOf(objectOf(properties.AlarmName)['Fn::Sub']).replace(`\${AWS::StackName}-`, ''),
}));

test('the runbook has an entry for each alarm, in the order of the template, and for nothing else', () => {
  expect([...entries.keys()]).toEqual(alarms.map(({ id }) => id));
});

test.each(alarms)('$id: has its CloudWatch name, meaning, checks and next step', ({ id, name }) => {
  const entry = entries.get(id) ?? '';
  expect(entry).toContain(`\`${name}\``);
  const answers = [...entry.matchAll(/^- \*\*(.+?)\*\*: \S/gm)].map(([, question]) => question);
  expect(answers).toEqual(['Means', 'Look at', 'Do']);
});

describe('each runbook is tried in the embedded cloud', () => {
  const files = Object.entries(TRIED_ALARMS);

  test('the files of test/integration try every alarm of the templates, each once', () => {
    const tried = files.flatMap(([, ids]) => [...ids]);
    const declared = [hub, member]
      .flatMap((template) => ofType(template, 'AWS::CloudWatch::Alarm'))
      .map(({ id }) => id);
    expect(tried.sort()).toEqual(declared.sort());
  });

  test.each(files)('%s asks at its end whether it has raised and ended all of its alarms', (file) => {
    const text = readFileSync(`${ROOT}test/integration/${file}`, 'utf8');
    expect(text).toContain(`expect(runs.ended).toEqual([...TRIED_ALARMS['${file}']].sort());`);
  });
});

const [key = '', ...otherJson] = [...operations.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) => text ?? '');

test('the policy of a key lets each service use it that the parameter names', () => {
  expect(otherJson).toEqual([]);
  const { KmsKeyArn } = objectOf(hub.json.Parameters);
  const [, listed = ''] = /the services ([\w, ]+) of this account/.exec(textOf(objectOf(KmsKeyArn).Description)) ?? [];
  const services = listed.split(/, | and /);
  expect(services.length).toBeGreaterThan(1);
  const principals = JSON.stringify(JSON.parse(key).Statement.map((each: { Principal: unknown }) => each.Principal));
  expect(services.filter((service) => !principals.includes(`"${service}.`))).toEqual([]);
});

test('the waiver of an account without a role is one that a policy takes', () => {
  const [, waivers = ''] = /```yaml\n(waivers:[\s\S]*?)```/.exec(operations) ?? [];
  const policy = 'version: 1\nages: { default: { limitDays: 30 } }\nstreams: []\nseverities: []\n';
  expect(parsePolicy(`${policy}${waivers}`).waivers).toMatchObject([
    { rule: 'scope-readable', scope: { account: '777788889999' } },
  ]);
});

const statesOf = (machine: Machine): string[] => machinesOf(machine).flatMap(([, { States }]) => Object.keys(States));

test('every parameter, output, resource and state that it names is in a template or machine', () => {
  const named = [...operations.matchAll(/`<?([A-Z]\w+)(?:=\w+)?>?`|<([A-Z]\w+)>/g)].map(
    ([, code, place]) => code ?? place,
  );
  const known = [
    ...[hub, member, memberVpc].flatMap(({ json }) =>
      Object.keys({ ...objectOf(json.Parameters), ...objectOf(json.Outputs) }),
    ),
    ...[hub, member, memberVpc].flatMap(({ resources }) => resources.map(({ id }) => id)),
    ...machineNames().flatMap((name) => statesOf(JSON.parse(definitionText(name)))),
    ...['StartImageScan', 'LastProcessingResult', 'Disabled'],
  ];
  const errors = /Error$|^(FleetReview|Cascade)Incomplete$|^[A-Z_]+$/;
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name = '') => !known.includes(name) && !errors.test(name))).toEqual([]);
});

test('the commands for a dead-letter queue name queues of the template', () => {
  const named = [...runbook.matchAll(/\$\((?:queue|arn) (\w+)\)/g)].map(([, name]) => name ?? '');
  expect(new Set(named)).toEqual(new Set(['ScanEventDeadLetters', 'ScanEventQueue']));
  expect(named.filter((name) => !ofType(hub, 'AWS::SQS::Queue').some(({ id }) => id === name))).toEqual([]);
});
