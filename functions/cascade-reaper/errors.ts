/** An execution that begins after its cascade was given up: what it was to do is planned anew. */
export class CascadeEndedError extends Error {
  override readonly name = 'CascadeEndedError';
  constructor(cascadeId: string) {
    super(
      `Cascade ${cascadeId} ended before this execution began. Its causes are planned again, so this execution starts nothing.`,
    );
  }
}
