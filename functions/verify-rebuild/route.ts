import { logger } from '../../shared/lambda/powertools.ts';
import { type CheckedScan, check } from './check.ts';
import { type FoundOutput, findOutput } from './find-output.ts';
import type { VerifyRebuildStep } from './input.ts';
import type { VerifyLimits, VerifyPorts } from './ports.ts';
import { type Promotion, promote } from './promote.ts';

export interface VerifyServices {
  readonly ports: VerifyPorts;
  readonly limits: VerifyLimits;
}

/** Runs one step of a node for the state machine. */
export async function route(
  step: VerifyRebuildStep,
  { ports, limits }: VerifyServices,
): Promise<FoundOutput | CheckedScan | Promotion> {
  const { action, cascadeId, stream } = step;
  logger.appendKeys({ action, cascadeId, stream });
  switch (action) {
    case 'find-output':
      return findOutput(ports, limits, step);
    case 'check':
      return check(ports, limits, step);
    case 'promote':
      return promote(ports, limits, step);
  }
}
