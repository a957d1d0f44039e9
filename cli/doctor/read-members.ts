import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import { registryKey } from '../../shared/domain/image/image.ts';
import { doorAt, mayJudge } from '../../shared/domain/policy/doors.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import type { AccountDescription, MembersDescription, PlaceDescription, StackDescription } from './installation.ts';
import { type DoctorPlace, memberPlacesOf } from './places.ts';
import type { DoctorPorts, LedgerReads, MemberReads } from './ports.ts';
import { reading, wasRead } from './reading.ts';

const READS_AT_ONCE = 8;
/** EventBridge delivers within seconds; a new rule may take longer. */
const WAIT_SECONDS = 60;

/** Reads every member account, and sends one test event from each place. */
export async function readMembers(
  ports: Pick<DoctorPorts, 'clock' | 'draw'>,
  reads: MemberReads,
  stack: StackDescription,
  ledger: LedgerReads,
  policy: Policy | undefined,
): Promise<MembersDescription> {
  await reads.begin();
  const known = await collect(ledger.scopes.all());
  // While the policy is unreadable it may list accounts, so the accounts read before count.
  const organization = policy?.scopes === 'organization' ? await reads.organization() : [];
  const members = memberPlacesOf(policy, known, organization, ports.clock());
  const accounts = await mapConcurrently(members.accounts, READS_AT_ONCE, (account) =>
    readAccount(reads, stack, account),
  );
  const readable = new Set(
    accounts.flatMap(({ account, readRole }) => (readRole.isRead && readRole.value ? [account] : [])),
  );
  const places = await readPlaces(
    reads,
    members.places.filter(({ account }) => readable.has(account)),
    ports.draw(),
    policy,
  );
  return { members, accounts, ...places, waitedSeconds: WAIT_SECONDS };
}

async function readAccount(
  reads: MemberReads,
  { parameters }: StackDescription,
  account: string,
): Promise<AccountDescription> {
  const readRole = await reading(() => reads.canRead(account));
  const role = (parameter: string): Promise<AccountDescription['own']> =>
    readRole.isRead && readRole.value
      ? reading(() => reads.role(account, parameters[parameter] ?? ''))
      : Promise.resolve({ isRead: false, reason: 'the read role cannot be assumed' });
  return {
    account,
    readRole,
    own: await role('ReadRoleName'),
    build: await role('ActBuildRoleName'),
    rollout: await role('ActRolloutRoleName'),
    protect: await role('ActProtectRoleName'),
  };
}

async function readPlaces(
  reads: MemberReads,
  places: readonly DoctorPlace[],
  test: string,
  policy: Policy | undefined,
): Promise<Pick<MembersDescription, 'places' | 'testEvents'>> {
  const put = await mapConcurrently(places, READS_AT_ONCE, async (place) => ({
    place,
    scanning: await reading(() => reads.scanning(place)),
    put: await reading(() => reads.putTestEvent(place, test)),
    services: policy && (await readServices(reads, place, policy)),
  }));
  const awaited = new Set(put.flatMap((one) => (one.put.isRead ? [registryKey(one.place)] : [])));
  const arrived = await reading(() => reads.awaitTestEvents(awaited, test, WAIT_SECONDS));
  const description = put.map(({ place, scanning, put: sent, services: read }): PlaceDescription => {
    const services = read && { services: read };
    if (!sent.isRead) return { place, scanning, forwarding: sent, ...services };
    const forwarding = arrived.isRead ? wasRead(arrived.value.has(registryKey(place))) : arrived;
    return { place, scanning, forwarding, ...services };
  });
  return { places: description, testEvents: awaited.size };
}

/** `undefined` where no door judges. */
async function readServices(
  reads: MemberReads,
  { account, region }: DoctorPlace,
  policy: Policy,
): Promise<PlaceDescription['services']> {
  if (!mayJudge(policy, { account, region })) return undefined;
  return reading(async () =>
    (await reads.services({ account, region })).map((service) => {
      const { mode, onUnreachable } = doorAt(policy, { account, region, cluster: service.cluster });
      return { ...service, mode, onUnreachable };
    }),
  );
}
