import { instant } from '../../shared/domain/common/time.ts';
import { doorPlaceText } from '../../shared/domain/policy/doors.ts';
import type { BreakGlassProof, PastBreakGlass } from '../../shared/ports/admission.ts';
import { table } from '../output.ts';

/** A row for each, with when it ended or will end. */
export const renderPastBreakGlasses = (all: readonly PastBreakGlass[], nowEpochMs: number): string =>
  table(all, [
    { title: 'cluster or namespace', value: ({ place }) => doorPlaceText(place) },
    { title: 'begun', value: ({ beganAtEpochMs }) => instant(beganAtEpochMs) },
    { title: 'begun by', value: ({ by }) => by },
    { title: 'proven by', value: ({ proof }) => PROOFS[proof ?? 'none'] },
    {
      title: 'end',
      value: ({ endedAtEpochMs, expiresAtEpochMs }) => instant(endedAtEpochMs ?? expiresAtEpochMs),
      colour: (one) => (isOpen(one, nowEpochMs) ? 'yellow' : undefined),
    },
    { title: 'ended by', value: (one) => one.endedBy ?? (isOpen(one, nowEpochMs) ? 'open' : 'its time') },
    { title: 'author', value: ({ author }) => author },
    { title: 'reason', value: ({ reason }) => reason },
  ]);

/** Version 0.2.0 believed a request. */
export const PROOFS: Readonly<Record<BreakGlassProof | 'none', string>> = {
  cluster: 'its cluster',
  person: 'rights on the ledger',
  none: 'nothing',
};

const isOpen = ({ endedAtEpochMs, expiresAtEpochMs }: PastBreakGlass, nowEpochMs: number): boolean =>
  endedAtEpochMs === undefined && nowEpochMs < expiresAtEpochMs;
