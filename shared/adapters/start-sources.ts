import type { StarterSource } from '../ports/starts.ts';
import { ecsClients, eventClients, type MemberAccess, schedulerClients } from './clients.ts';
import { EcsRules } from './ecs-rules.ts';
import { EcsSchedules } from './ecs-schedules.ts';

/** What starts tasks in the clusters of an account and Region, each read with the account's role. */
export function startSources(access: MemberAccess): readonly StarterSource[] {
  const ecs = ecsClients(access);
  return [
    new EcsRules({ ecs, events: eventClients(access) }),
    new EcsSchedules({ ecs, scheduler: schedulerClients(access) }),
  ];
}
