/** One-shot in our own image: makes the two queues that DARKROOM_SQS_URL and DARKROOM_SQS_DEAD_URL name, as in production. */
const { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } = require('@aws-sdk/client-sqs');
const { loadConfig } = require('./dist/common/config');

const config = loadConfig();
const nameOf = (url) => new URL(url).pathname.split('/').at(-1);
const client = new SQSClient({ region: config.s3Region, endpoint: new URL(config.sqsUrl).origin });

async function main() {
  const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: nameOf(config.sqsDeadUrl) }));
  const wanted = { QueueUrl, AttributeNames: ['QueueArn'] };
  const { Attributes } = await client.send(new GetQueueAttributesCommand(wanted));
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: Attributes.QueueArn, maxReceiveCount: 10 });
  const QueueName = nameOf(config.sqsUrl);
  await client.send(new CreateQueueCommand({ QueueName, Attributes: { VisibilityTimeout: '60', RedrivePolicy } }));
  console.log(`queue ${QueueName} is there`);
}

main().catch((error) => {
  console.error(`The queues could not be made: ${error.message}`);
  process.exit(1);
});
