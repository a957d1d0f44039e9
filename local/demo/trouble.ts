import type { Faults } from '../cloud/admin-types.ts';

/** Faults: 10 % of all calls are throttled, 2 % fail; events are duplicated, late, reordered or lost. */
export const troubleOf = (seed: number): Faults => ({
  seed,
  throttleRate: 0.1,
  failureRate: 0.02,
  afterRate: 0.5,
  principals: 'roles',
  events: { lost: 0.2, doubled: 0.2, late: 0.2, reordered: 0.2, lateMs: 1500 },
});
