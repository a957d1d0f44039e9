import { globSync, readFileSync } from 'node:fs';
import { REBUILD_LABEL } from '../../../shared/domain/cause/rebuild.ts';

const files = (pattern: string) =>
  globSync(`registry/**/${pattern}`).map((path) => ({ path, text: readFileSync(path, 'utf8') }));
const dockerfiles = files('Dockerfile');
const controls = files('controls/*.sh');

test('registry/ has Dockerfiles and controls', () => {
  expect(dockerfiles.map(({ path }) => path).sort()).toEqual([
    'registry/application/node/Dockerfile',
    'registry/base/alpine/Dockerfile',
    'registry/base/amazonlinux/Dockerfile',
    'registry/base/debian/Dockerfile',
    'registry/platform/java/Dockerfile',
    'registry/platform/node/Dockerfile',
    'registry/platform/python/Dockerfile',
  ]);
  expect(controls.length).toBeGreaterThan(5);
});

/** The stages that become images: others have no labels. */
const imagesOf = (text: string): readonly string[] => {
  const stages = text.split(/^FROM /m).slice(1);
  return stages.length === 1 ? stages : stages.filter((stage) => /^\S+ AS (distroless|application)$/m.test(stage));
};

test.each(dockerfiles)('each image of $path has its own labels and an unprivileged user', ({ text }) => {
  const images = imagesOf(text);
  expect(images.length).toBeGreaterThan(0);
  for (const image of images) {
    for (const label of [
      'org.opencontainers.image.source',
      'org.opencontainers.image.revision',
      'org.opencontainers.image.base.name',
      'org.opencontainers.image.base.digest',
      REBUILD_LABEL,
    ])
      expect(image).toMatch(new RegExp(`^(?:LABEL| {5}) ${label.replaceAll('.', '\\.')}="`, 'm'));
    expect(image.match(/^USER .*$/gm)?.at(-1)).toBe('USER 10001');
  }
});

test.each(dockerfiles.filter(({ path }) => /\/(base|platform)\//.test(path)))(
  'the build of $path fails if a check fails',
  ({ text }) => {
    expect(text).toMatch(/hardening\.sh harden \\\n +&& sh \S+hardening\.sh check \\\n/);
  },
);

test.each(controls)('$path names its rule, and has a step and a check', ({ text }) => {
  expect(text).toMatch(/^# Rule: (CIS|DISA) /m);
  expect(text).toMatch(/^harden\(\) \{$/m);
  expect(text).toMatch(/^check\(\) \{$/m);
});
