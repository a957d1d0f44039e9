import { counted } from '../../../shared/domain/common/counted.ts';
import { broken, type CheckFinding, orOk } from '../finding.ts';
import type { MappingDescription, RuleDescription } from '../installation.ts';

/** Parameters that switch rules off on purpose. */
const SWITCHES: Readonly<Record<string, string>> = {
  PlanRule: 'PlanningState',
  PlanScheduleRule: 'PlanningState',
  ProtectionScheduleRule: 'ProtectionScheduleState',
};

/** The rule that takes test events of members. */
export const TEST_RULE = 'DoctorRule';
/** Queue of test events for the command; leftovers expire by themselves. */
export const TEST_QUEUE = 'DoctorQueue';

/**
 * Checks that the hub's rules are enabled, except those that a parameter disables, and that each function reads its
 * queue.
 */
export function checkWiring(
  rules: readonly RuleDescription[],
  mappings: readonly MappingDescription[],
  parameters: Readonly<Record<string, string>>,
): readonly CheckFinding[] {
  const found = [
    ...rules.flatMap((rule) => ruleProblem(rule, parameters[SWITCHES[rule.logicalId] ?? ''] === 'DISABLED')),
    ...mappings.flatMap(mappingProblem),
  ];
  const says = `${counted(rules.length, 'rule')} and ${counted(mappings.length, 'trigger')} checked, no problem found.`;
  return orOk(found, 'wiring', says);
}

function ruleProblem({ logicalId, name, bus, state }: RuleDescription, isOffOnPurpose: boolean): CheckFinding[] {
  if (state === 'enabled' || (state === 'disabled' && isOffOnPurpose)) return [];
  if (state === 'gone')
    return [broken(logicalId, `The rule ${logicalId} (${name}) was deleted.`, 'Deploy template.yaml again.')];
  const onBus = bus === undefined ? '' : ` --event-bus-name ${bus}`;
  return [
    broken(
      logicalId,
      `The rule ${logicalId} is disabled, so the events that it matches are not delivered.`,
      `Enable it: aws events enable-rule --name ${name}${onBus}`,
    ),
  ];
}

/** https://docs.aws.amazon.com/lambda/latest/api/API_GetEventSourceMapping.html */
function mappingProblem({ logicalId, id, state }: MappingDescription): CheckFinding[] {
  if (state === 'Enabled' || state === 'Enabling' || state === 'Updating' || state === 'Creating') return [];
  if (state === undefined)
    return [broken(logicalId, `The trigger ${logicalId} (${id}) was deleted.`, 'Deploy template.yaml again.')];
  return [
    broken(
      logicalId,
      `The trigger ${logicalId} is ${state}, so its function takes nothing from the queue or stream.`,
      `Enable it: aws lambda update-event-source-mapping --uuid ${id} --enabled`,
    ),
  ];
}
