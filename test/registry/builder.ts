/** `node builder.ts ENDPOINT SETTINGS`: makes each build of the embedded cloud's pipelines with buildah. */

import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostOf } from '../../local/builds/registry.ts';
import type { BuildOrder } from '../../local/pipelines/build-stream.ts';
import { runBuilder } from '../../local/pipelines/builder.ts';
import { repositoryUri } from '../../local/pipelines/definition.ts';
import { Buildah } from '../support/buildah.ts';

export interface BuilderSettings {
  /** Holds the storage of buildah, with the image `localhost/debian`. */
  readonly folder: string;
  readonly registriesConf: string;
  /** The addresses of the registries, by their hosts. */
  readonly addresses: Readonly<Record<string, string>>;
  /** By the name of an image of the fleet. */
  readonly builds: Readonly<
    Record<string, { readonly context: string; readonly dockerfile: string; readonly args?: readonly string[] }>
  >;
}

const [endpoint = '', text = '{}'] = process.argv.slice(2);
const { folder, registriesConf, addresses, builds }: BuilderSettings = JSON.parse(text);
const buildah = new Buildah(folder, { CONTAINERS_REGISTRIES_CONF: registriesConf });

async function build(_: unknown, { definition, tags, rebuildId = 'none' }: BuildOrder): Promise<string> {
  const { image, parent } = definition;
  const recipe = builds[image.name];
  if (recipe === undefined) throw new RangeError(`no Dockerfile builds ${image.name}`);
  await buildah.build({
    ...recipe,
    name: image.name,
    parent: parent
      ? { name: repositoryUri(parent.place), tag: parent.reference }
      : { name: 'localhost/debian', tag: 'latest' },
    args: [...(recipe.args ?? []), '--build-arg', `PATCHWAVE_REBUILD_ID=${rebuildId}`],
  });
  const digestFile = join(mkdtempSync(join(folder, 'pushed-')), 'digest');
  const push = ['push', '--quiet', '--tls-verify=false', '--digestfile', digestFile, `localhost/${image.name}`];
  for (const tag of tags) await buildah.run(...push, `docker://${addresses[hostOf(image)]}/${image.repository}:${tag}`);
  return readFileSync(digestFile, 'utf8');
}

await runBuilder(endpoint, { stream: build });
