import { listsShowing } from '../../../../shared/domain/image/possible-starts.ts';
import type { WorkloadKind } from '../../../../shared/domain/image/workload-kind.ts';

test.each([
  ['ecs-service', ['waiting-jobs', 'ecs-services']],
  ['eks-cronjob', ['waiting-jobs', 'cronjobs']],
  ['kind-of-a-later-version', ['waiting-jobs']],
])('what may start of %s is shown again by its lists', (kind, lists) => {
  expect(new Set(listsShowing(kind as WorkloadKind))).toEqual(new Set(lists));
});
