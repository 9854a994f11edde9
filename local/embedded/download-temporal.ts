/** Run as `node download-temporal.js FOLDER`: the Temporal SDK downloads its dev server's program into FOLDER. */
async function main(downloadDir: string): Promise<void> {
  // A development package: absent from production installs, where this is never run.
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  // The SDK offers no bare download; starting a server in memory and ending it comes nearest.
  const environment = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'cached-download', downloadDir } },
  });
  await environment.teardown();
}

main(process.argv[2] ?? '').then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  },
);
