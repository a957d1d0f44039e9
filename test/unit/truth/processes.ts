import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/**
 * Runs many orders, one process for each core. Each process gets its next order when it has answered the one before, so that a
 * slow one delays no other.
 * @param teller a module that answers each message with one
 * @throws if a process ends without an answer
 */
export async function inProcesses<Order, Answer>(
  teller: URL,
  orders: readonly Order[],
  onAnswer: (answer: Answer) => void,
): Promise<void> {
  const left = [...orders];
  const work = async (): Promise<void> => {
    const child = fork(fileURLToPath(teller), [], { execArgv: ['--disable-warning=ExperimentalWarning'] });
    try {
      for (let order = left.shift(); order !== undefined; order = left.shift())
        onAnswer((await answerTo(order, child)) as Answer);
    } finally {
      child.kill();
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), orders.length) }, work));
}

function answerTo(order: unknown, child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void =>
      reject(new Error(`The process of ${JSON.stringify(order)} ended with ${code} before it answered.`));
    child.once('exit', ended);
    child.once('message', (answer) => {
      child.off('exit', ended);
      resolve(answer);
    });
    child.send(order as object);
  });
}
