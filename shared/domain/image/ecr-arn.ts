import { type Digest, isDigest } from './image.ts';

const REPOSITORY_ARN = /^arn:[\w-]+:ecr:([a-z0-9-]+):(\d{12}):repository\/(.+)$/;
const IMAGE_NAME = /^(.+)\/(sha256:[0-9a-f]{64})$/;

export interface NamedRepository {
  readonly repository: string;
  /** Absent if the text is a plain repository name. */
  readonly account?: string;
  readonly region?: string;
  /** Present if the text names one image of the repository. */
  readonly digest?: Digest;
}

/**
 * Reads the three texts with which AWS names a repository or an image in it: `team/web`, the ARN of the repository, and
 * that ARN with `/sha256:...` behind it.
 * https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html
 */
export function parseRepositoryName(text: string): NamedRepository {
  const [, region, account, path = text] = REPOSITORY_ARN.exec(text) ?? [];
  const [, repository = path, digest] = IMAGE_NAME.exec(path) ?? [];
  return {
    repository,
    ...(region !== undefined && account !== undefined && { account, region }),
    ...(isDigest(digest) && { digest }),
  };
}

/** The name of one image for Amazon Inspector. */
export const imageArn = (
  partition: string,
  { account, region, repository }: { readonly account: string; readonly region: string; readonly repository: string },
  digest: Digest,
): string => `arn:${partition}:ecr:${region}:${account}:repository/${repository}/${digest}`;
