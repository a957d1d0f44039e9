import type { Clock } from '../ports/clock.ts';
import type { ScheduleLedger, StarterSource } from '../ports/starts.ts';
import { ecsClients, eventClients, type MemberAccess, schedulerClients } from './clients.ts';
import { EcsRules } from './ecs-rules.ts';
import { EcsSchedules } from './ecs-schedules.ts';

/**
 * What starts tasks in the clusters of an account and Region, each read with the account's role. Several ledgers share the clients:
 * a review and a preview know schedules from different ones.
 */
export function startSources(
  access: MemberAccess,
): (schedules: ScheduleLedger, clock?: Clock) => readonly StarterSource[] {
  const ecs = ecsClients(access);
  const rules = new EcsRules({ ecs, events: eventClients(access) });
  const clients = { ecs, scheduler: schedulerClients(access) };
  return (schedules, clock) => [rules, new EcsSchedules(clients, schedules, clock)];
}
