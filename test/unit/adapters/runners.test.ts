import { memberAccess } from '../../../shared/adapters/clients.ts';
import { Runners } from '../../../shared/adapters/runners.ts';
import type { Pipeline } from '../../../shared/domain/policy/pipeline.ts';

const role = { partition: 'aws', roleName: 'Build', externalId: 'id', sessionName: 'test' };
const runners = new Runners(memberAccess(role, async () => false));
const pipeline = (runner: string) =>
  ({ runner, account: '111122223333', region: 'eu-west-1', name: 'build' }) as Pipeline;

test('a pipeline is asked by the adapter of its runner', async () => {
  const asked = runners.find(pipeline('codepipeline'), 'rebuild-1', 0);
  await expect(asked).rejects.toMatchObject({ cause: { name: 'AccountNotOursError' } });
});

test('a pipeline with a runner of a later version is unreachable for every call', async () => {
  const later = pipeline('later');
  const expected = { name: 'RunnerUnreachableError', cause: { message: 'this version knows no runner "later"' } };
  await expect(runners.find(later, 'rebuild-1', 0)).rejects.toMatchObject(expected);
  await expect(runners.status({ pipeline: later, executionId: '1' })).rejects.toMatchObject(expected);
  await expect(runners.start({ pipeline: later, rebuildId: 'a', token: 'a' })).rejects.toMatchObject(expected);
});
