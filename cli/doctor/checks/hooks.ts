import { counted } from '../../../shared/domain/common/counted.ts';
import { registryKey } from '../../../shared/domain/image/image.ts';
import { broken, type CheckFinding, ok, orOk, unknown } from '../finding.ts';
import type { MembersDescription, PausedRolling, ServiceDescription } from '../installation.ts';
import { notKnown, notRead } from './members.ts';

/** Checks that services ask a door that denies, and that a hook without an answer does what the door says. */
export function checkHooks(description: MembersDescription, version: string): readonly CheckFinding[] {
  const judged = description.places.flatMap(({ place, services }) => (services ? [{ place, services }] : []));
  const services = judged.flatMap(({ services: read }) => (read.isRead ? read.value : []));
  const found = [
    ...judged.flatMap(({ place, services: read }) =>
      [...byCluster(read.isRead ? read.value : [])].flatMap(([cluster, some]) =>
        clusterProblems(`${registryKey(place)}/${cluster}`, some),
      ),
    ),
    ...notKnown(
      judged.map(({ place, services: reading }) => ({ key: registryKey(place), reading })),
      version,
    ),
  ];
  const sound = `${counted(services.length, 'ECS service')} at doors checked: each hook does in time what its door says.`;
  return [...orOk(found, 'services', sound), ...notRead(description)];
}

function clusterProblems(where: string, services: readonly ServiceDescription[]): readonly CheckFinding[] {
  const bare = services.filter(({ mode, timeoutActions }) => mode === 'deny' && timeoutActions.length === 0);
  const without = (action: string) =>
    services.filter(({ timeoutActions }) => timeoutActions.some((one) => one === action));
  const closing = without('ROLLBACK').filter(({ mode }) => mode !== 'deny');
  const closingOpen = without('ROLLBACK').filter((service) => service.mode === 'deny' && !refuses(service));
  const opening = without('CONTINUE').filter(refuses);
  return [
    ...(bare.length > 0
      ? [
          broken(
            where,
            `The door denies in ${where}, and ${namesOf(bare)} have no hook at PRE_SCALE_UP: each of their deployments starts without a decision.`,
            'Give each service a pause hook: see "Pause hooks" in docs/doors.md.',
          ),
        ]
      : []),
    ...(closing.length > 0
      ? [
          broken(
            where,
            `The door does not deny in ${where}, and a hook of ${namesOf(closing)} takes the deployment back when nobody answers it: a hub that is away would fail it.`,
            'Set timeoutConfiguration.action of the hook to CONTINUE.',
          ),
        ]
      : []),
    ...(closingOpen.length > 0
      ? [
          broken(
            where,
            `The policy has onUnreachable: allow in ${where}, and a hook of ${namesOf(closingOpen)} takes the deployment back when it gets no answer.`,
            'Set timeoutConfiguration.action of the hook to CONTINUE.',
          ),
        ]
      : []),
    ...(opening.length > 0
      ? [
          broken(
            where,
            `The door denies in ${where}, and a hook of ${namesOf(opening)} continues when nobody answers it: a hub that is away would let each image start.`,
            'Set timeoutConfiguration.action of the hook to ROLLBACK.',
          ),
        ]
      : []),
  ];
}

const refuses = ({ mode, onUnreachable }: ServiceDescription): boolean => mode === 'deny' && onUnreachable === 'refuse';

function byCluster(services: readonly ServiceDescription[]): ReadonlyMap<string, readonly ServiceDescription[]> {
  return Map.groupBy(services, ({ cluster }) => cluster);
}

const MOST_NAMES = 10;

function namesOf(services: readonly ServiceDescription[]): string {
  const names = services.map(({ service }) => service).sort();
  const more = names.length - MOST_NAMES;
  return more > 0 ? `${names.slice(0, MOST_NAMES).join(', ')} and ${counted(more, 'more', 'more')}` : names.join(', ');
}

/** Whether ECS paused a rolling deployment at its pause hook; `undefined` if no rolling service has one. */
export function checkRollingPauses(tried: PausedRolling | undefined): readonly CheckFinding[] {
  const unproven = 'Run the command again after the next deployment of a ROLLING service with a pause hook.';
  if (!tried) return [ok('services', 'No service with the strategy ROLLING relies on a pause hook.')];
  const { service, isPaused } = tried;
  if (isPaused === undefined)
    return [unknown(service, `Not checked: ECS lists no deployment of ${service} since it has its hook.`, unproven)];
  return isPaused
    ? [ok(service, `ECS pauses ROLLING deployments: the last one of ${service} came to its pause hook.`)]
    : [
        broken(
          service,
          `ECS did not pause the last ROLLING deployment of ${service} at its hook, so it started without a decision.`,
          'Use BLUE_GREEN, LINEAR or CANARY for services that a door must keep from starting denied images.',
        ),
      ];
}
