import type { Scratch } from '../../shared/ports/scratch.ts';
import type { Contract } from './contract.ts';

export function scratchContract({ make }: Pick<Contract<Scratch>, 'make'>): void {
  test('entries come back in the order in which they were appended, by name', async () => {
    const folder = await (await make()).open();
    await folder.append('a', [{ name: 'é\n\u2028', at: 1.5 }, 'text']);
    await folder.append('b', [[1]]);
    await folder.append('a', []);
    await folder.append('a', [{ none: null }]);
    expect(await folder.read('a')).toEqual([{ name: 'é\n\u2028', at: 1.5 }, 'text', { none: null }]);
    expect(await folder.read('b')).toEqual([[1]]);
    expect(await folder.read('c')).toEqual([]);
    await folder.remove();
  });

  test('folders know nothing of each other, and a removed one is empty', async () => {
    const scratch = await make();
    const [one, other] = [await scratch.open(), await scratch.open()];
    await one.append('a', [1]);
    await other.append('a', [2]);
    await one.remove();
    expect(await one.read('a')).toEqual([]);
    expect(await other.read('a')).toEqual([2]);
    await other.remove();
  });
}
