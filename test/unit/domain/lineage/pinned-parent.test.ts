import { isPinned, type PushedContent } from '../../../../shared/domain/lineage/pinned-parent.ts';
import { digestOf } from '../arbitraries.ts';

const image = (name: string, pushedAtEpochMs?: number, chainId?: string, unpackedId?: string): PushedContent => ({
  digest: digestOf(name),
  ...(pushedAtEpochMs !== undefined && { pushedAtEpochMs }),
  ...(chainId !== undefined && { chainId }),
  ...(unpackedId !== undefined && { unpackedId }),
});

test.each<[string, boolean, PushedContent, PushedContent]>([
  ['the expected one', false, image('head', 2), image('head', 2)],
  ['an older one', true, image('old', 1), image('head', 2)],
  ['one of the same instant', false, image('other', 2), image('head', 2)],
  ['a newer one: its parent moved while it was built', false, image('newer', 3), image('head', 2)],
  ['the same layers, pushed before', false, image('old', 1, 'c'), image('head', 2, 'c')],
  ['other layers, pushed before', true, image('old', 1, 'b'), image('head', 2, 'c')],
  ['layers that unpack to the same, pushed before', false, image('old', 1, 'b', 'u'), image('head', 2, 'c', 'u')],
  ['layers that unpack to others, pushed before', true, image('old', 1, 'b', 'u'), image('head', 2, 'c', 'v')],
  ['one without a known push', true, image('old'), image('head', 2)],
  ['another one than a head without a known push', true, image('old', 1), image('head')],
])('%s: %s', (_, expected, builtOn, head) => expect(isPinned(builtOn, head)).toBe(expected));
