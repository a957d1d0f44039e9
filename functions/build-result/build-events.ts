import { mapConcurrently } from '../../shared/concurrency.ts';
import { DEFAULT_RUNNER } from '../../shared/domain/policy/pipeline.ts';
import type { EventContract } from '../../shared/events/contract.ts';
import { type OutputReported, rebuildReported } from '../../shared/events/rebuild-reported.ts';
import type { PipelineRunChanged } from '../../shared/events/run-changed.ts';
import { RUN_EVENTS } from '../../shared/events/run-events.ts';
import { readBody } from '../../shared/lambda/queue-messages.ts';
import type { DeadLetters } from '../../shared/ports/dead-letters.ts';
import type { LockLedger } from '../../shared/ports/rebuilds.ts';
import { type OpenRebuilds, openRebuildsOnce } from '../../shared/rebuilding/open-rebuilds.ts';
import type * as v from '../../shared/schema.ts';
import type { BuildEventMessage } from './input.ts';
import { type MatchRunPorts, matchRun } from './match-run.ts';
import { recordReport } from './report.ts';

const MESSAGES_AT_ONCE = 10;

export interface BuildEventPorts extends MatchRunPorts {
  readonly locks: Pick<LockLedger, 'get' | 'all'>;
  readonly deadLetters: DeadLetters;
}

/** Result of one message. `set-aside`: kept for a person, with the reason. `failed`: delivered again. */
export type HandledBuildEvent =
  | 'running'
  | 'ended'
  | 'recorded'
  | 'not-ours'
  | 'set-aside'
  | { readonly messageId: string; readonly error: unknown };

/**
 * Handles build events. Each event only triggers a read of its run, so order, number and delay do not matter. A message
 * that fails stops no other.
 */
export async function handleBuildEvents(
  ports: BuildEventPorts,
  messages: readonly BuildEventMessage[],
): Promise<readonly HandledBuildEvent[]> {
  const openRebuilds = openRebuildsOnce(ports);
  return mapConcurrently(messages, MESSAGES_AT_ONCE, async ({ messageId, body }) => {
    try {
      return await handleOne(ports, body, openRebuilds);
    } catch (error) {
      return { messageId, error };
    }
  });
}

async function handleOne(ports: BuildEventPorts, body: string, openRebuilds: OpenRebuilds): Promise<HandledBuildEvent> {
  const { value: event, problem } = readBody(body, schemaOf);
  if (!event) return setAside(ports, body, problem);
  if ('run' in event) return matchRun(ports, event.run, openRebuilds);
  const report = await recordReport(ports, event, openRebuilds);
  if (report === 'foreign')
    return setAside(ports, body, `account ${event.account} is not allowed to report for rebuild ${event.rebuildId}`);
  return report === 'recorded' ? 'recorded' : 'not-ours';
}

async function setAside({ deadLetters }: BuildEventPorts, body: string, reason: string): Promise<'set-aside'> {
  await deadLetters.put(body, reason);
  return 'set-aside';
}

type BuildEvent = PipelineRunChanged | OutputReported;

/** Each source names its run in its own fields. */
const BUILD_EVENTS: readonly EventContract<BuildEvent>[] = [rebuildReported, ...Object.values(RUN_EVENTS)];

/** An event of an unknown source is parsed as one of the default runner, whose schema says what is wrong. */
const schemaOf = (json: unknown): v.GenericSchema<unknown, BuildEvent> =>
  (BUILD_EVENTS.find(({ source }) => isFrom(json, source)) ?? RUN_EVENTS[DEFAULT_RUNNER]).schema;

const isFrom = (json: unknown, source: string): boolean =>
  typeof json === 'object' && json !== null && 'source' in json && json.source === source;
