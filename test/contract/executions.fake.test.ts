import { FakeExecutions } from '../support/fakes/executions.ts';
import { FakeWaitingStep } from '../support/fakes/waiting-step.ts';
import { executionsContract } from './executions.contract.ts';
import { waitingStepContract } from './waiting-step.contract.ts';

describe('executions', () => {
  const executions = new FakeExecutions();
  let cascades = 0;
  executionsContract(() => ({
    executions,
    newCascadeId: () => `cascade-${++cascades}`,
    end: async (executionArn, state) => void executions.end(executionArn.split(':').at(-1) ?? '', state),
  }));

  test('a forgotten execution is gone and may be started again', async () => {
    const { executionArn } = await executions.start('old');
    executions.end('old', 'succeeded').forget('old');
    expect(await executions.state(executionArn)).toBe('gone');
    expect(await executions.start('old')).toMatchObject({ outcome: 'running' });
    expect(executions.started.filter((id) => id === 'old')).toHaveLength(2);
  });
});

describe('a step that waits', () => {
  const step = new FakeWaitingStep();
  let tokens = 0;
  waitingStepContract(() => ({
    step,
    wait: async () => {
      const taskToken = `token-${++tokens}`;
      step.wait(taskToken);
      return taskToken;
    },
    giveUp: async (taskToken) => void step.giveUp(taskToken),
    answer: async (taskToken) => step.answers.find((answer) => answer.taskToken === taskToken)?.output,
  }));
});
