/** The execution started after its cascade was given up; its work is planned again. */
export class CascadeEndedError extends Error {
  override readonly name = 'CascadeEndedError';
  constructor(cascadeId: string) {
    super(
      `Cascade ${cascadeId} ended before this execution began. Patchwave plans its causes again, so this execution starts nothing.`,
    );
  }
}
