export interface NodeAnswer {
  readonly answer: 'wait' | 'refuse';
  readonly reason: string;
  readonly detail: string;
  readonly recheckAtEpochMs?: number;
}
