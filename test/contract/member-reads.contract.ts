import type { MemberReads } from '../../cli/doctor/ports.ts';

const MEMBER = '444455556666';

/** The members that a world has to hold. */
export const MEMBERS = {
  hub: { account: '111122223333', region: 'eu-west-1' },
  /** Forwards, and has basic scanning. */
  forwarding: { account: MEMBER, region: 'eu-west-1' },
  /** Its rule is disabled, and it has enhanced scanning of base/*. */
  deaf: { account: MEMBER, region: 'us-east-1' },
  /** No role is there. */
  unreachable: '777788889999',
  version: '0.2.0',
} as const;

export function memberReadsContract(reads: () => MemberReads): void {
  const { hub, forwarding, deaf, unreachable } = MEMBERS;

  test('active accounts of the organization', async () => {
    expect([...(await reads().organization())].sort()).toEqual([hub.account, MEMBER, unreachable]);
  });

  test('a read role can be taken, or cannot', async () => {
    expect(await reads().canRead(MEMBER)).toBe(true);
    expect(await reads().canRead(unreachable)).toBe(false);
  });

  test('roles with their trust and tags; none where there is none', async () => {
    const read = await reads().role(MEMBER, 'PatchwaveRead');
    expect(read?.tags['patchwave-version']).toBe(MEMBERS.version);
    expect(JSON.parse(read?.trust ?? '')).toMatchObject({ Statement: [{ Action: 'sts:AssumeRole' }] });
    expect(await reads().role(MEMBER, 'PatchwaveActBuild')).toBeUndefined();
  });

  test('how a registry scans', async () => {
    expect((await reads().scanning(forwarding)).type).toBe('basic');
    expect(await reads().scanning(deaf)).toEqual({ type: 'enhanced', filters: ['base/*'] });
  });

  test('a test event arrives where the rule forwards it; one of another test does not count', async () => {
    for (const place of [forwarding, deaf]) {
      await reads().putTestEvent(place, 'one');
      await reads().putTestEvent(place, 'another');
    }
    const [forwards, isDeaf] = [`${MEMBER}/eu-west-1`, `${MEMBER}/us-east-1`];
    // Nothing more is awaited once it has come; what was put beside it would come with it.
    expect([...(await reads().awaitTestEvents(new Set([forwards]), 'one', 20))]).toEqual([forwards]);
    expect([...(await reads().awaitTestEvents(new Set([isDeaf]), 'one', 2))]).toEqual([]);
    expect([...(await reads().awaitTestEvents(new Set([forwards, isDeaf]), 'a third', 1))]).toEqual([]);
  });

  test('one event that the bus may not take refuses the whole call', async () => {
    expect(await reads().putMixed(forwarding, 'mixed')).toBe('whole-call-refused');
  });
}
