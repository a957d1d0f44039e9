import { askedImages, newlyAsked, TEMPLATE_KINDS } from '../../../../shared/domain/admission/asked-images.ts';

const spec = {
  initContainers: [
    { name: 'init', image: 'init:1' },
    { name: 'sidecar', image: 'sidecar:1', restartPolicy: 'Always' },
  ],
  containers: [{ name: 'web', image: 'web:1' }],
  ephemeralContainers: [{ name: 'debug', image: 'busybox:1' }],
  volumes: [
    { name: 'config', configMap: { name: 'x' } },
    { name: 'model', image: { reference: 'model:1' } },
  ],
};

describe('the images that an object asks for', () => {
  test('are those of every kind of container, and image volumes', () => {
    expect(askedImages('Pod', { spec })).toEqual([
      { field: 'spec.initContainers[0].image', reference: 'init:1' },
      { field: 'spec.initContainers[1].image', reference: 'sidecar:1' },
      { field: 'spec.containers[0].image', reference: 'web:1' },
      { field: 'spec.ephemeralContainers[0].image', reference: 'busybox:1' },
      { field: 'spec.volumes[1].image.reference', reference: 'model:1' },
    ]);
  });

  test.each(TEMPLATE_KINDS)('of a %s are those of its template', (kind) => {
    const template = { spec: { containers: [{ image: 'web:1' }] } };
    const object = { template, spec: { template, jobTemplate: { spec: { template } } } };
    expect(askedImages(kind, object).map(({ reference }) => reference)).toEqual(['web:1']);
  });

  test('a CronJob has them three levels down', () => {
    const object = { spec: { jobTemplate: { spec: { template: { spec: { containers: [{ image: 'web:1' }] } } } } } };
    expect(askedImages('CronJob', object)).toEqual([
      { field: 'spec.jobTemplate.spec.template.spec.containers[0].image', reference: 'web:1' },
    ]);
  });

  test.each([
    ['no image', { containers: [{ name: 'web' }] }],
    ['an image that is no text', { containers: [{ image: 7 }] }],
    ['an entry that is no object', { containers: [null] }],
    ['a list that is none', { initContainers: { image: 'a' } }],
    ['a volume without a reference', { volumes: [{ image: {} }] }],
  ])('%s is an entry without a reference, so that it is refused', (_, broken) => {
    expect(askedImages('Pod', { spec: broken }).map(({ reference }) => String(reference))).toEqual(['undefined']);
  });

  test.each([
    ['Pod', null],
    ['Pod', 'text'],
    ['Pod', { spec: { containers: null } }],
    ['Pod', { spec: { volumes: [{ name: 'config', image: null }] } }],
    ['Service', { spec }],
    ['constructor', { spec }],
  ])('%s of %j asks for none', (kind, object) => {
    expect(askedImages(kind, object)).toEqual([]);
  });

  test('an update asks for what it changes', () => {
    const before = { spec: { containers: [{ name: 'a', image: 'old:1' }, { name: 'b' }] } };
    const after = {
      spec: { containers: [{ name: 'c', image: 'new:1' }, { name: 'a', image: 'old:1' }, { name: 'b' }] },
    };
    expect(newlyAsked('Pod', after, before).map(({ field }) => field)).toEqual([
      'spec.containers[0].image',
      'spec.containers[2].image',
    ]);
    expect(newlyAsked('Pod', after, null)).toHaveLength(3);
  });

  const DIGEST = `@sha256:${'a'.repeat(64)}`;
  const running = {
    initContainers: [{ name: 'init', image: 'init:1' }],
    containers: [
      { name: 'web', image: 'web:1' },
      { name: 'pinned', image: `web:1${DIGEST}` },
    ],
    ephemeralContainers: [{ name: 'd1', image: 'web:1' }],
    volumes: [{ name: 'model', image: { reference: 'model:1' } }],
  };
  const debugged = (name: string, image: string) => ({
    ephemeralContainers: [...running.ephemeralContainers, { name, image }],
  });

  test.each<[string, object, readonly string[]]>([
    ['nothing', {}, []],
    ['another order', { containers: running.containers.toReversed() }, []],
    ['a field beside the image', { containers: running.containers.map((one) => ({ ...one, resources: {} })) }, []],
    ['a debug container by the tag of a container', debugged('d2', 'web:1'), ['web:1']],
    ['a debug container by the tag of a volume', debugged('d2', 'model:1'), ['model:1']],
    ['a debug container with the name of a container', debugged('web', 'web:1'), ['web:1']],
    ['a debug container by a digest that the pod has', debugged('d2', `web:1${DIGEST}`), []],
    ['a debug container by this digest in another repository', debugged('d2', `x${DIGEST}`), [`x${DIGEST}`]],
    ['a debug container by what only looks like it', debugged('d2', `web:1${DIGEST}b`), [`web:1${DIGEST}b`]],
    [
      'the tag of another container',
      {
        containers: [
          { name: 'web', image: 'web:1' },
          { name: 'pinned', image: 'web:1' },
        ],
      },
      ['web:1'],
    ],
    ['the tag of a container as a volume', { volumes: [{ name: 'web', image: { reference: 'web:1' } }] }, ['web:1']],
  ])('an update of %s asks for what starts', (_, changes, expected) => {
    const asked = newlyAsked('Pod', { spec: { ...running, ...changes } }, { spec: running });
    expect(asked.map(({ reference }) => reference)).toEqual(expected);
  });
});
