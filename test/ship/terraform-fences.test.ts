/** What keeps pods apart on the cluster that Terraform makes: its providers cannot be had here, so the text is looked at. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../../common/paths';

const read = (name: string): string => readFileSync(path.join(projectRoot(), 'terraform', name), 'utf8');

/** The body of a block: `block(text, 'resource "aws_launch_template" "nodes"')`. */
function block(text: string, head: string): string {
  const at = text.indexOf(`${head} {`);
  if (at === -1) throw new Error(`there is no ${head}`);
  return text.slice(at, text.indexOf('\n}', at));
}

describe('the cluster', () => {
  const cluster = read('modules/cluster/main.tf');

  test('enforces network policies, before any machine joins', () => {
    const addon = block(cluster, 'resource "aws_eks_addon" "vpc_cni"');
    expect(addon).toMatch(/addon_name\s+= "vpc-cni"/);
    expect(addon).toMatch(/configuration_values\s+= jsonencode\(\{ enableNetworkPolicy = "true" \}\)/);
    for (const group of ['on_demand', 'spot']) {
      expect(block(cluster, `resource "aws_eks_node_group" "${group}"`)).toMatch(
        /depends_on = .*aws_eks_addon\.vpc_cni/,
      );
    }
  });

  test("keeps the machines' role from pods: tokens for the metadata service, and one hop", () => {
    const template = block(cluster, 'resource "aws_launch_template" "nodes"');
    expect(template).toMatch(/http_tokens\s+= "required"/);
    expect(template).toMatch(/http_put_response_hop_limit = 1/);
    expect(template).toMatch(/encrypted\s+= true/);
    for (const group of ['on_demand', 'spot']) {
      expect(block(cluster, `resource "aws_eks_node_group" "${group}"`)).toContain('aws_launch_template.nodes.id');
    }
  });
});

test.each([
  ['modules/temporal/main.tf', 'database'],
  ['modules/workers/sources.tf', 'redis'],
])('%s: the group "%s" lets in the machines and nobody else of the network', (file, name) => {
  const group = block(read(file), `resource "aws_security_group" "${name}"`);
  expect(group).toContain('security_groups = [var.nodes_security_group_id]');
  expect(group).not.toContain('cidr_blocks');
});

describe('roles of pods', () => {
  const storage = read('modules/storage/main.tf');
  const document = (name: string) => block(storage, `data "aws_iam_policy_document" "${name}"`);

  test('workers write outputs and remove what was replaced there; they touch no upload and know no queue', () => {
    const workers = document('workers');
    expect(workers).toMatch(
      /"s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"\]\s+resources = \[".*\/\$\{var\.prefixes\.outputs\}\*"\]/,
    );
    expect(workers).toMatch(
      /effect\s+= "Deny"\s+actions\s+= \["s3:PutObject", "s3:DeleteObject"\]\s+resources = \[".*prefixes\.uploads\}\*"\]/,
    );
    expect(workers.match(/DeleteObject/g)).toHaveLength(2);
    expect(document('read')).not.toMatch(/Delete|Put/);
    expect(`${workers}${document('read')}`).not.toMatch(/sqs:/);
  });

  test('the starter writes and deletes below its own prefixes only, and takes jobs from the queue', () => {
    const starter = document('starter');
    expect(starter).toMatch(/"s3:DeleteObject"\]\s+resources = \[".*\/\$\{var\.prefixes\.uploads\}\*"\]/);
    expect(starter).not.toMatch(/media\.arn\}\/\*"/);
    expect(starter).toContain('sqs:ReceiveMessage');
  });

  test('each service account has the role that is meant for it', () => {
    expect(storage).toMatch(/roles = \{ workers = "workers", workers-rollout = "workers", starter = "starter" \}/);
  });

  test('the bucket refuses connections without TLS, and the way to S3 writes into no other account', () => {
    expect(document('bucket')).toMatch(/effect\s+= "Deny"[\s\S]*"aws:SecureTransport"\s+values\s+= \["false"\]/);
    expect(block(storage, 'resource "aws_s3_bucket_policy" "media"')).toContain('policy_document.bucket.json');
    const network = read('modules/network/main.tf');
    expect(block(network, 'resource "aws_vpc_endpoint" "s3"')).toMatch(
      /Effect\s+= "Deny"[\s\S]*"s3:Put\*"[\s\S]*StringNotEquals = \{ "aws:ResourceAccount"/,
    );
  });

  test('External Secrets reads the named secrets only, for the namespaces that use them', () => {
    const workers = read('modules/workers/main.tf');
    const policy = block(workers, 'data "aws_iam_policy_document" "read_secrets"');
    expect(policy).toMatch(/resources = concat\(\[aws_secretsmanager_secret\.darkroom\.arn\], var\.secret_arns\)/);
    expect(policy).not.toContain('*');
    expect(read('modules/workers/secret-store/templates/store.yaml')).toContain('namespaces: [darkroom, temporal]');
  });
});

test('a tag of the registry is written once', () => {
  const repository = block(read('registry/main.tf'), 'resource "aws_ecr_repository" "this"');
  expect(repository).toMatch(/image_tag_mutability = "IMMUTABLE"/);
});
