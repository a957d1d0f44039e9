/** What a new node of Amazon EKS starts, by the manifests of its add-ons, and what docs/policy.md names as images of AWS. */
import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';

interface NodePod {
  readonly kind: 'DaemonSet' | 'Deployment';
  readonly namespace: string;
  readonly name: string;
  /** By the name of the container. */
  readonly initContainers?: Readonly<Record<string, string>>;
  readonly containers: Readonly<Record<string, string>>;
}

interface NewNode {
  /** The registry account of the add-ons in each Region, as a page of AWS lists them. */
  readonly registries: { readonly page: string; readonly accounts: Readonly<Record<string, string>> };
  readonly manifests: readonly {
    /** Where the facts are from. A `%s` for the registry of a Region is filled in for us-west-2. */
    readonly source: Readonly<Record<'repository' | 'version' | 'commit' | 'file' | 'sha256', string>>;
    readonly pods: readonly NodePod[];
  }[];
}

const { registries, manifests } = JSON.parse(
  readFileSync(new URL('eks-new-node.json', import.meta.url), 'utf8'),
) as NewNode;

export const AWS_REGISTRIES = registries.accounts;

export const imagesOf = ({ initContainers = {}, containers }: NodePod): readonly string[] =>
  [initContainers, containers].flatMap((one) => Object.values(one));

/** The add-on metrics-server has an image of AWS; the project's own manifest does not. */
const ofAnotherPublisher = (pod: NodePod): boolean =>
  imagesOf(pod).some((image) => image.startsWith('registry.k8s.io/'));

const named = manifests.flatMap(({ source, pods }) =>
  pods.map((pod) => ({ title: `${pod.namespace}/${pod.name} of ${source.repository}/${source.file}`, pod })),
);
export const NODE_PODS = named.filter(({ pod }) => !ofAnotherPublisher(pod));
export const OTHER_PODS = named.filter(({ pod }) => ofAnotherPublisher(pod));

export const podOf = ({ namespace, name, initContainers = {}, containers }: NodePod) => {
  const listed = (images: Readonly<Record<string, string>>) =>
    Object.entries(images).map(([container, image]) => ({ name: container, image }));
  return {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { namespace, generateName: `${name}-` } },
    spec: { initContainers: listed(initContainers), containers: listed(containers) },
  };
};

/** What docs/policy.md tells a person to write, for every Region. */
export function documentedAwsManaged(): {
  readonly accounts: readonly string[];
  readonly references: readonly string[];
} {
  const [, chapter = ''] = readFileSync('docs/policy.md', 'utf8').split('\n### `awsManaged`\n');
  const [section = ''] = chapter.split('\n### ');
  const [, yaml = '', after = ''] = /```yaml\n(.*?)\n```(.*)/s.exec(section) ?? [];
  const { awsManaged } = parseYaml(yaml);
  const others = [...after.matchAll(/`(\d{12})` \([a-z]+-/g)].map(([, account = '']) => account);
  return { ...awsManaged, accounts: [...awsManaged.accounts, ...others] };
}
