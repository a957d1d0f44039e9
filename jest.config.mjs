/** ESM throughout, as in the Lambda runtime; run by `node --experimental-vm-modules`. */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          ...{ target: 'es2023', parser: { syntax: 'typescript' } },
          experimental: { keepImportAttributes: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
  // Of the tests of a file that say they may run at a time; each of them starts a cloud.
  maxConcurrency: 4,
  // Of `npm test -- --coverage`; the HTML pages are in `coverage/lcov-report`.
  coverageProvider: 'v8',
  coverageReporters: ['text-summary', 'lcov'],
  collectCoverageFrom: ['{cli,functions,shared}/**/*.ts'],
  testSequencer: '<rootDir>/test/longest-first.mjs',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.work'],
};
