import { spawnSync } from 'node:child_process';
import type { NodePlatform } from '../../../shared/domain/image/containerd.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import * as v from '../../../shared/schema.ts';
import type { PushedIndex } from './store.ts';

const answer = v.object({
  started: v.optional(v.string()),
  error: v.optional(v.string()),
  fetched: v.array(v.string()),
});

/** What containerd says of an index on a node. */
export interface ContainerdAnswer {
  /** The name of an image, or `nothing`. */
  readonly started: string;
  readonly error?: string | undefined;
  /** The images whose manifests a pull fetches. */
  readonly fetched: readonly Digest[];
}

/** @param program of `startedImageProgram`; it answers all in one run */
export function askContainerd(
  program: string,
  questions: readonly { readonly stored: PushedIndex; readonly node: NodePlatform }[],
): readonly ContainerdAnswer[] {
  const lines = questions.map(({ stored: { digest, mediaType, blobs }, node }) =>
    JSON.stringify({ node, index: { mediaType, digest, size: 1 }, blobs: Object.fromEntries(blobs) }),
  );
  const { stdout, stderr, status } = spawnSync(program, {
    input: `${lines.join('\n')}\n`,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const { started, error, fetched } = v.parse(answer, JSON.parse(line), 'The answer of containerd');
      return { started: error === undefined ? (started ?? '') : 'nothing', error, fetched: fetched as Digest[] };
    });
}
