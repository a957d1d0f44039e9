import { imagesOfRevision, imagesOfTask } from '../../../../shared/domain/admission/ecs-images.ts';
import { digestOf } from '../../../support/samples.ts';

const [found, other] = [digestOf('found'), digestOf('other')];
const app = { name: 'app', image: 'registry.example/app:1', followsTag: false };
const resolved = { container: 'app', image: 'registry.example/app:1', digest: found };

describe('images of a service revision', () => {
  test('a tag is the digest that ECS found for it', () => {
    expect(imagesOfRevision([app], [resolved])).toEqual([
      { container: 'app', reference: `registry.example/app:1@${found}` },
    ]);
  });

  test.each([
    ['the revision has none yet', app, []],
    ['the container follows its tag', { ...app, followsTag: true }, [resolved]],
    ['it is that of another image', app, [{ ...resolved, image: 'registry.example/app:2' }]],
    ['it is that of another container', app, [{ ...resolved, container: 'app2' }]],
    ['it is none', app, [{ ...resolved, digest: 'sha256:1' }]],
  ])('a tag stays a tag if %s', (_, defined, revision) => {
    expect(imagesOfRevision([defined], revision)[0]).toEqual({ container: 'app', reference: app.image });
  });

  test('the digest in a reference starts, whatever was found', () => {
    const image = `registry.example/app:1@${other}`;
    expect(imagesOfRevision([{ ...app, image }], [{ ...resolved, image }])).toEqual([
      { container: 'app', reference: image },
    ]);
  });

  test('a container that only the revision has is not forgotten, nor one without an image', () => {
    const defined = { name: 'odd', followsTag: false };
    expect(imagesOfRevision([defined], [resolved])).toEqual([
      { container: 'odd' },
      { container: 'app', reference: `registry.example/app:1@${found}` },
    ]);
  });
});

describe('images of a task', () => {
  test('the digest that the agent reports runs, also beside another one', () => {
    const task = [
      { name: 'a', image: 'registry.example/app:1', digest: found },
      { name: 'b', image: `registry.example/app@${other}`, digest: found },
      { name: 'c', image: 'registry.example/app:1' },
    ];
    expect(imagesOfTask(task)).toEqual([
      { container: 'a', reference: `registry.example/app:1@${found}` },
      { container: 'b', reference: `registry.example/app@${found}` },
      { container: 'c', reference: 'registry.example/app:1' },
    ]);
  });

  test('a sidecar of AWS is left out, but not a container of a team that has its name', () => {
    const task = [
      { name: 'aws-guardduty-agent-1', digest: found },
      { name: 'aws-guardduty-agent-2', image: 'registry.example/app:1', digest: found },
      { name: 'no-image', digest: found },
    ];
    expect(imagesOfTask(task)).toEqual([
      { container: 'aws-guardduty-agent-2', reference: `registry.example/app:1@${found}` },
      { container: 'no-image' },
    ]);
  });
});
