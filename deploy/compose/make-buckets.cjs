/** One-shot in our own image: makes the buckets of DARKROOM_ALLOWED_BUCKETS where they are missing. */
const { CreateBucketCommand, HeadBucketCommand } = require('@aws-sdk/client-s3');
const { loadConfig } = require('./dist/common/config');
const { createS3Client } = require('./dist/storage/s3/client');

const config = loadConfig();
const client = createS3Client(config, { answer: 10_000 });

async function ensure(Bucket) {
  try {
    await client.send(new HeadBucketCommand({ Bucket }));
    console.log(`bucket ${Bucket} is there`);
  } catch (error) {
    if (error.$metadata?.httpStatusCode !== 404) throw error;
    await client.send(new CreateBucketCommand({ Bucket }));
    console.log(`bucket ${Bucket} made`);
  }
}

Promise.all(config.allowedBuckets.map((entry) => ensure(entry.split('/')[0]))).catch((error) => {
  console.error(`The buckets could not be made: ${error.message}`);
  process.exit(1);
});
