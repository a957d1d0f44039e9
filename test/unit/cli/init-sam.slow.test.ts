import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { initCommand } from '../../../cli/commands/init.ts';
import { inVenv } from '../../../scripts/setup.mjs';
import { fakeWorld } from '../../support/fakes/world.ts';
import { cliContext, run } from './support.ts';

/** Reads samconfig.toml as `sam deploy` does, by the classes of the SAM CLI. */
const READ = `
import json, sys
from pathlib import Path
from samcli.cli.types import CfnParameterOverridesType
from samcli.lib.config.samconfig import SamConfig
settings = SamConfig(Path(sys.argv[1])).get_all(["deploy"], "parameters", "default")
print(json.dumps(CfnParameterOverridesType().convert(settings["parameter_overrides"], None, None)))
`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchwave-init-sam-'));
  jest.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await rm(folder, { recursive: true });
});

test('the SAM CLI reads an account that was taken out as an empty text, so it does not keep the deployed value', async () => {
  const trusted = async (flags: Readonly<Record<string, string | boolean>>) => {
    const rest = { region: 'eu-west-1', account: '111122223333', yes: true, directory: folder };
    await run(initCommand, cliContext(fakeWorld()), [], { ...rest, ...flags });
    const read = execFileSync(inVenv('lint', 'python'), ['-c', READ, folder], { encoding: 'utf8' });
    const { OrganizationId, MemberAccountIds } = JSON.parse(read) as Record<string, string>;
    return { OrganizationId, MemberAccountIds };
  };
  const alone = { OrganizationId: '', MemberAccountIds: '' };
  expect(await trusted({})).toEqual(alone);
  expect(await trusted({ force: true, members: '444455556666,777788889999' })).toEqual({
    ...alone,
    MemberAccountIds: '444455556666,777788889999',
  });
  expect(await trusted({ force: true, members: '444455556666' })).toEqual({
    ...alone,
    MemberAccountIds: '444455556666',
  });
  expect(await trusted({ force: true, organization: 'o-a1b2c3d4e5' })).toEqual({
    ...alone,
    OrganizationId: 'o-a1b2c3d4e5',
  });
  expect(await trusted({ force: true, organization: 'none' })).toEqual(alone);
}, 120_000);
