import type { Digest, IndexChild, IndexStep, Platform } from './image.ts';

/*
 * Which image of an index containerd starts: `images.Manifest` of github.com/containerd/containerd/v2 and `Only` of
 * github.com/containerd/platforms. `test/kubernetes/containerd.kubernetes.test.ts` compares this file with both.
 */

/** As a node names its own platform. */
export interface NodePlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/**
 * The image that containerd starts on a node of Linux; `undefined` if it starts none. At each index it takes one entry: those
 * that name a fitting platform first, best first, then those that name none. It never takes a second one if the first one
 * leads to nothing.
 */
export const startedOn = (children: readonly IndexChild[], node: NodePlatform): Digest | undefined =>
  startedBelow(children.map(withPath), platformsOf(node), 0)?.digest;

/**
 * The images that nodes of an architecture may start. Neither ECS nor the inventory of EKS names the operating system and its
 * version, so each one that fits Windows counts beside the one that fits Linux. Empty if none fits.
 */
export function mayStartOn(children: readonly IndexChild[], architecture: string): readonly Digest[] {
  const onLinux = startedOn(children, { os: 'linux', architecture });
  const windows = platformsOf({ os: 'windows', architecture });
  const onWindows = children.filter((child) => {
    const named = withPath(child, 0).path.map(({ platform = child.platform }) => platform);
    return [child.platform, ...named].every((platform) => rankOf(platform, windows) !== undefined);
  });
  return [...new Set([...(onLinux === undefined ? [] : [onLinux]), ...onWindows.map(({ digest }) => digest)])];
}

interface ChildWithPath extends IndexChild {
  readonly path: readonly IndexStep[];
}

const withPath = (child: IndexChild, at: number): ChildWithPath => ({
  ...child,
  path: child.path ?? [{ at, platform: child.platform }],
});

function startedBelow(
  children: readonly ChildWithPath[],
  node: readonly NodePlatform[],
  depth: number,
): ChildWithPath | undefined {
  const steps = children.flatMap(({ path }) => path[depth] ?? []);
  const [taken] = [...steps, ...(steps[0]?.without ?? [])]
    .map(({ at, platform }) => ({ at, rank: platform === undefined ? node.length : rankOf(platform, node) }))
    .filter((entry): entry is { at: number; rank: number } => entry.rank !== undefined)
    .toSorted((one, other) => one.rank - other.rank || one.at - other.at);
  const below = children.filter(({ path }) => taken !== undefined && path[depth]?.at === taken.at);
  const [first] = below;
  if (!first) return undefined;
  if (first.path.length > depth + 1) return startedBelow(below, node, depth + 1);
  const isNamed = first.path[depth]?.platform !== undefined;
  return isNamed || rankOf(first.platform, node) !== undefined ? first : undefined;
}

/** The place of a platform among those that a node can run; `undefined` if it cannot. */
function rankOf(platform: Platform, node: readonly NodePlatform[]): number | undefined {
  const [os = '', architecture = '', variant = '', ...others] = platform.split('/');
  // Without an operating system, that of the node counts.
  const named = normalized({ os: os === '' ? (node[0]?.os ?? '') : os, architecture, variant });
  const rank = node.findIndex(
    (one) => one.os === named.os && one.architecture === named.architecture && one.variant === named.variant,
  );
  return rank === -1 || others.length > 0 ? undefined : rank;
}

/** What a node can run, best first. */
function platformsOf(node: NodePlatform): readonly NodePlatform[] {
  const own = normalized(node);
  const { architecture, variant } = own;
  const as = (name: string, ...variants: readonly string[]) =>
    variants.map((one) => normalized({ ...own, architecture: name, variant: one }));
  if (architecture === 'amd64') return [own, ...as(architecture, ...below(variant, 1)), ...as('386', '')];
  if (architecture === 'arm') return [own, ...as(architecture, ...below(variant, 5))];
  if (architecture !== 'arm64') return [own];
  const known = versionsOfArm64(variant === '' ? 'v8' : variant);
  if (known.length === 0) return [];
  return [...as(architecture, ...known), ...as('arm', 'v8', ...below('v8', 5))];
}

/** The versions below that of a variant, greatest first. */
function below(variant: string, least: number): readonly string[] {
  const version = /^v?[+-]?\d+$/.test(variant) ? Number(variant.replace(/^v/, '')) : 0;
  return Array.from({ length: Math.max(0, version - least) }, (_, n) => `v${version - 1 - n}`);
}

/** Version 9.x has all of 8.(x + 5). */
function versionsOfArm64(variant: string): readonly string[] {
  const [, major, minor = '0'] = /^v([89])(?:\.(\d))?$/.exec(variant) ?? [];
  const upTo = (version: string, last: number) =>
    Array.from({ length: last + 1 }, (_, n) => `v${version}${n === last ? '' : `.${last - n}`}`);
  if (major === '8') return upTo('8', Number(minor));
  if (major !== '9' || Number(minor) > 7) return [];
  return [...upTo('9', Number(minor)), ...upTo('8', Math.min(Number(minor) + 5, 9))];
}

function normalized({ os, architecture, variant = '' }: NodePlatform): Required<NodePlatform> {
  const system = os.toLowerCase() === 'macos' ? 'darwin' : os.toLowerCase();
  const [name, version] = [architecture.toLowerCase(), variant.toLowerCase()];
  const as = (canonical: string, one: string) => ({ os: system, architecture: canonical, variant: one });
  switch (name) {
    case 'i386':
      return as('386', '');
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return as('amd64', version === 'v1' ? '' : version);
    case 'aarch64':
    case 'arm64':
      return as('arm64', ARM64_VARIANTS[version] ?? version);
    case 'armhf':
      return as('arm', 'v7');
    case 'armel':
      return as('arm', 'v6');
    case 'arm':
      return as('arm', ARM_VARIANTS[version] ?? version);
    default:
      return as(name, version);
  }
}

const ARM64_VARIANTS: Readonly<Record<string, string>> = {
  ...{ '8': '', v8: '', 'v8.0': '' },
  ...{ '9': 'v9', '9.0': 'v9', 'v9.0': 'v9' },
};
const ARM_VARIANTS: Readonly<Record<string, string>> = { '': 'v7', '7': 'v7', '5': 'v5', '6': 'v6', '8': 'v8' };
