/** The lock belongs to another rebuild or to none, so this rebuild may neither start nor wait. */
export class StreamLockLostError extends Error {
  override readonly name = 'StreamLockLostError';
  constructor(stream: string, rebuildId: string) {
    super(
      `Rebuild ${rebuildId} no longer holds the lock of stream ${stream}. ` +
        'This cascade stops working on the stream, and Patchwave plans the stream again.',
    );
  }
}
