export interface NodeAnswer {
  readonly answer: 'wait' | 'refuse';
  readonly reason: string;
  readonly detail: string;
  readonly recheckAtEpochMs?: number;
  /**
   * Only while the kill switch pauses: the answer that stands when the pause ends. Absent if the stream is then planned,
   * or in an answer of an earlier version.
   */
  readonly afterPause?: NodeAnswer;
  /** The policy under which the planner gave it; absent in an answer of an earlier version, or of a cascade. */
  readonly policyVersion?: string;
}
