// Prints a Job that runs the image with the workers' own configuration and secrets, under the same restrictions.
// node job.mjs NAME IMAGE PULL_POLICY (start-batch args… | -- node args…)
const [name, image, imagePullPolicy, ...args] = process.argv.slice(2);
const node = args[0] === '--';
const env = process.env['JOB_BARE'] === undefined ? [{ configMapRef: { name: 'workers-config' } }] : [];

console.log(
  JSON.stringify({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: {
      backoffLimit: 0,
      template: {
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 10001,
            runAsGroup: 10001,
            fsGroup: 10001,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [
            {
              name: 'main',
              image,
              imagePullPolicy,
              ...(node ? { command: ['node', ...args.slice(1)] } : { args: ['start-batch', '--json', ...args] }),
              envFrom: [...env, { secretRef: { name: 'darkroom' } }],
              env: [
                { name: 'DARKROOM_OUTPUT', value: '' },
                { name: 'BUCKET', value: process.env['BUCKET'] ?? '' },
                { name: 'S3_ENDPOINT', value: process.env['CLUSTER_S3_ENDPOINT'] ?? process.env['S3_ENDPOINT'] },
              ],
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
            },
          ],
          volumes: [{ name: 'scratch', emptyDir: { sizeLimit: '4Gi' } }],
        },
      },
    },
  }),
);
