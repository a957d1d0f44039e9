import { conformanceCases } from '../../support/conformance/cases.ts';
import { CUSTODIAN, custodianDoor } from '../../support/conformance/custodian-door.ts';
import { decidedBy, matrixText, notExpressed, putToDoors } from '../../support/conformance/matrix.ts';

test('Cloud Custodian finds the tasks that the policy refuses, in at least 20 cases', async () => {
  const cases = conformanceCases();
  const outcomes = await putToDoors([custodianDoor(cases)], cases, notExpressed());
  process.stderr.write(`${matrixText(outcomes)}\n`);
  expect(outcomes.flatMap(({ problem }) => problem ?? [])).toEqual([]);
  expect(decidedBy(CUSTODIAN, outcomes)).toBeGreaterThanOrEqual(20);
}, 300_000);
