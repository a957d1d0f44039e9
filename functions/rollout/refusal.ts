import type { Deployment } from '../../shared/domain/cause/cascade.ts';

/** A refused deployment: a short reason, and what its owner can do. */
export type Refusal = Pick<Deployment, 'state' | 'detail' | 'abandoned' | 'postponed'>;

export const refused = (detail: string): Refusal => ({ state: 'refused', detail });

/** A temporary obstacle: no person has to act, and another cascade deploys it. */
export const deferred = (detail: string): Refusal => ({ ...refused(detail), abandoned: true });

/** A temporary obstacle without an event: the next review shows whether the service still needs the deployment. */
export const postponed = (detail: string): Refusal => ({ ...refused(detail), postponed: true });
