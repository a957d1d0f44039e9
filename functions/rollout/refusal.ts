import type { Deployment } from '../../shared/domain/cause/cascade.ts';

/** A deployment that was not made: refused with a short reason and what its owner can do, or superseded. */
export type Refusal = Pick<Deployment, 'state' | 'detail' | 'abandoned' | 'postponed'>;

export const refused = (detail: string): Refusal => ({ state: 'refused', detail });

/** A temporary obstacle: no person has to act, and another cascade deploys it. */
export const deferred = (detail: string): Refusal => ({ ...refused(detail), abandoned: true });

/** A temporary obstacle without an event: the next review shows whether the service still needs the deployment. */
export const postponed = (detail: string): Refusal => ({ ...refused(detail), postponed: true });

/** Somebody else deployed the service. It stops nothing, and the next review shows whether the service still needs it. */
export const superseded = (detail: string): Refusal => ({ ...postponed(detail), state: 'superseded' });
