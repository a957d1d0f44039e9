import type { Deployment } from '../../shared/domain/cause/cascade.ts';

/** A deployment that never begins, and why: a short name, and what its owner can do. */
export type Refusal = Pick<Deployment, 'state' | 'detail' | 'abandoned' | 'postponed'>;

export const refused = (detail: string): Refusal => ({ state: 'refused', detail });

/** What stands in the way passes: nobody is asked to make it, and another cascade does. */
export const deferred = (detail: string): Refusal => ({ ...refused(detail), abandoned: true });

/** What stands in the way passes without a sign to us: the next review shows whether the service is to be deployed. */
export const postponed = (detail: string): Refusal => ({ ...refused(detail), postponed: true });
