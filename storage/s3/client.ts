import { S3Client } from '@aws-sdk/client-s3';
import type { Config } from '../../common/config';
import type { Tuning } from '../types';

/** A client for AWS or anything that speaks S3; without a key in the configuration, by the SDK's own chain. */
export function createS3Client(config: Config, tuning: Tuning): S3Client {
  const { s3AccessKeyId, s3SecretAccessKey } = config;
  return new S3Client({
    region: config.s3Region,
    endpoint: config.s3Endpoint,
    forcePathStyle: config.s3ForcePathStyle,
    credentials:
      s3AccessKeyId !== undefined && s3SecretAccessKey !== undefined
        ? { accessKeyId: s3AccessKeyId, secretAccessKey: s3SecretAccessKey }
        : undefined,
    followRegionRedirects: config.s3Endpoint === undefined,
    retryMode: 'standard',
    maxAttempts: 3,
    // The newer default checksums are refused by stores that do not know them; bodies are signed over anyway.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: 5_000,
      // Until the answer begins; bodies are watched by their rate.
      socketTimeout: tuning.answer,
      httpAgent: { keepAlive: true, maxSockets: 128 },
      httpsAgent: { keepAlive: true, maxSockets: 128 },
    },
  });
}
