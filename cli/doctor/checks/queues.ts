import { counted } from '../../../shared/domain/common/counted.ts';
import { broken, type CheckFinding, orOk, unknown } from '../finding.ts';
import type { QueueDescription } from '../installation.ts';

/** A longer wait means a delay: the longest batching window is 5 minutes. */
const OLDEST_MINUTES = 15;

/** Checks that dead-letter queues are empty and no message waits too long in the others. */
export function checkQueues(queues: readonly QueueDescription[]): readonly CheckFinding[] {
  return orOk(
    queues.flatMap(queueProblem),
    'queues',
    `No message waits longer than ${OLDEST_MINUTES} minutes (${counted(queues.length, 'queue')} checked), and the dead-letter queues are empty.`,
  );
}

function queueProblem({ logicalId, name, waiting, oldestSeconds }: QueueDescription): CheckFinding[] {
  if (waiting === 0) return [];
  if (logicalId.endsWith('DeadLetters'))
    return [
      broken(
        name,
        `The dead-letter queue ${name} has ${counted(waiting, 'message')}.`,
        `Follow ${logicalId}Alarm in docs/operations.md.`,
      ),
    ];
  if (oldestSeconds === undefined)
    return [
      unknown(
        name,
        `Waiting in the queue ${name}: ${counted(waiting, 'message')}; CloudWatch has not measured their age yet.`,
        'Run the command again in 5 minutes.',
      ),
    ];
  const minutes = Math.floor(oldestSeconds / 60);
  if (minutes < OLDEST_MINUTES) return [];
  return [
    broken(
      name,
      `Waiting in the queue ${name}: ${counted(waiting, 'message')}, the oldest for ${minutes} minutes.`,
      'Check errors and throttles of the function that reads this queue, in the dashboard of the stack and in its logs.',
    ),
  ];
}
