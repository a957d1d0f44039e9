import type { Digest } from '../../../../shared/domain/image/image.ts';
import { ancestorsOf, findParents, streamBelow } from '../../../../shared/domain/lineage/find-parents.ts';
import type { LayeredImage } from '../../../../shared/domain/lineage/layered-image.ts';
import { DAY, digestOf, NOW } from '../arbitraries.ts';

const EMPTY: Digest = 'sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1';

/** `made('base', 'a b')`: the image called base, of the layers a and b, with a step of history for each word of `done`. */
function made(
  name: string,
  layers: string,
  more: Partial<LayeredImage> & { readonly done?: string } = {},
): LayeredImage {
  const { done, ...facts } = more;
  return {
    digest: digestOf(name),
    platform: 'linux/amd64',
    layers: layers === '' ? [] : layers.split(' ').map((layer) => (layer === 'empty' ? EMPTY : digestOf(layer))),
    ...(done !== undefined && { history: done.split(' ').map((createdBy) => ({ createdBy })) }),
    ...facts,
  };
}

/** `child: parent by evidence` of every image that has a parent. */
function parentNames(
  images: readonly LayeredImage[],
  ...more: Parameters<typeof findParents> extends [unknown, ...infer M] ? M : never
) {
  const names = new Map(NAMES.map((name) => [digestOf(name), name]));
  const parents = findParents(images, ...more);
  return [...parents].map(
    ([child, { digest, evidence }]) => `${names.get(child)}: ${names.get(digest)} by ${evidence}`,
  );
}

const NAMES = ['base', 'other', 'platform', 'app', 'sibling', 'rebuilt', 'index'];

describe('layers', () => {
  test('the longest shorter list that an image has, not the longest that two share', () => {
    const images = [made('base', 'a'), made('platform', 'a b'), made('app', 'a b c d e'), made('sibling', 'a b c d f')];
    expect(parentNames(images)).toEqual([
      'platform: base by layers',
      'app: platform by layers',
      'sibling: platform by layers',
    ]);
  });

  test('a layer in another place is another content', () => {
    expect(parentNames([made('base', 'a b'), made('app', 'b a c')])).toEqual([]);
  });

  test('the empty layer may be anywhere and alone makes no parent', () => {
    const images = [
      made('base', 'empty'),
      made('other', 'empty a'),
      made('app', 'empty a empty b'),
      made('sibling', 'empty c'),
    ];
    expect(parentNames(images)).toEqual(['app: other by layers']);
  });

  test('an image without layers has no parent', () => {
    expect(parentNames([made('base', ''), made('app', 'a')])).toEqual([]);
  });

  test('an application is no parent: an image with the same first layers came from the same build cache', () => {
    const images = [
      made('base', 'a', { tier: 'base' }),
      made('sibling', 'a b', { tier: 'application' }),
      made('app', 'a b c'),
    ];
    expect(parentNames(images)).toEqual(['sibling: base by layers', 'app: base by layers']);
  });
});

describe('platforms', () => {
  const on = (name: string, layers: string, platform: LayeredImage['platform']) =>
    made(name, layers, platform ? { platform } : {});

  test('the same layers on another machine are another image', () => {
    expect(parentNames([on('base', 'a', 'linux/arm64'), on('app', 'a b', 'linux/amd64')])).toEqual([]);
  });

  test('64-bit ARM has one variant, written or not', () => {
    expect(parentNames([on('base', 'a', 'linux/arm64/v8'), on('app', 'a b', 'linux/arm64')])).toEqual([
      'app: base by layers',
    ]);
  });

  test('written or not, it is one line of histories', () => {
    const images = [
      made('base', 'a', { platform: 'linux/arm64', done: 'add' }),
      made('platform', 'a', { platform: 'linux/arm64/v8', done: 'add env' }),
      made('app', 'a b', { platform: 'linux/arm64', done: 'add env copy' }),
    ];
    expect(parentNames(images)).toEqual(['platform: base by history', 'app: platform by layers']);
  });

  test('two variants: the same one, else an earlier one, never a later one', () => {
    const two = [on('base', 'a', 'linux/arm/v6'), on('other', 'a', 'linux/arm/v7')];
    expect(parentNames([...two, on('app', 'a b', 'linux/arm/v7')])).toEqual(['app: other by layers']);
    expect(parentNames([...two, on('app', 'a b', 'linux/arm/v6')])).toEqual(['app: base by layers']);
    expect(parentNames([on('base', 'a', 'linux/arm/v6'), on('app', 'a b', 'linux/arm/v7')])).toEqual([
      'app: base by layers',
    ]);
    expect(parentNames([on('other', 'a', 'linux/arm/v7'), on('app', 'a b', 'linux/arm/v6')])).toEqual([]);
    expect(parentNames([...two, on('app', 'a b', 'linux/arm')])).toEqual(['app: base by layers']);
  });
});

describe('equal layers', () => {
  test('the longer history is built on the shorter one, and others on the one whose history they go on with', () => {
    const images = [
      made('base', 'a', { done: 'add cmd' }),
      made('platform', 'a', { done: 'add cmd env' }),
      made('app', 'a b', { done: 'add cmd env copy' }),
      made('sibling', 'a b', { done: 'add cmd run' }),
    ];
    expect(parentNames(images)).toEqual([
      'platform: base by history',
      'app: platform by layers',
      'sibling: base by layers',
    ]);
  });

  test('histories of any length that differ at their end are those of siblings', () => {
    const images = [
      made('base', 'a', { done: 'add' }),
      made('platform', 'a', { done: 'add env' }),
      made('sibling', 'a', { done: 'add user cmd' }),
      made('app', 'a b', { done: 'add copy' }),
    ];
    expect(parentNames(images)).toEqual([
      'platform: base by history',
      'sibling: base by history',
      'app: base by layers',
    ]);
  });

  test('a sibling that only added metadata is no parent, even where the parent is not known', () => {
    expect(parentNames([made('sibling', 'a', { done: 'add env' }), made('app', 'a b', { done: 'add copy' })])).toEqual(
      [],
    );
  });

  test('a history that was rewritten or is none does not hide a parent', () => {
    const base = made('base', 'a', { done: 'add cmd' });
    expect(parentNames([base, made('app', 'a b', { done: 'squashed whatever' })])).toEqual(['app: base by layers']);
    expect(parentNames([base, made('app', 'a b', { done: 'add' })])).toEqual(['app: base by layers']);
    expect(parentNames([base, made('app', 'a b', { history: [{ createdBy: '' }, { createdBy: '' }] })])).toEqual([
      'app: base by layers',
    ]);
  });

  test('without a history of its own a child is built on the longest', () => {
    const images = [made('base', 'a', { done: 'add' }), made('platform', 'a', { done: 'add env' }), made('app', 'a b')];
    expect(parentNames(images)).toEqual(['platform: base by history', 'app: platform by layers']);
    const imported = made('other', 'a', { done: 'import' });
    for (const order of [
      [imported, ...images],
      [...images, imported],
    ])
      expect(parentNames(order)).toContain('app: platform by layers');
  });

  test('several rebuilds: the one whose instants the child has', () => {
    const at = (created: string, ...done: string[]) => ({ history: done.map((createdBy) => ({ createdBy, created })) });
    const copied = { history: [...at('Monday', 'add').history, ...at('Tuesday', 'copy').history] };
    const images = [
      made('base', 'a', { ...at('Sunday', 'add'), firstPushedAtEpochMs: NOW - 2 * DAY }),
      made('rebuilt', 'a', { ...at('Monday', 'add'), firstPushedAtEpochMs: NOW - DAY }),
      made('app', 'a b', copied),
    ];
    expect(parentNames(images)).toContain('app: rebuilt by layers');
  });

  test('then the declared one, then the first pushed', () => {
    const early = made('base', 'a', { stream: 'one', firstPushedAtEpochMs: NOW - 2 * DAY });
    const late = made('other', 'a', { stream: 'two', firstPushedAtEpochMs: NOW - DAY });
    expect(parentNames([late, early, made('app', 'a b', { declaredParents: ['two'] })])).toContain(
      'app: other by layers',
    );
    expect(parentNames([late, early, made('app', 'a b')])).toContain('app: base by layers');
    const declared = made('platform', 'a', { declaredParents: ['two'], firstPushedAtEpochMs: NOW - 3 * DAY });
    expect(parentNames([early, late, declared])).toContain('platform: other by declared');
    expect(parentNames([early, late])).toEqual(['other: base by earliest-push']);
  });

  test('an image of a stream comes before a branch build that pushed the same content first', () => {
    const base = made('base', 'a', { tier: 'base', stream: 'base' });
    const [before, after] = [{ firstPushedAtEpochMs: NOW - 2 * DAY }, { firstPushedAtEpochMs: NOW - DAY }];
    const branch = made('other', 'a b', { tier: 'platform', ...before });
    const head = made('platform', 'a b', { tier: 'platform', stream: 'platform', ...after });
    const app = made('app', 'a b c');
    expect(parentNames([base, branch, head, app])).toContain('app: platform by layers');
    expect(parentNames([base, branch, app])).toContain('app: other by layers');
    const steps = { history: ['add', 'run'].map((createdBy) => ({ createdBy, created: 'Monday' })) };
    const further = { history: [...steps.history, { createdBy: 'copy', created: 'Tuesday' }] };
    const cached = [base, { ...branch, ...steps }, { ...head, ...steps }, { ...app, ...further }];
    expect(parentNames(cached)).toContain('app: platform by layers');
    const external = made('other', 'a b', { tier: 'external', ...before });
    expect(parentNames([base, external, head, app])).toContain('app: other by layers');
  });

  test('an imported image of a stream comes before the same image without a head tag', () => {
    const [before, after] = [{ firstPushedAtEpochMs: NOW - 2 * DAY }, { firstPushedAtEpochMs: NOW - DAY }];
    const candidate = made('other', 'a', { tier: 'mirrored', ...before });
    const head = made('base', 'a', { tier: 'mirrored', stream: 'upstream', ...after });
    expect(parentNames([candidate, head, made('app', 'a b')])).toContain('app: base by layers');
    expect(parentNames([candidate, made('app', 'a b')])).toContain('app: other by layers');
  });

  test('twins of one parent are built on it, not on each other', () => {
    const images = [
      made('base', 'a'),
      made('app', 'a b', { firstPushedAtEpochMs: NOW - DAY }),
      made('rebuilt', 'a b', { firstPushedAtEpochMs: NOW }),
    ];
    expect(parentNames(images)).toEqual(['app: base by layers', 'rebuilt: base by layers']);
  });

  test('images with equal layers and unknown pushes: none is the parent', () => {
    expect(parentNames([made('base', 'a'), made('other', 'a')])).toEqual([]);
    const together = { firstPushedAtEpochMs: NOW };
    const images = [made('base', 'a', together), made('other', 'a', together)];
    expect(parentNames([...images, made('app', 'a', { firstPushedAtEpochMs: NOW + 1 })])).toHaveLength(1);
  });

  test('if one of the two has no history, or both have the same, pushes decide', () => {
    const early = { firstPushedAtEpochMs: NOW - DAY };
    const late = { firstPushedAtEpochMs: NOW };
    const first = made('base', 'a', { ...early });
    expect(parentNames([first, made('platform', 'a', { ...late, done: 'add env' })])).toEqual([
      'platform: base by earliest-push',
    ]);
    const same = made('base', 'a', { ...early, done: 'add env' });
    expect(parentNames([same, made('platform', 'a', { ...late, done: 'add env' })])).toEqual([
      'platform: base by earliest-push',
    ]);
    expect(parentNames([same, made('platform', 'a', late)])).toEqual(['platform: base by earliest-push']);
    expect(parentNames([same, made('platform', 'a', { ...late, done: 'add run' })])).toEqual([]);
  });
});

describe('unpacked layers', () => {
  const diffIds = (...names: string[]) => ({ diffIds: names.map(digestOf) });

  test('shows a repacked parent, and a nearer one than the layers do', () => {
    const base = made('base', 'a', diffIds('A'));
    const platform = made('platform', 'a b', diffIds('A', 'B'));
    expect(parentNames([base, platform, made('app', 'a z c', diffIds('A', 'B', 'C'))])).toEqual([
      'platform: base by layers',
      'app: platform by diff-ids',
    ]);
  });

  test('are all that a daemon reports', () => {
    const images = [made('base', '', diffIds('A')), made('app', '', diffIds('A', 'B'))];
    expect(parentNames(images)).toEqual(['app: base by diff-ids']);
  });

  test('does not count where it is another number of layers', () => {
    expect(parentNames([made('base', 'x', diffIds('A')), made('app', 'y z', diffIds('A', 'B', 'C'))])).toEqual([]);
  });
});

describe('claims, where the content shows nothing', () => {
  const label = (key: 'digest' | 'name', value: string) => ({
    labels: { [`org.opencontainers.image.base.${key}`]: value },
  });
  const NAME = 'registry.example/base:1';

  test('content comes before any claim', () => {
    const images = [made('base', 'a'), made('other', 'x'), made('app', 'a b', label('digest', digestOf('other')))];
    expect(parentNames(images)).toEqual(['app: base by layers']);
  });

  test('a digest of an index stands for its image on the platform of the child', () => {
    const arm = made('other', 'y', { platform: 'linux/arm64' });
    const images = [made('base', 'x'), arm, made('app', 'a', label('digest', digestOf('index')))];
    const children = [
      { digest: digestOf('other'), platform: 'linux/arm64' as const },
      { digest: digestOf('base'), platform: 'linux/amd64' as const },
    ];
    expect(parentNames(images, new Map([[digestOf('index'), children]]))).toEqual(['app: base by label-digest']);
  });

  describe('provenance', () => {
    const built = (...names: readonly string[]) => made('app', 'a', { materials: names.map(digestOf) });

    test('names the one known image that the build read, also by its index', () => {
      expect(parentNames([made('base', 'x'), built('base', 'a stranger')])).toEqual(['app: base by provenance']);
      const children = [{ digest: digestOf('base'), platform: 'linux/amd64' as const }];
      const indexes = new Map([[digestOf('index'), children]]);
      expect(parentNames([made('base', 'x'), built('index')], indexes)).toEqual(['app: base by provenance']);
    });

    test('names none of several: a build with several stages reads several images', () => {
      expect(parentNames([made('base', 'x'), made('other', 'y'), built('base', 'other')])).toEqual([]);
    });

    test('counts below content and a digest in a label, and above a name', () => {
      const [base, other] = [made('base', 'x'), made('other', 'y', { names: [NAME] })];
      expect(parentNames([made('base', 'a'), other, { ...built('other'), layers: ['a', 'b'].map(digestOf) }])).toEqual([
        'app: base by layers',
      ]);
      const labelled = { ...built('base'), ...label('digest', digestOf('other')) };
      expect(parentNames([base, other, labelled])).toEqual(['app: other by label-digest']);
      expect(parentNames([base, other, { ...built('base'), ...label('name', NAME) }])).toEqual([
        'app: base by provenance',
      ]);
    });

    test('is no parent of itself, nor is an application', () => {
      expect(parentNames([built('app')])).toEqual([]);
      expect(parentNames([made('base', 'x', { tier: 'application' }), built('base')])).toEqual([]);
    });
  });

  test('a name may contain the digest', () => {
    const images = [made('base', 'x'), made('app', 'a', label('name', `${NAME}@${digestOf('base')}`))];
    expect(parentNames(images)).toEqual(['app: base by label-digest']);
  });

  test('a name is that of the last image that had it before the child was pushed', () => {
    const had = (name: string, days: number) =>
      made(name, name, { names: [NAME], firstPushedAtEpochMs: NOW - days * DAY });
    const app = (days: number) => made('app', 'a', { ...label('name', NAME), firstPushedAtEpochMs: NOW - days * DAY });
    const [one, two] = [had('base', 9), had('rebuilt', 5)];
    expect(parentNames([one, two, app(4)])).toEqual(['app: rebuilt by label-name']);
    expect(parentNames([one, two, app(6)])).toEqual(['app: base by label-name']);
    expect(parentNames([one, two, app(10)])).toEqual([]);
    expect(parentNames([two, app(6)])).toEqual([]);
    const undated = made('app', 'a', label('name', NAME));
    expect(parentNames([one, two, undated])).toEqual([]);
    expect(parentNames([one, undated])).toEqual(['app: base by label-name']);
  });

  test('a tag that has moved on to the child is still that of its parent', () => {
    const base = made('base', 'x', { names: [NAME], firstPushedAtEpochMs: NOW - 9 * DAY });
    const app = made('app', 'a', { ...label('name', NAME), names: [NAME], firstPushedAtEpochMs: NOW });
    expect(parentNames([base, app])).toEqual(['app: base by label-name']);
  });

  test('a digest is exact, whenever its image was pushed; one that leads nowhere leaves the name', () => {
    const base = made('base', 'x', { names: [NAME], firstPushedAtEpochMs: NOW });
    const early = { firstPushedAtEpochMs: NOW - DAY };
    expect(parentNames([base, made('app', 'a', { ...early, ...label('digest', digestOf('base')) })])).toEqual([
      'app: base by label-digest',
    ]);
    const itself = { ...label('digest', digestOf('app')).labels, ...label('name', NAME).labels };
    expect(parentNames([base, made('app', 'a', { labels: itself })])).toEqual(['app: base by label-name']);
  });

  test.each([
    ['debian:12', 'docker.io/library/debian:12', true],
    ['base/debian:12', '111122223333.dkr.ecr.eu-west-1.amazonaws.com/base/debian:12', true],
    ['registry.example/base/debian:12', 'base/debian:12', false],
    ['debian:12', 'debian:11', false],
    ['debian:12', 'no reference', false],
  ])('%s is what %s names: %s', (name, named, isNamed) => {
    const images = [made('base', 'x', { names: [name] }), made('app', 'a', label('name', named))];
    expect(parentNames(images)).toEqual(isNamed ? ['app: base by label-name'] : []);
  });

  test('an image of another platform, an application and the image itself are no parents', () => {
    const claim = label('digest', digestOf('base'));
    expect(parentNames([made('base', 'x', { platform: 'linux/arm64' }), made('app', 'a', claim)])).toEqual([]);
    expect(parentNames([made('base', 'x', { tier: 'application' }), made('app', 'a', claim)])).toEqual([]);
    const named = made('base', 'x', { tier: 'application', names: [NAME] });
    expect(parentNames([named, made('app', 'a', label('name', NAME))])).toEqual([]);
    expect(parentNames([made('base', 'x', claim)])).toEqual([]);
  });

  test('two images that claim each other and have the same files are no circle', () => {
    const diffIds = [digestOf('files')];
    const images = [
      made('base', 'a', { diffIds, stream: 'one', declaredParents: ['two'] }),
      made('other', 'b', { diffIds, stream: 'two', declaredParents: ['one'] }),
    ];
    expect(parentNames(images)).toHaveLength(1);
  });

  test('a circle: the step with the weakest evidence is left out', () => {
    const images = [
      made('base', 'x', { ...label('digest', digestOf('app')), stream: 'base' }),
      made('app', 'a', { declaredParents: ['base'] }),
    ];
    expect(parentNames(images)).toEqual(['base: app by label-digest']);
    const equal = [
      made('base', 'x', label('digest', digestOf('app'))),
      made('app', 'a', label('digest', digestOf('base'))),
    ];
    expect(parentNames(equal)).toHaveLength(1);
    expect(parentNames(equal.toReversed())).toEqual(parentNames(equal));
  });
});

test('an image listed twice is one, with its first push', () => {
  const once = made('other', 'a', { names: ['one:1'], firstPushedAtEpochMs: NOW - 5 * DAY });
  const again = made('other', 'a', { names: ['two:1'], firstPushedAtEpochMs: NOW - 9 * DAY });
  const base = made('base', 'a', { firstPushedAtEpochMs: NOW - 7 * DAY });
  expect(parentNames([once, base])).toEqual(['other: base by earliest-push']);
  expect(parentNames([once, base, again])).toEqual(['base: other by earliest-push']);
  const declaring = (stream: string) => made('app', 'x', { declaredParents: [stream] });
  const streams = [made('base', 'a', { stream: 'one' }), declaring('a stream without images'), declaring('one')];
  for (const order of [streams, streams.toReversed()]) expect(parentNames(order)).toEqual(['app: base by declared']);
});

test('data from several places is merged, and a contradiction has one result', () => {
  const base = made('base', 'a', { done: 'add' });
  const pieces = [{ digest: digestOf('platform'), layers: [] }, made('platform', 'a', { done: 'add env' })];
  for (const order of [pieces, pieces.toReversed()])
    expect(parentNames([base, ...order])).toEqual(['platform: base by history']);
  const claims = ['base', 'other'].map((name) =>
    made('app', 'x', { labels: { 'org.opencontainers.image.base.digest': digestOf(name) } }),
  );
  const [one, another] = [claims, claims.toReversed()].map((order) =>
    parentNames([base, made('other', 'z'), ...order]),
  );
  expect(one).toHaveLength(1);
  expect(another).toEqual(one);
});

describe('the parts that a plan needs', () => {
  const images = [
    made('base', 'a', { stream: 'base' }),
    made('platform', 'a b', { stream: 'platform' }),
    made('rebuilt', 'a b c', { stream: 'platform' }),
    made('app', 'a b c d', { stream: 'app' }),
  ];
  const streams = new Map(images.map(({ digest, stream }) => [digest, stream]));
  const streamOf = (digest: Digest) => streams.get(digest);

  test('all that an image is built on, its parent first', () => {
    const parents = findParents(images);
    const names = ancestorsOf(parents, digestOf('app')).map(({ digest }) => digest);
    expect(names).toEqual(['rebuilt', 'platform', 'base'].map(digestOf));
    expect(ancestorsOf(parents, digestOf('base'))).toEqual([]);
  });

  test('a parent of the same stream is no edge of the plan; the next other stream is', () => {
    const parents = findParents(images);
    expect(streamBelow(parents, digestOf('rebuilt'), streamOf)).toEqual({
      digest: digestOf('base'),
      evidence: 'layers',
      stream: 'base',
    });
    expect(streamBelow(parents, digestOf('app'), streamOf)?.digest).toBe(digestOf('rebuilt'));
    expect(streamBelow(parents, digestOf('base'), streamOf)).toBeUndefined();
  });

  test('nor is an ancestor without a stream, or one that was only pushed earlier', () => {
    const pushed = [
      made('base', 'a', { firstPushedAtEpochMs: NOW - DAY }),
      made('other', 'a', { firstPushedAtEpochMs: NOW }),
    ];
    const parents = findParents(pushed);
    expect(parents.get(digestOf('other'))?.evidence).toBe('earliest-push');
    expect(streamBelow(parents, digestOf('other'), (digest) => `stream of ${digest}`)).toBeUndefined();
    const vendor = findParents([made('base', 'a'), made('app', 'a b')]);
    expect(streamBelow(vendor, digestOf('app'), () => undefined)).toBeUndefined();
  });
});
