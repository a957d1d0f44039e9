import { checkPatches } from './checkout.ts';
import { MutantFileError, readMutant, readMutants } from './mutant-file.ts';

test('a header needs what the defect is, and what finds it', () => {
  expect(() => readMutant('a.patch', 'Found by: x.test.ts\n\ndiff --git a b')).toThrow(MutantFileError);
  expect(() => readMutant('a.patch', 'Puts back: a defect\n\ndiff --git a b')).toThrow('no line "Found by: ..."');
  expect(readMutant('a.patch', 'Puts back: a defect\nFound by: x\nFound by: y\n\ndiff --git a b')).toMatchObject({
    ...{ name: 'a', putsBack: 'a defect', foundBy: ['x', 'y'] },
  });
});

test('every patch applies to the source as it is now', async () => {
  await checkPatches(readMutants().map(({ file }) => file));
}, 60_000);
