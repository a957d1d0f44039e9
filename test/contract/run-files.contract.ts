import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import type { Contract } from './contract.ts';

export function runFilesContract({ make }: Pick<Contract<RunFiles>, 'make'>): void {
  test('a document comes back as it was written last', async () => {
    const files = await make();
    await files.put('runs/1/a.json', { old: true });
    await files.put('runs/1/a.json', [{ name: 'é', at: 1.5, none: null }]);
    expect(await files.get('runs/1/a.json')).toEqual([{ name: 'é', at: 1.5, none: null }]);
  });

  test('a document that is not there is missing, not empty', async () => {
    const missing = { name: 'RunFileMissingError', key: 'runs/1/none.json' };
    await expect((await make()).get('runs/1/none.json')).rejects.toMatchObject(missing);
  });

  test('keys are listed by prefix, in order, over all pages', async () => {
    const files = await make();
    const keys = Array.from({ length: 1050 }, (_, n) => `runs/1/pieces/${String(n).padStart(4, '0')}.json`);
    await mapConcurrently([...keys].reverse(), 16, (key) => files.put(key, {}));
    await files.put('runs/10/pieces/0000.json', {});
    expect(await collect(files.list('runs/1/pieces/'))).toEqual(keys);
    expect(await collect(files.list('runs/2/'))).toEqual([]);
  }, 30_000);
}
