/**
 * Which folder may import which. This is the only place that says so; `npm run lint` checks it.
 * The way through the code runs forward: each folder imports those to its right in LAYERS, and common/.
 */
const LAYERS = [
  'operate',
  'starter',
  'local',
  'workflows',
  'activities',
  'models',
  'media',
  'storage',
  'temporal',
  'net',
];

/** Rooms of starter/: each imports those to its right, and what is below starter/. */
const ROOMS = ['cli', 'job-queues', 'server', 'queue-metrics', 'backlog', 'inputs', 'core'];

const inside = (folders, root = '') => `^${root}(${folders.join('|')})/`;
const never = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    ...LAYERS.slice(1).map((layer, index) =>
      never(
        `${layer}-forward-only`,
        `${layer}/ must not import what comes before it.`,
        { path: `^${layer}/`, pathNot: '\\.test\\.ts$' },
        { path: inside([...LAYERS.slice(0, index + 1), 'workers', 'bench', 'test']) },
      ),
    ),
    never(
      'common-imports-nothing',
      'common/ stands beside the layers; the shapes of presets are types that it may name.',
      { path: '^common/', pathNot: '\\.test\\.ts$' },
      { path: inside([...LAYERS, 'workers', 'bench', 'test']), dependencyTypesNot: ['type-only'] },
    ),
    never(
      'client-alone',
      'client/ is a package of its own, which others install.',
      { path: '^client/', pathNot: '\\.test\\.ts$' },
      { pathNot: '^client/' },
    ),
    never(
      'workers-serve',
      'workers/ runs activities and workflows and knows nothing of who submits.',
      { path: '^workers/', pathNot: '\\.test\\.ts$' },
      { path: inside(['operate', 'starter', 'local', 'bench', 'test']) },
    ),
    ...ROOMS.slice(1).map((room, index) =>
      never(
        `starter-${room}-forward-only`,
        `starter/${room}/ must not import the rooms before it.`,
        { path: `^starter/${room}/`, pathNot: '\\.test\\.ts$|^starter/server/main\\.ts$' },
        { path: inside(ROOMS.slice(0, index + 1), 'starter/') },
      ),
    ),
    never(
      'no-circles',
      'A circle of imports has no first file to read.',
      { pathNot: '^(common/contracts|media/presets/schema)\\.ts$' },
      { circular: true },
    ),
    never(
      'workflows-replay',
      'Workflows are replayed: no Node, no I/O, no zod.',
      { path: '^workflows/', pathNot: '\\.test\\.ts$' },
      { dependencyTypes: ['core'], dependencyTypesNot: ['type-only'] },
    ),
    never(
      'workflows-packages',
      'Workflows are replayed: only the SDK.',
      { path: '^workflows/', pathNot: '\\.test\\.ts$' },
      {
        path: '^node_modules/',
        pathNot: '^node_modules/@temporalio/(workflow|common)/',
        dependencyTypesNot: ['type-only'],
      },
    ),
    never(
      'sdk-internals',
      "The SDK's private paths may change with any release, so one file imports them.",
      { pathNot: '^temporal/sdk-internals\\.ts$' },
      { path: '^node_modules/@temporalio/[a-z-]+/lib/(internal|helpers)' },
    ),
    never(
      'fluent-ffmpeg',
      'One file wide, so that replacing it is one file wide (docs/decisions/0003).',
      { pathNot: '^media/video/ffmpeg/run\\.ts$' },
      { path: '^node_modules/(@types/)?fluent-ffmpeg/' },
    ),
    never(
      'no-tests',
      'Code must not import tests.',
      { path: inside(LAYERS), pathNot: '\\.test\\.ts$' },
      { path: '\\.test\\.ts$' },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|starter/web|\\.darkroom)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.tsx', '.mts', '.js', '.json'] },
  },
};
