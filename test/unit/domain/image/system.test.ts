import { type ImageSystem, type SystemTexts, systemIn } from '../../../../shared/domain/image/system.ts';
import systemEnds from '../../../../shared/domain/image/system-ends.json' with { type: 'json' };
import { systemSupport, systemText } from '../../../../shared/domain/image/system-support.ts';
import { DAY_MS } from '../../../support/samples.ts';

const ALPINE = 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.19.1\nPRETTY_NAME="Alpine Linux v3.19"\n';

test.each<[string, SystemTexts['files'], ImageSystem]>([
  ['os-release', { 'etc/os-release': ALPINE }, { kind: 'named', id: 'alpine', version: '3.19.1' }],
  ['it in usr', { 'usr/lib/os-release': 'ID="rhel"\nVERSION_ID="9.4"' }, { kind: 'named', id: 'rhel', version: '9.4' }],
  ['it without a version', { 'etc/os-release': "ID='wolfi'" }, { kind: 'named', id: 'wolfi' }],
  ['alpine-release', { 'etc/alpine-release': '3.18.4\n' }, { kind: 'named', id: 'alpine', version: '3.18.4' }],
  ['debian_version', { 'etc/debian_version': '10.13\n' }, { kind: 'named', id: 'debian', version: '10.13' }],
  ['a testing debian_version', { 'etc/debian_version': 'trixie/sid\n' }, { kind: 'unread' }],
  [
    'lsb-release, which comes before the debian_version of Ubuntu',
    {
      'etc/debian_version': '12.1\n',
      'etc/lsb-release': 'DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=22.04\nDISTRIB_CODENAME=jammy\n',
    },
    { kind: 'named', id: 'ubuntu', version: '22.04' },
  ],
  [
    'redhat-release',
    { 'etc/redhat-release': 'Red Hat Enterprise Linux release 8.10 (Ootpa)\n' },
    { kind: 'named', id: 'rhel', version: '8.10' },
  ],
  [
    'that of CentOS',
    { 'etc/redhat-release': 'CentOS Linux release 7.9.2009 (Core)\n' },
    { kind: 'named', id: 'centos', version: '7.9.2009' },
  ],
  [
    'system-release',
    { 'etc/system-release': 'Amazon Linux release 2 (Karoo)\n' },
    { kind: 'named', id: 'amzn', version: '2' },
  ],
  ['no file', {}, { kind: 'none' }],
  ['a file that names nothing', { 'etc/os-release': '\u0000\u0001' }, { kind: 'unread' }],
  ['an id that is none', { 'etc/os-release': 'ID="../../x y"\nVERSION_ID=3' }, { kind: 'unread' }],
  ['a line without an end', { 'etc/os-release': `ID=${'a'.repeat(60_000)}` }, { kind: 'unread' }],
  [
    'the last of two ids, as a shell does',
    { 'etc/os-release': 'ID=alpine\nVERSION_ID=3.19\nID=debian\n' },
    { kind: 'named', id: 'debian', version: '3.19' },
  ],
])('the system is read from %s', (_, files, expected) => {
  expect(systemIn({ files })).toEqual(expected);
});

test('where layers were not read whole, no file is not the absence of one', () => {
  expect(systemIn({ files: {}, isPartial: true })).toEqual({ kind: 'unread' });
});

const named = (id: string, version?: string): ImageSystem => ({
  kind: 'named',
  id,
  ...(version !== undefined && { version }),
});
const on = (day: string): number => Date.parse(day);

test.each<[string, string, string, string]>([
  ['alpine', '3.19.1', '2025-08-01', 'supported'],
  ['alpine', '3.19.1', '2025-08-05', 'ends-soon'],
  ['alpine', '3.19.1', '2025-11-01T23:59:59Z', 'ends-soon'],
  ['alpine', '3.19.1', '2025-11-02', 'ended'],
  ['rhel', '9.4', '2026-12-03', 'supported'],
  ['centos', '7.9.2009', '2026-12-03', 'ended'],
  ['debian', '10.13', '2026-12-03', 'ended'],
  ['debian', '12', '2026-12-03', 'supported'],
  ['ubuntu', '18.04', '2026-12-03', 'ended'],
  ['ubuntu', '18', '2026-12-03', 'unknown'],
  ['amzn', '2018.03', '2026-12-03', 'ended'],
  ['amzn', '2', '2026-12-03', 'ended'],
  ['amzn', '2023', '2026-12-03', 'supported'],
  ['alpine', '3.24_alpha20260805', '2026-12-03', 'unknown'],
  ['wolfi', '20230201', '2026-12-03', 'unknown'],
  ['constructor', 'name', '2026-12-03', 'unknown'],
])('%s %s is on %s: %s', (id, version, day, state) => {
  expect(systemSupport(named(id, version), on(day)).state).toBe(state);
});

test('an image without a system is of none, which is not unknown', () => {
  const states = [{ kind: 'none' } as const, { kind: 'unread' } as const, undefined, named('alpine')].map(
    (system) => systemSupport(system, 0).state,
  );
  expect(states).toEqual(['none', 'unknown', 'unknown', 'unknown']);
});

test('a system has the name that its vendor gives it', () => {
  expect(systemText({ id: 'alpine', version: '3.19.1' })).toBe('Alpine Linux 3.19.1');
  expect(systemText({ id: 'wolfi' })).toBe('wolfi');
});

const { checked, systems } = systemEnds;

test('the dates were checked in the last 400 days: read the pages again, then change `checked`', () => {
  expect(Date.now() - Date.parse(checked)).toBeLessThan(400 * DAY_MS);
});

test.each(Object.entries(systems))('each date of %s is a day, with a page that says it', (_, { name, page, ends }) => {
  expect(name).toMatch(/^[A-Z]/);
  expect(page).toMatch(/^(https:\/\/|package distro-info-data )/);
  for (const end of Object.values(ends)) expect(new Date(end).toISOString().slice(0, 10)).toBe(end);
});
