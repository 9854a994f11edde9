import eslint from '@eslint/js';
import { builtinModules } from 'node:module';
import tseslint from 'typescript-eslint';

/** Left to right is the only direction in which folders import; everybody may import common/. test/layering.test.ts holds it too. */
const LAYERS = ['operate', 'starter', 'local', 'workflows', 'activities', 'media', 'storage', 'net', 'temporal'];

/** Folders that a folder must not import. */
const FORBIDDEN = {
  ...Object.fromEntries(LAYERS.map((layer, index) => [layer, [...LAYERS.slice(0, index), 'workers', 'bench']])),
  workers: ['operate', 'starter', 'local', 'bench'],
  common: [...LAYERS, 'workers', 'bench'],
};

const nodeModules = builtinModules.flatMap((name) => [name, `node:${name}`]);

/** `no-restricted-imports` options do not add up over several blocks, so each folder gets all of its own at once. */
function importsOf(folder) {
  const patterns = FORBIDDEN[folder].map((other) => ({
    regex: `^(\\.\\./)+${other}(/|$)`,
    message: `${folder}/ must not import ${other}/: see docs/architecture.md.`,
  }));
  const fluent = {
    name: 'fluent-ffmpeg',
    message: 'Only media/video/ffmpeg.ts may, so that replacing it is one file wide.',
  };
  if (folder !== 'workflows') return ['error', { paths: [fluent], patterns }];
  const unfit = 'Workflows are replayed: no Node, no I/O, no zod.';
  const paths = [fluent, ...[...nodeModules, 'zod', 'pino', 'sharp'].map((name) => ({ name, message: unfit }))];
  return ['error', { paths, patterns }];
}

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', '.darkroom/', 'node_modules/', 'starter/web/', 'helm/', 'docs/'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // An abort's reason, and what a callback threw, are thrown on as they are.
      '@typescript-eslint/only-throw-error': 'off',
      // First bytes of files, and names that nobody should print, are full of control characters.
      'no-control-regex': 'off',
      eqeqeq: 'error',
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only common/config reads the environment.' },
      ],
    },
  },
  ...Object.keys(FORBIDDEN).map((folder) => ({
    files: [`${folder}/**/*.ts`],
    rules: { 'no-restricted-imports': importsOf(folder) },
  })),
  // Types only: the shapes of presets are inferred from their schema.
  { files: ['common/contracts.ts'], rules: { 'no-restricted-imports': 'off' } },
  { files: ['media/video/ffmpeg.ts'], rules: { 'no-restricted-imports': 'off' } },
  { files: ['common/config/**/*.ts', '**/*.test.ts', 'test/**/*.ts'], rules: { 'no-restricted-properties': 'off' } },
  {
    // They pass the environment on to a child process, whole.
    files: [
      'common/process.ts',
      'media/image/imageChild.ts',
      'local/embedded/{run,worker-process,temporal-binary,temporal-server}.ts',
      'local/dev/*.ts',
      'workers/main.ts',
      'bench/*.ts',
      'observability/e2e/*.ts',
    ],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['**/*.test.ts', 'test/**/*.ts'],
    rules: {
      // expect(object.method) and the matchers' `any` are how jest is used.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          'process',
          'console',
          'module',
          'require',
          '__dirname',
          'URL',
          'Buffer',
          'AbortSignal',
          'setTimeout',
          'fetch',
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
);
