import { digestsToRead } from '../domain/admission/admit.ts';
import { deployHeadText } from '../domain/admission/deploy-head.ts';
import type { StartDenial } from '../domain/admission/start-denial.ts';
import { cutText } from '../domain/common/cut-text.ts';
import { visibleLine } from '../domain/common/visible-text.ts';
import type { StartDenialLedger } from '../ports/denials.ts';
import { type DeniedPorts, readDenied } from './read-denied.ts';

export interface RecordDenialPorts extends DeniedPorts {
  readonly startDenials: StartDenialLedger;
}

/** A denial by a door of ECS, as `strictestDecision` gives it. */
export interface DeniedContainer {
  readonly ruleId: string;
  readonly message: string;
  readonly reference?: string;
}

export interface RecordedDenial {
  /** With the head to deploy, where there is one. */
  readonly message: string;
  /** Why it is not recorded; the decision stands. */
  readonly unrecorded?: unknown;
  /** Why it names neither owner nor head. */
  readonly unread?: unknown;
}

const MOST = 400;

/**
 * Records a denial for its owner, and says what may start instead. Never throws.
 * @param commandFor the command that deploys; `undefined` if there is none
 */
export async function recordDenied(
  ports: RecordDenialPorts,
  about: Pick<StartDenial, 'door' | 'place' | 'workload'>,
  { ruleId, message, reference }: DeniedContainer,
  commandFor: () => string | undefined,
): Promise<RecordedDenial> {
  const [digest] = digestsToRead([reference]);
  const { known = {}, unread } = await readDenied(ports, about.place, reference === undefined ? [] : [reference]).then(
    (read) => ({ known: read.get(reference ?? ''), unread: undefined }),
    (error: unknown) => ({ known: undefined, unread: error }),
  );
  const { owner, headToDeploy } = known;
  const withHead = headToDeploy === undefined ? message : `${message} ${deployHeadText(headToDeploy, commandFor())}`;
  const recorded = { message: withHead, ...(unread !== undefined && { unread }) };
  try {
    await ports.startDenials.record({
      ...{ ...about, ruleId, message, deniedAtEpochMs: ports.clock() },
      ...(reference !== undefined && reference !== '' && { reference: cutText(visibleLine(reference), MOST) }),
      ...(digest !== undefined && { digest }),
      ...(owner !== undefined && { owner }),
      ...(headToDeploy !== undefined && { headToDeploy }),
    });
    return recorded;
  } catch (unrecorded) {
    return { ...recorded, unrecorded };
  }
}
