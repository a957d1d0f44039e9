import { sameContent } from '../../../domain/common/same-content.ts';
import type { StreamRecord } from '../../../domain/stream/stream-record.ts';
import type { StreamLedger } from '../../../ports/ledger.ts';
import * as keys from '../table/keys.ts';
import { DynamoSightings } from './first-seen.ts';

/** Streams, and when each of their findings was first seen. */
export class DynamoStreamLedger extends DynamoSightings implements StreamLedger {
  async recordStream(stream: StreamRecord, before: StreamRecord | undefined): Promise<boolean> {
    let isOurs = true;
    await this.records.change(keys.stream(stream.stream), (stands) => {
      isOurs = sameContent(stands, before) || sameContent(stands, stream);
      return isOurs ? stream : undefined;
    });
    return isOurs;
  }
}
