/** The lock belongs to another rebuild or to none, so this rebuild may neither start nor wait. */
export class StreamLockLostError extends Error {
  override readonly name = 'StreamLockLostError';
  constructor(stream: string, rebuildId: string) {
    super(
      `Rebuild ${rebuildId} no longer holds the lock of stream ${stream}. ` +
        'This cascade leaves the stream, and Patchwave plans the cause of the stream again.',
    );
  }
}
