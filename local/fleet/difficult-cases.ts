import { addImage, addWorkload, draftImage, draftRoot, type Mixture, run } from './difficult-mixture.ts';
import { AWS_MANAGED_ACCOUNT, place } from './draft.ts';

/** What is difficult in each is its name. */
export const CASES: readonly ((mixture: Mixture) => void)[] = [
  function plain(mixture) {
    run(mixture, draftImage(mixture));
  },
  function notRunning(mixture) {
    addImage(mixture, draftImage(mixture));
  },
  function untagged(mixture) {
    run(mixture, draftImage(mixture, { tags: [] }));
  },
  function onBothArchitectures(mixture) {
    const image = run(mixture, draftImage(mixture, { platforms: ['linux/amd64', 'linux/arm64'] }));
    run(mixture, image, { architecture: 'arm64' });
  },
  function indexOfOne(mixture) {
    run(mixture, draftImage(mixture, { index: 'always' }));
  },
  function emptyIndex(mixture) {
    const image = draftImage(mixture, { index: 'empty' });
    if (mixture.random.chance(0.5)) run(mixture, image);
    else addImage(mixture, image);
  },
  function attestationsOnly(mixture) {
    const image = draftImage(mixture, { index: 'attestations-only' });
    if (mixture.random.chance(0.5)) run(mixture, image);
    else addImage(mixture, image);
  },
  function movedTag(mixture) {
    const parent = mixture.platforms[0];
    const age = Math.min(1, parent?.pushedDaysAgo ?? 1);
    const of = (fraction: number) => ({ createdDaysAgo: age * fraction, pushedDaysAgo: age * fraction });
    const common = { tags: ['stable'], ...(parent && { parent: parent.name }) };
    const before = addImage(mixture, draftImage(mixture, { ...common, ...of(0.9) }));
    const { account, region, repository } = before;
    addImage(mixture, draftImage(mixture, { ...common, account, region, repository, ...of(0.1) }));
    addWorkload(mixture, [{ name: 'main', image: before.name, digestMissing: mixture.random.chance(0.3) }], {
      startedDaysAgo: age * 0.5,
    });
  },
  function copied(mixture) {
    const { random, repositories, scopes } = mixture;
    const image = draftImage(mixture);
    const copy = place(repositories, random.pick(scopes), `apps/${image.name}-copy`);
    run(mixture, { ...image, copies: [{ ...copy, tags: ['copied'], pushedDaysAgo: image.pushedDaysAgo / 2 }] });
    addWorkload(mixture, [{ name: 'main', image: image.name, from: copy, tag: 'copied' }]);
  },
  function digestMissing(mixture) {
    const image = addImage(mixture, draftImage(mixture));
    addWorkload(mixture, [{ name: 'main', image: image.name, digestMissing: true }]);
  },
  function sidecarOfAws(mixture) {
    const { random, images } = mixture;
    const image = addImage(mixture, draftImage(mixture));
    const agent = random.chance(0.5) ? `sha256:${random.hex(64)}` : random.pick(images).name;
    addWorkload(mixture, [
      { name: 'main', image: image.name },
      { name: 'aws-guardduty-agent', digestOnly: agent },
    ]);
  },
  function fromElsewhere(mixture) {
    const { region } = mixture.hub;
    const managed = `${AWS_MANAGED_ACCOUNT}.dkr.ecr.${region}.amazonaws.com/aws-guardduty-agent-fargate:v1.7.1`;
    addWorkload(mixture, [{ name: 'agent', external: managed }]);
    addWorkload(mixture, [{ name: 'nginx', external: 'public.ecr.aws/nginx/nginx:1.27' }]);
    addImage(mixture, draftImage(mixture));
  },
  function mirrored(mixture) {
    const { random, hub, repositories, images } = mixture;
    const home = place(repositories, hub, 'docker-hub/library/redis');
    const mediaType = random.pick(['oci', 'docker'] as const);
    run(mixture, draftRoot(mixture, { ...home, os: 'alpine', tags: [`7.${images.length}`], mediaType }));
  },
  function unmanaged(mixture) {
    const { random, repositories, scopes, images } = mixture;
    const home = place(repositories, random.pick(scopes), `sandbox/app-${images.length}`);
    run(mixture, draftRoot(mixture, { ...home, os: random.pick(['unknown', 'debian'] as const) }));
  },
  function unsupported(mixture) {
    run(mixture, draftRoot(mixture, { os: mixture.random.pick(['scratch', 'unknown'] as const) }));
  },
  function dockerFormat(mixture) {
    run(mixture, draftImage(mixture, { mediaType: 'docker' }));
  },
  function archived(mixture) {
    run(mixture, draftImage(mixture, { archived: true }));
  },
  function deleted(mixture) {
    run(mixture, draftImage(mixture, { deleted: true }));
  },
  function scannedBefore(mixture) {
    run(mixture, draftImage(mixture, { lastScannedDaysAgo: mixture.random.pick([0.05, 0.9, 1.1, 3]) }));
  },
  function bornInNineteenSeventy(mixture) {
    const { createdDaysAgo: _none, ...image } = draftImage(mixture, { created: '1970-01-01T00:00:00Z' });
    run(mixture, image);
  },
  function bornNever(mixture) {
    const { createdDaysAgo: _none, ...image } = draftImage(mixture);
    run(mixture, image);
  },
  function rebuiltFromTheCache(mixture) {
    const { name, account, region, repository, pushedDaysAgo } = addImage(mixture, draftImage(mixture));
    const age = Math.min(0.1, pushedDaysAgo);
    const home = { account, region, repository };
    const { parent: _none, ...rebuilt } = draftImage(mixture, { ...home, createdDaysAgo: age, pushedDaysAgo: age });
    run(mixture, { ...rebuilt, cachedFrom: name });
  },
  function metadataOnly(mixture) {
    run(mixture, draftImage(mixture, { layers: 0, labels: { stage: 'production' } }));
  },
];
