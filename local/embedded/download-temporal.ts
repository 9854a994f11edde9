/** Run as `node download-temporal.js FOLDER VERSION`: the Temporal SDK downloads that CLI (`default`: the SDK's choice) into FOLDER. */
async function main(downloadDir: string, version: string): Promise<void> {
  // A development package: absent from production installs, where this is never run.
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  // The SDK offers no bare download; starting a server in memory and ending it comes nearest.
  const environment = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'cached-download', downloadDir, version } },
  });
  await environment.teardown();
}

main(process.argv[2] ?? '', process.argv[3] ?? 'default').then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  },
);
