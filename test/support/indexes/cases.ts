import type { NodePlatform } from '../../../shared/domain/image/containerd.ts';
import { DOCKER_IMAGE, DOCKER_INDEX, type Entry, INDEX, type PushedIndex, storeIndex } from './store.ts';

/** An index and a node, with what containerd v2.4.2 starts there: `test/kubernetes/containerd.kubernetes.test.ts` asks it. */
export interface IndexCase {
  readonly title: string;
  readonly stored: PushedIndex;
  readonly node: NodePlatform;
  /** The name of an image, or `nothing`. */
  readonly containerd: string;
  /** Where we refuse what containerd starts, or would start elsewhere: the index is unreadable, with this code. */
  readonly unreadable?: string;
}

const AMD64 = { os: 'linux', architecture: 'amd64' };
const ARM64 = { os: 'linux', architecture: 'arm64' };
const S390X = { os: 'linux', architecture: 's390x' };
const ARM = (variant: string) => ({ os: 'linux', architecture: 'arm', variant });
const config = (platform: object): string => JSON.stringify(platform);

const good: Entry = { name: 'good', platform: S390X };
const evil: Entry = { name: 'evil' };
const nested = (depth: number, entry: Entry): Entry =>
  depth === 0 ? entry : { entries: [nested(depth - 1, entry)], platform: AMD64 };

const one = (
  title: string,
  entries: readonly Entry[],
  node: NodePlatform,
  containerd: string,
  more: {
    readonly unreadable?: string;
    readonly mediaType?: string;
    readonly text?: (document: object) => string;
  } = {},
): IndexCase => ({
  ...{ title, node, containerd, stored: storeIndex(entries, more.mediaType, more.text) },
  ...(more.unreadable !== undefined && { unreadable: more.unreadable }),
});

/** Writes a second list of entries under a name that Go takes for the first. */
const withSecondList = (name: string) => (document: object) =>
  JSON.stringify(document).replace(
    /^\{"schemaVersion":2,"mediaType":"[^"]*","manifests":\[(.*),(\{.*?\})\]\}$/s,
    (_, first, second) => `{"schemaVersion":2,"mediaType":"${INDEX}","manifests":[${first}],"${name}":[${second}]}`,
  );

export const INDEX_CASES: readonly IndexCase[] = [
  one('an image without platform', [good, evil], AMD64, 'evil'),
  one(
    'an image with the annotation of an attestation',
    [good, { ...evil, platform: AMD64, annotations: { 'vnd.docker.reference.type': 'x' } }],
    AMD64,
    'evil',
  ),
  one('an image in an index without platform', [good, { entries: [{ ...evil, platform: AMD64 }] }], AMD64, 'evil'),
  one('an image in an index with platform', [good, { entries: [evil], platform: AMD64 }], AMD64, 'evil'),
  one('an image without platform in an index without platform', [good, { entries: [evil] }], AMD64, 'evil'),
  one('an image at depth 3', [good, nested(3, evil)], AMD64, 'evil'),
  one('an image at depth 4', [good, nested(4, evil)], AMD64, 'evil', { unreadable: 'index-too-deep' }),
  one('an attestation', [{ ...evil, platform: { os: 'unknown', architecture: 'unknown' } }], AMD64, 'nothing'),
  one(
    'a platform of which half is unknown',
    [{ ...evil, platform: { os: 'unknown', architecture: 'amd64' } }],
    AMD64,
    'nothing',
  ),
  one('a platform of null', [good, { ...evil, platform: null }], AMD64, 'evil'),
  one('an empty platform', [{ ...evil, platform: {} }], AMD64, 'nothing'),
  one('a platform without operating system', [{ ...evil, platform: { architecture: 'amd64' } }], AMD64, 'evil'),
  one('a config without operating system', [{ ...evil, config: config({ architecture: 'amd64' }) }], AMD64, 'evil'),
  one('a config without architecture', [{ ...evil, config: config({ os: 'linux' }) }], AMD64, 'nothing'),
  one('a config that is no JSON', [{ ...evil, config: 'no' }], AMD64, 'nothing'),
  one(
    'a config whose platform has another case',
    [{ ...evil, config: '{"OS":"linux","Architecture":"amd64"}' }],
    AMD64,
    'evil',
    { unreadable: 'nothing' },
  ),
  one(
    'the platform of the index, not that of the config',
    [{ ...evil, platform: AMD64, config: config(S390X) }],
    AMD64,
    'evil',
  ),
  one('a named platform before one by config', [evil, { name: 'named', platform: AMD64 }], AMD64, 'named'),
  one('the first of two without platform only', [{ name: 'first', config: config(S390X) }, evil], AMD64, 'nothing'),
  one(
    'the first of two of one platform',
    [
      { name: 'first', platform: AMD64 },
      { ...evil, platform: AMD64 },
    ],
    AMD64,
    'first',
  ),
  one(
    'names of a platform',
    [{ ...evil, platform: { os: 'Linux', architecture: 'x86_64', variant: 'v1' } }],
    AMD64,
    'evil',
  ),
  one('aarch64', [{ ...evil, platform: { os: 'linux', architecture: 'aarch64', variant: '8' } }], ARM64, 'evil'),
  one('386 on amd64', [{ ...evil, platform: { os: 'linux', architecture: '386' } }], AMD64, 'evil'),
  one(
    'amd64 before 386',
    [
      { name: 'old', platform: { os: 'linux', architecture: 'i386' } },
      { name: 'own', platform: AMD64 },
    ],
    AMD64,
    'own',
  ),
  one('a newer amd64', [{ ...evil, platform: { ...AMD64, variant: 'v2' } }], AMD64, 'nothing'),
  one(
    'the newest amd64 that fits',
    [
      { name: 'v1', platform: AMD64 },
      { name: 'v2', platform: { ...AMD64, variant: 'v2' } },
      { name: 'v4', platform: { ...AMD64, variant: 'v4' } },
    ],
    { ...AMD64, variant: 'v3' },
    'v2',
  ),
  one(
    'arm on arm64, newest first',
    [
      { name: 'v6', platform: ARM('v6') },
      { name: 'v7', platform: ARM('') },
    ],
    ARM64,
    'v7',
  ),
  one(
    'arm64 before arm',
    [
      { name: 'v8', platform: ARM('v8') },
      { name: 'own', platform: { ...ARM64, variant: 'v8' } },
    ],
    ARM64,
    'own',
  ),
  one('a newer arm64', [{ ...evil, platform: { ...ARM64, variant: 'v8.2' } }], ARM64, 'nothing'),
  one(
    'an older version of arm64 on v9',
    [{ ...evil, platform: { ...ARM64, variant: 'v8.5' } }],
    { ...ARM64, variant: 'v9' },
    'evil',
  ),
  one('armv6 on armv7', [{ ...evil, platform: ARM('6') }], ARM('v7'), 'evil'),
  one('armv7 on armv6', [{ ...evil, platform: ARM('v7') }], ARM('v6'), 'nothing'),
  one('a feature that no node has', [{ ...evil, platform: { ...AMD64, 'os.features': ['sse4'] } }], AMD64, 'nothing'),
  one(
    'a slash in an architecture',
    [
      { name: 'odd', platform: { os: 'linux', architecture: 'arm64/v8' } },
      { ...evil, platform: ARM('v7') },
    ],
    ARM64,
    'evil',
  ),
  one('types of Docker', [good, { ...evil, mediaType: DOCKER_IMAGE }], AMD64, 'evil', { mediaType: DOCKER_INDEX }),
  one(
    'an entry that is no image, before the image',
    [
      { name: 'odd', platform: AMD64, mediaType: 'application/x' },
      { ...evil, platform: AMD64 },
    ],
    AMD64,
    'nothing',
  ),
  one(
    'an entry that is no image, after the image',
    [
      { ...evil, platform: AMD64 },
      { name: 'odd', platform: AMD64, mediaType: 'application/x' },
    ],
    AMD64,
    'evil',
  ),
  one('an entry without media type', [{ name: 'odd', mediaType: '' }, evil], AMD64, 'nothing'),
  one(
    'an entry of schema 1',
    [{ name: 'odd', mediaType: 'application/vnd.docker.distribution.manifest.v1+prettyjws' }],
    AMD64,
    'nothing',
  ),
  one(
    'an index without images inside',
    [
      { entries: [], platform: AMD64 },
      { ...evil, platform: AMD64 },
    ],
    AMD64,
    'nothing',
  ),
  one(
    'an index of attestations inside',
    [{ entries: [{ name: 'a', platform: { os: 'unknown', architecture: 'unknown' } }] }, evil],
    AMD64,
    'nothing',
  ),
  one(
    'an index inside that names another platform',
    [{ entries: [{ ...evil, platform: AMD64 }], platform: S390X }],
    AMD64,
    'nothing',
  ),
  one(
    'an index inside whose images fit no node',
    [
      { entries: [good], platform: AMD64 },
      { ...evil, platform: AMD64 },
    ],
    AMD64,
    'nothing',
  ),
  one(
    'only one image of an index inside',
    [
      {
        entries: [
          { name: 'v6', platform: ARM('v6') },
          { name: 'v7', platform: ARM('v7') },
        ],
        platform: ARM('v6'),
      },
      good,
    ],
    ARM('v7'),
    'v7',
  ),
  one('an image without platform that is not there', [{ name: 'gone', isMissing: true }, evil], AMD64, 'nothing'),
  one(
    'an index inside that is not there',
    [
      { entries: [evil], isMissing: true },
      { name: 'own', platform: AMD64 },
    ],
    AMD64,
    'own',
    { unreadable: 'index-incomplete' },
  ),
  one('an empty index', [], AMD64, 'nothing'),
  one(
    'a list of entries in another case',
    [
      { ...good, platform: AMD64 },
      { ...evil, platform: AMD64 },
    ],
    AMD64,
    'evil',
    { unreadable: 'unparsable', text: withSecondList('Manifests') },
  ),
  one(
    'a list of entries with a long s',
    [
      { ...good, platform: AMD64 },
      { ...evil, platform: AMD64 },
    ],
    AMD64,
    'evil',
    { unreadable: 'unparsable', text: withSecondList('manifest\u017f') },
  ),
  one('two lists of entries, mixed', [{ ...good, platform: AMD64 }, evil], AMD64, 'evil', {
    unreadable: 'unparsable',
    text: withSecondList('manifests'),
  }),
  one('an index with layers', [{ ...evil, platform: AMD64 }], AMD64, 'nothing', {
    unreadable: 'unparsable',
    text: (document) => JSON.stringify({ ...document, layers: [] }),
  }),
  one('an index that calls itself an image', [{ ...evil, platform: AMD64 }], AMD64, 'nothing', {
    unreadable: 'unparsable',
    text: (document) => JSON.stringify({ ...document, mediaType: DOCKER_IMAGE }),
  }),
  one(
    '256 images',
    Array.from(
      { length: 256 },
      (_, n): Entry => ({
        name: `image ${n}`,
        platform: { os: 'linux', architecture: n === 255 ? 'amd64' : `odd${n}` },
      }),
    ),
    AMD64,
    'image 255',
  ),
  one(
    '257 images',
    Array.from(
      { length: 257 },
      (_, n): Entry => ({
        name: `image ${n}`,
        platform: { os: 'linux', architecture: n === 256 ? 'amd64' : `odd${n}` },
      }),
    ),
    AMD64,
    'image 256',
    { unreadable: 'index-too-large' },
  ),
];
