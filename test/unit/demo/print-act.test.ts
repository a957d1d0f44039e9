import { outcomeText } from '../../../cli/acting/render-acting.ts';
import { printAct } from '../../../local/demo/print-act.ts';
import { Progress } from '../../../local/demo/progress.ts';
import type { DemoResult } from '../../../local/demo/result.ts';
import type { RebuildOutcome } from '../../../shared/domain/cause/rebuild.ts';

const names = {
  stream: (id: string) => id,
  brief: (id: string) => id,
  reference: (text: string) => text,
  service: (key: string) => key,
};

test('a rebuild without effect says once what the new image still has, and the usual reasons', () => {
  const left = { kind: 'finding', vulnerability: 'CVE-1', package: 'zlib', version: '1' };
  const detail = outcomeText({ result: 'ineffective', left: [left] } as unknown as RebuildOutcome);
  const stream = { stream: 'a', state: 'stopped', reason: 'ineffective', detail, parts: {}, runs: [] };
  const act = { wouldDo: [], cascades: [], closures: [], answers: [], streams: [stream] };
  let page = '';
  const write = (piece: string): boolean => {
    page += piece;
    return true;
  };
  const progress = new Progress({ write, isTTY: false, columns: 80 } as unknown as NodeJS.WriteStream);
  printAct(progress, { act, images: [] } as unknown as DemoResult, names);
  expect(page.replace(/\s+/g, ' ')).toMatch(
    /ineffective: the new image still has CVE-1 in zlib 1\. Either the pipeline pins an old parent/,
  );
});
