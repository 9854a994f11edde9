/** Jobs that look at a commit; deploys follow them and run on main only. */
export const JOBS = ['lint', 'types', 'unit', 'integration', 'chart', 'terraform', 'image'];

const CODE = ['lint', 'types', 'unit', 'integration', 'image'];

/** Path → jobs; the first that matches decides. A path that nobody thought of runs everything. */
export const RULES = [
  [/^(ci|\.ci|\.circleci|scripts)\//, JOBS],
  [/^(package(-lock)?\.json|tsconfig.*\.json|jest\.config\.js|\.npmrc)$/, JOBS],
  [/^docs\/|\.md$|^LICENSE$|^\.gitignore$/, ['lint']],
  [/^(eslint\.config\.mjs|\.prettier(rc\.json|ignore))$/, ['lint']],
  [/^helm\/|^test\/ship\/(helm|chart|keda)/, ['lint', 'types', 'chart']],
  [/^terraform\/|^test\/ship\/terraform/, ['lint', 'types', 'terraform']],
  [/^(Dockerfile.*|\.dockerignore|deploy\/image\/.*)$/, ['lint', 'unit', 'image']],
  [/^(docker-compose.*\.ya?ml|deploy\/.*|Makefile|\.env\.example)$/, ['lint', 'unit']],
  [/^observability\//, ['lint', 'types', 'unit', 'integration', 'chart']],
  [/^test\/ship\//, ['lint', 'types', 'unit']],
  [/\.test\.ts$|^test\//, ['lint', 'types', 'unit', 'integration']],
  [/^(common|workflows|activities|media|storage|workers|starter|bench|presets)\//, CODE],
];

/** Jobs that a set of changed files calls for, in pipeline order; undefined (nobody knows what changed) calls for all. */
export function jobsFor(files) {
  if (files === undefined) return [...JOBS];
  const wanted = new Set(files.flatMap((file) => RULES.find(([pattern]) => pattern.test(file))?.[1] ?? JOBS));
  return JOBS.filter((job) => wanted.has(job));
}
