/** The stream is another rebuild's by now, or nobody's: nothing may be started or awaited for this one. */
export class StreamLockLostError extends Error {
  override readonly name = 'StreamLockLostError';
  constructor(stream: string, rebuildId: string) {
    super(
      `Rebuild ${rebuildId} no longer holds the lock of stream ${stream}. ` +
        'Its node ends, and its cause is planned again.',
    );
  }
}
