import { gatekeeperObjects } from '../../support/constraint-definition.ts';
import { evaluateConstraints } from '../../support/gatekeeper.ts';
import { digestOf } from '../../support/samples.ts';

/* What the constraints say before a list was published to them. Everything else is in conformance.test.ts. */

const yaml = gatekeeperObjects()
  .map((object) => JSON.stringify(object))
  .join('\n---\n');

const asked = (image: string) => {
  const metadata = { name: 'web', namespace: 'shop', creationTimestamp: '2026-11-29T00:00:00Z' };
  const object = { metadata, spec: { containers: [{ name: 'web', image }] } };
  const kind = { group: '', version: 'v1', kind: 'Pod' };
  const resource = { group: '', version: 'v1', resource: 'pods' };
  const userInfo = { username: 'somebody', groups: [] };
  return evaluateConstraints(
    yaml,
    { object, request: { kind, resource, operation: 'CREATE', namespace: 'shop', userInfo } },
    undefined,
  );
};

test('without a list a new pod is warned of, as if the list were out of date', () => {
  const { decision, objections, errors } = asked(`registry.example/team/web@${digestOf('unlisted')}`);
  expect({ decision, errors, rules: objections.map(({ ruleId }) => ruleId) }).toEqual({
    ...{ decision: 'warn', errors: [], rules: ['digest-allowed', 'list-current'] },
  });
});

test('gatekeeper.yaml has no list, so that one who applies it again takes none away', () => {
  const [, ...constraints] = gatekeeperObjects();
  expect(constraints.map(({ spec }) => spec?.parameters)).toEqual([{ severity: 'deny' }, { severity: 'warn' }]);
});
