import { DescribeImageScanFindingsCommand, ECRClient } from '@aws-sdk/client-ecr';
import { debianFiles, makeRepository, probeCloud, pushImage } from '../../local/cloud/probe.ts';
import { useCloud } from '../support/cloud.ts';

describe('the scanner', () => {
  const cloud = useCloud();

  // Installed version, fixed version, whether the installed one is older.
  const debian: [string, string, boolean][] = [
    ['1.0', '1.0', false],
    ['1.0', '1.0-0', false],
    ['1.0', '1.0-1', true],
    ['1.0~rc1', '1.0', true],
    ['1.0', '1.0~rc1', false],
    ['1.9', '1.10', true],
    ['1:0.9', '2.0', false],
    ['2.0', '1:0.9', true],
    ['1.0a', '1.0b', true],
    ['1.0a', '1.0+', true],
    ['1.0+', '1.0a', false],
    ['3.5.1-1', '3.5.1-1+deb13u1', true],
    ['3.5.1-1+deb13u10', '3.5.1-1+deb13u9', false],
    ['2.41-12+deb13u1~bpo12+1', '2.41-12+deb13u1', true],
    ['1.0-1~~', '1.0-1~', true],
    ['9.20.18-1~deb13u1', '9.20.15-1~deb13u1', false],
    ['1.2-3-4', '1.2-3-5', true],
    ['007', '7', false],
  ];
  const alpine: [string, string, boolean][] = [
    ['3.5.1-r0', '3.5.1-r1', true],
    ['3.5.1-r10', '3.5.1-r9', false],
    ['1.0_rc1-r0', '1.0-r0', true],
    ['1.0_p1-r0', '1.0-r0', false],
    ['1.36.1-r15', '1.36.1-r15', false],
    ['1.2.3a-r0', '1.2.3b-r0', true],
    ['1.2', '1.2.1', true],
    ['1.10-r0', '1.9-r5', false],
  ];
  const alpineFiles = (packages: Record<string, string>) => ({
    'etc/alpine-release': '3.22.0\n',
    'etc/os-release': 'NAME="Alpine Linux"\nID=alpine\n',
    'lib/apk/db/installed': Object.entries(packages)
      .map(([name, version]) => `C:Q1\nP:${name}\nV:${version}\nA:aarch64\n`)
      .join('\n'),
  });

  const found = async (layers: Record<string, string>[], limit: { lastScannedAt: Date }) => {
    const probe = probeCloud(cloud());
    const repository = await makeRepository(probe, 'scanner');
    const image = await pushImage(probe, repository, layers, '1');
    const place = { account: probe.config.credentials.accessKeyId, region: probe.config.region };
    await cloud().admin.givePast({ ...place, repository, digest: image.digest, ...limit });
    const answer = await new ECRClient(probe.config).send(
      new DescribeImageScanFindingsCommand({
        repositoryName: repository,
        imageId: { imageDigest: image.digest },
        maxResults: 1000,
      }),
    );
    return {
      status: answer.imageScanStatus?.status,
      names: (answer.imageScanFindings?.findings ?? []).map((finding) => finding.name).sort(),
    };
  };
  const yesterday = { lastScannedAt: new Date(Date.now() - 90_000_000) };

  test.each([
    ['Debian', debian, debianFiles],
    ['Alpine', alpine, alpineFiles],
  ] as const)('compares versions as %s does', async (_, table, files) => {
    const names = table.map(([installed, fixed]) => `${installed} < ${fixed}`);
    await cloud().admin.setVulnerabilities(
      table.map(([, fixedIn], index) => ({ id: names[index] ?? '', package: `p${index}`, severity: 'LOW', fixedIn })),
    );
    const packages = Object.fromEntries(table.map(([installed], index) => [`p${index}`, installed]));
    const older = names.filter((__, index) => table[index]?.[2]);
    expect(await found([files(packages)], yesterday)).toEqual({ status: 'COMPLETE', names: [...older].sort() });
  });

  test('puts layers on one another with whiteouts and opaque folders', async () => {
    await cloud().admin.setVulnerabilities([
      { id: 'status', package: 'bash', severity: 'LOW' },
      { id: 'folder', package: 'tzdata', severity: 'LOW' },
    ]);
    const distroless = {
      'etc/os-release': 'ID=debian\n',
      'var/lib/dpkg/status.d/tzdata': 'Package: tzdata\nVersion: 2026a-1\n',
      'var/lib/dpkg/status.d/tzdata.md5sums': 'Package: bash\nVersion: 1\n',
    };
    expect((await found([distroless], yesterday)).names).toEqual(['folder']);
    expect((await found([distroless, debianFiles({ bash: '5' })], yesterday)).names).toEqual(['folder', 'status']);
    const removed = { 'var/lib/dpkg/.wh.status.d': '' };
    expect((await found([distroless, debianFiles({ bash: '5' }), removed], yesterday)).names).toEqual(['status']);
    const emptied = { 'var/lib/dpkg/.wh..wh..opq': '', 'var/lib/dpkg/status': 'Package: curl\nVersion: 1\n' };
    expect(await found([distroless, emptied], yesterday)).toEqual({ status: 'COMPLETE', names: [] });
    const database = { 'var/lib/dpkg/.wh.status': '' };
    expect((await found([debianFiles({ bash: '5' }), database], yesterday)).status).toBe('UNSUPPORTED_IMAGE');
  });
});
