import type { Config } from '../../common/config';
import { RedisSource } from './redis';
import type { JobSource, QueueUpkeep } from './source';
import { SqsSource } from './sqs';

/**
 * The configured queue of jobs; undefined: jobs come by HTTP only. Nothing connects before the queue is used.
 * @param onError takes what a connection says when it breaks; the calls fail by themselves
 */
export function createJobQueue(config: Config, onError: (error: Error) => void): (JobSource & QueueUpkeep) | undefined {
  if (config.jobSource === 'redis' && config.redisUrl !== undefined) {
    return new RedisSource({ url: config.redisUrl, stream: config.redisStream, onError });
  }
  if (config.jobSource === 'sqs' && config.sqsUrl !== undefined && config.sqsDeadUrl !== undefined) {
    // Without it the SDK warns of every queue whose address is not AWS's.
    const client = { endpoint: new URL(config.sqsUrl).origin };
    return new SqsSource({ url: config.sqsUrl, deadUrl: config.sqsDeadUrl, region: config.s3Region, client });
  }
  return undefined;
}
