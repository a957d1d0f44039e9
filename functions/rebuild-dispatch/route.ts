import { logger } from '../../shared/lambda/powertools.ts';
import type { RebuildDispatchStep } from './input.ts';
import { pollBuild } from './poll-build.ts';
import type { DispatchLimits, DispatchPorts } from './ports.ts';
import type { Reservation } from './postpone.ts';
import { reserve } from './reserve.ts';
import { type SettledNode, settle } from './settle.ts';
import { type BuildAnswer, start } from './start.ts';

export interface DispatchServices {
  readonly ports: DispatchPorts;
  readonly limits: DispatchLimits;
}

/** Runs one step of a node for the state machine. `start` answers the waiting step itself. */
export async function route(
  step: RebuildDispatchStep,
  { ports, limits }: DispatchServices,
): Promise<Reservation | BuildAnswer | SettledNode | undefined> {
  const { action, cascadeId, stream } = step;
  logger.appendKeys({ action, cascadeId, stream });
  switch (step.action) {
    case 'reserve':
      return reserve(ports, limits, step);
    case 'start':
      await start(ports, limits, step);
      return undefined;
    case 'poll':
      return pollBuild(ports, limits, step);
    case 'settle':
      return settle(ports, step);
  }
}
