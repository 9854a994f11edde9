// Runs in the image: makes the bucket, and four clips in it that take long enough to encode to be interrupted.
const { spawnSync } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { S3Client, CreateBucketCommand, PutObjectCommand } = require('@aws-sdk/client-s3');

const { BUCKET, S3_ENDPOINT, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY } = process.env;
const s3 = new S3Client({
  endpoint: S3_ENDPOINT,
  region: process.env.S3_REGION ?? 'us-east-1',
  forcePathStyle: true,
  credentials: { accessKeyId: S3_ACCESS_KEY_ID, secretAccessKey: S3_SECRET_ACCESS_KEY },
});

async function main() {
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET })).catch((error) => {
    if (!error.name.startsWith('BucketAlready')) throw error;
  });
  for (let clip = 1; clip <= 4; clip++) {
    const file = `/scratch/${clip}.mp4`;
    const source = `testsrc2=size=1280x720:rate=30:duration=${30 + clip}`;
    const args = [
      '-v',
      'error',
      '-y',
      '-f',
      'lavfi',
      '-i',
      source,
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-crf',
      '30',
      '-pix_fmt',
      'yuv420p',
      file,
    ];
    if (spawnSync('ffmpeg', args, { stdio: 'inherit' }).status !== 0) throw new Error('ffmpeg failed');
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: `long/${clip}.mp4`, Body: readFileSync(file) }));
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
