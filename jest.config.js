/** Sources are transformed by swc; processes that tests start (workers, children) run from `dist/`, which `pretest` builds. */
const transform = {
  '^.+\\.(t|j|mj)s$': [
    '@swc/jest',
    { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
  ],
};
// Tests send the same picture again and again, to have it made. The tests of reuse switch it on.
process.env.DARKROOM_REUSE ??= 'false';
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/.darkroom/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.darkroom/'],
  transform,
  // ESM-only packages that Jest must turn into CommonJS.
  transformIgnorePatterns: ['/node_modules/(?!(thumbhash|content-disposition)/)'],
  testTimeout: 60_000,
  maxWorkers: 2,
};
