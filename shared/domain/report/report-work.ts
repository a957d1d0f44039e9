import { section, table } from '../common/markdown.ts';
import { instant } from '../common/time.ts';
import { gapTexts } from '../stream/unmatched-rules.ts';
import type { Report } from './report.ts';
import type { VendorDependency } from './vendor-dependency.ts';

/* The parts of a report about open work, and about what only vendors can fix. */

export const ownerOf = ({ owner }: { readonly owner?: string }): string => owner ?? 'no owner';

/** Empty if every rule and every stream has its counterpart. */
export function policyGaps({ policyGaps: gaps }: Report): string {
  const texts = gapTexts(gaps);
  return texts.length === 0 ? '' : section('Policy gaps', 'CM-6', texts.map((text) => `- ${text}`).join('\n'));
}

export const setAside = ({ unreadable }: Report): string =>
  unreadable.length === 0
    ? ''
    : section(
        'Unreadable ledger items',
        'SI-7',
        table(unreadable, [
          { title: 'Item', text: ({ item }) => item },
          { title: 'Problem', text: ({ problem }) => problem },
        ]),
      );

export const pendingRebuilds = ({ pendingRebuilds: pending }: Report): string =>
  section(
    'Streams that need a rebuild',
    'SI-2',
    pending.length === 0
      ? 'None.'
      : `\`patchwave plan\` shows what happens to each of them.\n\n${table(pending, [
          { title: 'Stream', text: ({ stream }) => stream },
          { title: 'Owner', text: ownerOf },
          { title: 'Mode', text: ({ mode }) => mode },
          { title: 'Findings', text: ({ findings }) => String(findings), isNumber: true },
          { title: 'Too old', text: ({ tooOld }) => (tooOld ? 'yes' : 'no') },
          { title: 'Parent moved', text: ({ parentMoved }) => (parentMoved ? 'yes' : 'no') },
          { title: 'Since', text: ({ sinceEpochMs }) => instant(sinceEpochMs) },
        ])}`,
  );

/** The findings of a preview are not in the ledger, so no plan includes them. */
export const found = ({ found: work, review: { runId } }: Report): string =>
  work === undefined
    ? ''
    : section(
        'Streams to fix first',
        'SI-2',
        [
          `${work.rootStreams.length} to rebuild first, ${work.toDeploy.length} to deploy only, ${work.unclear.length} undetermined. \`patchwave plan --preview ${runId}\` shows the waves, the streams on hold, and how long the plan takes. An image that no review has seen before counts as the one to fix, because its parent is unknown.`,
          table(work.rootStreams, [
            { title: 'Stream to fix', text: ({ stream }) => stream },
            { title: 'Mode', text: ({ mode }) => mode },
            { title: 'Findings', text: ({ findings }) => String(findings), isNumber: true },
            { title: 'Too old', text: ({ tooOld }) => (tooOld ? 'yes' : 'no') },
            { title: 'Affected streams', text: ({ streams }) => String(streams), isNumber: true },
          ]),
        ]
          .filter((part) => part !== '')
          .join('\n\n'),
      );

export const waitingForVendors = ({ waitingForVendors: all }: Report): string =>
  section(
    'Waiting for vendors',
    'SI-2, RA-5',
    all.length === 0
      ? 'Nothing.'
      : `A rebuild cannot fix these yet. Patchwave rebuilds when a fix is published.\n\n${table(all, [
          { title: 'Package', text: (one) => one.package },
          { title: 'Installed', text: ({ version }) => version },
          { title: 'Vulnerability', text: ({ vulnerability }) => vulnerability },
          { title: 'Lowest stream', text: ({ stream }) => stream },
          { title: 'Streams', text: ({ streams }) => String(streams.length), isNumber: true },
          { title: 'Images', text: ({ images }) => String(images), isNumber: true },
          {
            title: 'Vendor image',
            text: ({ vendor }) => (vendor ? `${vendor.places[0] ?? vendor.tier} ${vendor.digest.slice(0, 19)}` : '-'),
          },
          { title: 'Since', text: ({ sinceEpochMs }) => instant(sinceEpochMs) },
          { title: 'Why', text: vendorText },
        ])}`,
  );

const vendorText = ({ reason, triedAtEpochMs: at }: VendorDependency): string =>
  [
    ...(reason === 'no-fix' ? ['the scanner knows no fix'] : []),
    ...(at === undefined ? [] : [`a rebuild at ${instant(at)} did not fix it`]),
  ].join('; ');

/** Empty for most scanners, which name no layers. */
export const layerDisagreements = ({ layerDisagreements: all }: Report): string =>
  all.length === 0
    ? ''
    : section(
        'Attribution conflicts with layer data',
        'RA-5',
        table(all, [
          { title: 'Image', text: ({ digest }) => digest.slice(0, 19) },
          { title: 'Finding', text: (one) => `${one.vulnerability} in ${one.package} ${one.version}` },
          { title: 'Lowest image that has it', text: ({ attributedTo }) => attributedTo.slice(0, 19) },
          { title: 'Lowest image with the layer', text: ({ broughtBy }) => broughtBy.slice(0, 19) },
        ]),
      );
