import { execFileSync } from 'node:child_process';
import { inVenv } from '../../scripts/setup.mjs';
import { allPartitions, MADE_FROM } from '../../shared/domain/image/partitions.ts';
import { actionPrefixesIn, TEMPLATES, typesIn } from '../support/partitions.ts';

/*
 * The table of partitions, made once more from both of its sources: the endpoints of botocore, and the resource schemas of
 * cfn-lint.
 */

const READ = `
import json
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

botocore, cfnlint = (Path(find_spec(name).origin).parent for name in ("botocore", "cfnlint"))
partitions = json.loads((botocore / "data/endpoints.json").read_text())["partitions"]
schemas = cfnlint / "data/schemas/providers"
print(json.dumps({
    "versions": {name: version(name) for name in ("botocore", "cfn-lint")},
    "services": {one["partition"]: list(one["services"]) for one in partitions},
    "regions": {one["partition"]: sorted(one["regions"]) for one in partitions},
    "types": {
        region: list(json.loads((schemas / f"{region}.json").read_text()))
        for one in partitions for region in one["regions"] if (schemas / f"{region}.json").exists()
    },
}))
`;

interface Sources {
  readonly versions: Readonly<Record<string, string>>;
  readonly services: Readonly<Record<string, readonly string[]>>;
  readonly regions: Readonly<Record<string, readonly string[]>>;
  readonly types: Readonly<Record<string, readonly string[]>>;
}

const sources = JSON.parse(
  execFileSync(inVenv('lint', 'python'), ['-c', READ], { encoding: 'utf8', maxBuffer: 2 ** 26 }),
) as Sources;

/** Where an endpoint has another name than the actions of its service. */
const ENDPOINTS: Readonly<Record<string, string>> = { ecr: 'api.ecr', cloudwatch: 'monitoring' };

/** The transform makes other types of these. */
const isType = (type: string): boolean => !type.startsWith('AWS::Serverless::');

test('the table names the versions that it is made from', () => {
  expect(sources.versions).toEqual(MADE_FROM);
});

test('it has each partition that both sources know, with its Regions where Account Management has no endpoint', () => {
  const partitions = allPartitions();
  expect(partitions.map(({ name }) => name).sort()).toEqual(Object.keys(sources.services).sort());
  for (const { name, regionsBegin, regions } of partitions) {
    const [known = [], services = []] = [sources.regions[name], sources.services[name]];
    expect({ name, regions }).toEqual({ name, regions: services.includes('account') ? undefined : known });
    expect(known.filter((region) => !region.startsWith(regionsBegin))).toEqual([]);
    if (name !== 'aws') expect(known.filter((region) => !(region in sources.types))).toEqual([]);
  }
});

test.each(allPartitions().flatMap(({ name, missing }) => (missing && name !== 'aws' ? [{ name, missing }] : [])))(
  'in $name exactly the listed types and services are missing',
  ({ name, missing }) => {
    const types = [...new Set(TEMPLATES.flatMap(typesIn))].filter(isType);
    const absent = (sources.regions[name] ?? []).flatMap((region) =>
      types.filter((type) => !sources.types[region]?.includes(type)),
    );
    expect([...new Set(absent)].sort()).toEqual(missing.types);
    const endpoints = (prefix: string, partition: string): boolean =>
      sources.services[partition]?.includes(ENDPOINTS[prefix] ?? prefix) === true;
    const prefixes = [...new Set(TEMPLATES.flatMap(actionPrefixesIn))];
    expect(prefixes.filter((one) => endpoints(one, 'aws') && !endpoints(one, name)).sort()).toEqual(missing.services);
  },
);
