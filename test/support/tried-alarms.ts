/**
 * The alarms of the templates, by the file of `test/integration` that tries their runbooks in the embedded cloud: it raises
 * each by what its entry in docs/operations.md describes, and ends it by the steps of that entry.
 */
export const TRIED_ALARMS = {
  'alarms.slow.test.ts': ['FunctionErrorsAlarm', 'FunctionThrottlesAlarm', 'QueueStalledAlarm'],
  'runbooks-reviews.slow.test.ts': [
    'ImagesDoubtedAlarm',
    'NoReviewAlarm',
    'ReviewFailedAlarm',
    'ReviewTimedOutAlarm',
    'ScopeUnreachableAlarm',
  ],
  'runbooks-rebuilds.slow.test.ts': [
    'AttemptsExhaustedAlarm',
    'CascadeFailedAlarm',
    'CascadeTimedOutAlarm',
    'ClosureOverdueAlarm',
    'RebuildUnverifiedAlarm',
    'WitnessDisagreesAlarm',
  ],
  'runbooks-queues.slow.test.ts': [
    'AnnouncementDeadLettersAlarm',
    'BuildEventDeadLettersAlarm',
    'BusDeadLettersAlarm',
    'CascadeEndDeadLettersAlarm',
    'CheckRequestDeadLettersAlarm',
    'DeploymentErrorsAlarm',
    'HeadEventDeadLettersAlarm',
    'OutboxStalledAlarm',
    'PlanDeadLettersAlarm',
    'ProtectionDeadLettersAlarm',
    'RecursiveInvocationsAlarm',
    'RegistryEventDeadLettersAlarm',
    'ReviewDeadLettersAlarm',
    'ScanEventDeadLettersAlarm',
  ],
} as const;

export type AlarmId = (typeof TRIED_ALARMS)[keyof typeof TRIED_ALARMS][number];
