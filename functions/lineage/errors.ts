import { counted } from '../../shared/domain/common/counted.ts';
import { namedFailure } from '../../shared/domain/common/failure-text.ts';

/**
 * Something could not be read or written; everything else is done by then, and the run's part names it. Another try may
 * find it readable again.
 */
export class LineageIncompleteError extends Error {
  override readonly name = 'LineageIncompleteError';
  constructor(failed: number, key: string, cause: unknown) {
    const { error, detail } = namedFailure(cause);
    super(
      `Reading or writing ${counted(failed, 'image or stream', 'images or streams')} failed, first ${key}: ${error}: ${detail}`,
      { cause },
    );
  }
}
