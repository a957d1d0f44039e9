import { instant } from '../../shared/domain/common/time.ts';
import { doorPlaceText } from '../../shared/domain/policy/doors.ts';
import type { PastBreakGlass } from '../../shared/ports/admission.ts';
import { table } from '../output.ts';

/** A row for each, with when it ended or will end. */
export const renderPastBreakGlasses = (all: readonly PastBreakGlass[], nowEpochMs: number): string =>
  table(all, [
    { title: 'namespace', value: ({ place }) => doorPlaceText(place) },
    { title: 'begun', value: ({ beganAtEpochMs }) => instant(beganAtEpochMs) },
    { title: 'begun by', value: ({ by }) => by },
    {
      title: 'end',
      value: ({ endedAtEpochMs, expiresAtEpochMs }) => instant(endedAtEpochMs ?? expiresAtEpochMs),
      colour: (one) => (isOpen(one, nowEpochMs) ? 'yellow' : undefined),
    },
    { title: 'ended by', value: (one) => one.endedBy ?? (isOpen(one, nowEpochMs) ? 'open' : 'its time') },
    { title: 'author', value: ({ author }) => author },
    { title: 'reason', value: ({ reason }) => reason },
  ]);

const isOpen = ({ endedAtEpochMs, expiresAtEpochMs }: PastBreakGlass, nowEpochMs: number): boolean =>
  endedAtEpochMs === undefined && nowEpochMs < expiresAtEpochMs;
