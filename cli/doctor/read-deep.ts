import { registryKey } from '../../shared/domain/image/image.ts';
import type { DeepResults, InstallationDescription, MembersDescription, PausedRolling } from './installation.ts';
import type { DoctorPorts, MemberReads } from './ports.ts';
import { type DoctorReading, reading } from './reading.ts';

/**
 * Tests undocumented behaviour of AWS.
 * @param members what was read of the members; absent if the ledger was unreadable
 */
export async function readDeep(
  { hub, draw }: Pick<DoctorPorts, 'hub' | 'draw'>,
  members: MemberReads | undefined,
  { stack, lastReview, members: known }: InstallationDescription,
): Promise<DeepResults> {
  const inMembers = async <Value>(
    read: (reads: MemberReads, description: MembersDescription) => Promise<Value>,
  ): Promise<DoctorReading<Value>> => {
    if (!known.isRead) return known;
    return members ? reading(() => read(members, known.value)) : { isRead: false, reason: 'members were not read' };
  };
  return {
    mixedPut: await inMembers(async (reads, { places }) => {
      const from = places.map(({ place }) => place).find(({ account }) => account !== stack.account);
      return from && { from, put: await reads.putMixed(from, draw()) };
    }),
    callbacks: await reading(() => hub.callbacks(stack.outputs.RebuildCascadeMachineArn ?? '')),
    startTime: lastReview.isRead
      ? await reading(async () => {
          const { executionArn, startedAtEpochMs: recordedEpochMs } = lastReview.value ?? {};
          if (executionArn === undefined || recordedEpochMs === undefined) return undefined;
          return { executionArn, recordedEpochMs, startEpochMs: await hub.startOf(executionArn) };
        })
      : lastReview,
    pullTime: await inMembers(async (reads, { places }) => {
      for (const { place } of places) {
        const found = await reads.pullTime(place);
        if (found) return found;
      }
      return undefined;
    }),
    rolling: await inMembers(async (reads, { places }) => {
      let newest: PausedRolling | undefined;
      for (const { place, services } of places) {
        for (const one of services?.isRead ? services.value : []) {
          if (!one.isRolling || !one.hasPause) continue;
          const isPaused = await reads.wasPaused(place, one);
          newest = {
            service: `${registryKey(place)}/${one.cluster}/${one.service}`,
            ...(isPaused !== undefined && { isPaused }),
          };
          if (isPaused !== undefined) return newest;
        }
      }
      return newest;
    }),
  };
}
