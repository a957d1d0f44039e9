import type { QueueFacts } from '../facts.ts';
import { broken, type CheckFinding, orOk, unknown } from '../finding.ts';

/** A message that waits longer was not handled in time; the longest window in which messages are collected is 5 minutes. */
const OLDEST_MINUTES = 15;

/** Dead-letter queues are empty; in the others no message waits too long. */
export function checkQueues(queues: readonly QueueFacts[]): readonly CheckFinding[] {
  return orOk(
    queues.flatMap(queueProblem),
    'queues',
    `No message waits longer than ${OLDEST_MINUTES} minutes in ${queues.length} queues, and none was set aside.`,
  );
}

function queueProblem({ logicalId, name, waiting, oldestSeconds }: QueueFacts): CheckFinding[] {
  if (waiting === 0) return [];
  if (logicalId.endsWith('DeadLetters'))
    return [
      broken(
        name,
        `${waiting} messages failed and were set aside in the queue ${name}.`,
        `Follow ${logicalId}Alarm in docs/operations.md.`,
      ),
    ];
  if (oldestSeconds === undefined)
    return [
      unknown(
        name,
        `${waiting} messages wait in the queue ${name}; CloudWatch has not measured for how long.`,
        'Run the command again in 5 minutes.',
      ),
    ];
  const minutes = Math.floor(oldestSeconds / 60);
  if (minutes < OLDEST_MINUTES) return [];
  return [
    broken(
      name,
      `${waiting} messages wait in the queue ${name}, the oldest for ${minutes} minutes.`,
      'Look at errors and throttles of the function that reads this queue, in the dashboard of the stack and in its logs.',
    ),
  ];
}
