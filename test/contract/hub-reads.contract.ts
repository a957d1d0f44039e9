import type { HubReads } from '../../cli/doctor/ports.ts';

/** The stack that a world has to hold. */
export const STACK = {
  name: 'patchwave-contract',
  account: '111122223333',
  region: 'eu-west-1',
  parameters: { DailyScanQuota: '5' },
  outputs: { LedgerTable: 'ledger' },
  /** One queue of work that is empty, one dead-letter queue with two messages. */
  empty: 'PlanQueue',
  full: 'PlanDeadLetters',
  /** One alarm with an action, which goes off, one without, one whose actions are off. */
  loud: 'patchwave-contract-loud',
  silent: 'patchwave-contract-silent',
  off: 'patchwave-contract-off',
  /** A topic with one subscription that is confirmed and one that is not; which alarms notify. */
  topic: 'arn:aws:sns:eu-west-1:111122223333:topic',
  /** One rule on a bus of its own, one on the default bus that is disabled. */
  rule: 'BusRule',
  disabledRule: 'DefaultRule',
} as const;

export function hubReadsContract(reads: () => { readonly hub: HubReads; readonly none: HubReads }): void {
  test('the stack with its outputs and parameters; none where there is no stack of the name', async () => {
    const { name, account, region, parameters, outputs } = STACK;
    expect(await reads().hub.stack()).toEqual({
      ...{ name, account, region, parameters, outputs },
      status: 'CREATE_COMPLETE',
    });
    expect(await reads().none.stack()).toBeUndefined();
  });

  test('queues report the number of waiting messages', async () => {
    const { hub } = reads();
    const all = (await hub.resources()).filter(({ type }) => type === 'AWS::SQS::Queue');
    const queues = await hub.queues(all);
    const waiting = Object.fromEntries(queues.map(({ logicalId, waiting }) => [logicalId, waiting]));
    expect(waiting).toEqual({ [STACK.empty]: 0, [STACK.full]: 2 });
    for (const { name } of queues) expect(name).not.toContain('/');
  });

  test('alarms report their actions; a missing one is named, too', async () => {
    const { hub } = reads();
    const all = (await hub.resources()).filter(({ type }) => type === 'AWS::CloudWatch::Alarm');
    expect(all.map(({ physicalId }) => physicalId).sort()).toEqual([STACK.loud, STACK.off, STACK.silent]);
    expect(await hub.alarms([STACK.loud, 'gone', STACK.silent, STACK.off])).toEqual([
      { name: STACK.loud, exists: true, actions: [STACK.topic], actionsEnabled: true, isRinging: true },
      { name: 'gone', exists: false, actions: [], actionsEnabled: false, isRinging: false },
      { name: STACK.silent, exists: true, actions: [], actionsEnabled: true, isRinging: false },
      { name: STACK.off, exists: true, actions: [STACK.topic], actionsEnabled: false, isRinging: false },
    ]);
  });

  test('topics count their confirmed subscriptions; a missing one is named, too', async () => {
    const gone = 'arn:aws:sns:eu-west-1:111122223333:gone';
    expect(await reads().hub.topics([STACK.topic, gone])).toEqual([
      { arn: STACK.topic, exists: true, confirmed: 1 },
      { arn: gone, exists: false, confirmed: 0 },
    ]);
  });

  test('rules report whether they are enabled, on their own bus and on the default one', async () => {
    const { hub } = reads();
    const all = (await hub.resources()).filter(({ type }) => type === 'AWS::Events::Rule');
    const rules = await hub.rules(all, 'contract');
    expect(Object.fromEntries(rules.map(({ logicalId, state }) => [logicalId, state]))).toEqual({
      [STACK.rule]: 'enabled',
      [STACK.disabledRule]: 'disabled',
    });
    expect(rules.find(({ logicalId }) => logicalId === STACK.rule)?.bus).toBe('contract');
    expect(rules.find(({ logicalId }) => logicalId === STACK.disabledRule)?.bus).toBeUndefined();
  });
}
