import { counted } from '../../shared/domain/common/counted.ts';
import { namedFailure } from '../../shared/domain/common/failure-text.ts';

/**
 * Some items could not be read or written. Everything else is done, and the run part names them. A retry may succeed.
 */
export class LineageIncompleteError extends Error {
  override readonly name = 'LineageIncompleteError';
  constructor(failed: number, key: string, cause: unknown) {
    const { error, detail } = namedFailure(cause);
    super(
      `${counted(failed, 'image or stream', 'images or streams')} could not be read or written. The first is ${key}: ${error}: ${detail.replace(/\.$/, '')}. ` +
        'Patchwave tries again. If that fails too, correct what the error names.',
      { cause },
    );
  }
}
