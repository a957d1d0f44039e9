import { FakeRunningTasks } from '../support/fakes/running-tasks.ts';
import { digestOf } from '../support/samples.ts';
import { runningTasksContract } from './running-tasks.contract.ts';

const cluster = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };
const refused = { ...cluster, account: '999999999999' };
const tasks = new FakeRunningTasks();
tasks.refuse(refused.account);
let started = 0;

runningTasksContract(() => ({
  ...{ tasks, cluster, refused, unknown: 'arn:aws:ecs:eu-west-1:444455556666:task/prod/unknown' },
  start: async () => {
    const taskArn = `arn:aws:ecs:eu-west-1:444455556666:task/prod/${++started}`;
    const containers = [{ name: 'app', image: 'app:1', digest: digestOf('app') }];
    tasks.start(taskArn, containers);
    return { taskArn, containers };
  },
}));
