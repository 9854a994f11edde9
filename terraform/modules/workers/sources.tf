# Where jobs come from, by the one variable job_source.

resource "aws_sqs_queue" "dead" {
  count                     = var.jobs.create_sqs ? 1 : 0
  name                      = "${var.name}-jobs-dead"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "jobs" {
  count                      = var.jobs.create_sqs ? 1 : 0
  name                       = "${var.name}-jobs"
  visibility_timeout_seconds = 60
  message_retention_seconds  = 1209600
  sqs_managed_sse_enabled    = true
  # What a starter could not even submit so often goes aside; the starter itself sends aside what is no job.
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead[0].arn, maxReceiveCount = 10 })
}

resource "aws_elasticache_subnet_group" "jobs" {
  count      = var.jobs.create_redis ? 1 : 0
  name       = "${var.name}-jobs"
  subnet_ids = var.subnet_ids
}

resource "aws_security_group" "redis" {
  count       = var.jobs.create_redis ? 1 : 0
  name        = "${var.name}-redis"
  description = "Stream of jobs"
  vpc_id      = var.vpc_id
  ingress {
    description     = "Redis from the cluster's machines"
    from_port       = 6379
    to_port         = 6379
    protocol        = "tcp"
    security_groups = [var.nodes_security_group_id]
  }
}

resource "aws_elasticache_replication_group" "jobs" {
  count                      = var.jobs.create_redis ? 1 : 0
  replication_group_id       = "${var.name}-jobs"
  description                = "Stream of jobs"
  engine                     = "redis"
  node_type                  = "cache.t4g.small"
  num_cache_clusters         = var.jobs.replicas
  automatic_failover_enabled = var.jobs.replicas > 1
  multi_az_enabled           = var.jobs.replicas > 1
  transit_encryption_enabled = true
  at_rest_encryption_enabled = true
  subnet_group_name          = aws_elasticache_subnet_group.jobs[0].name
  security_group_ids         = [aws_security_group.redis[0].id]
}

output "queue_arns" {
  value = concat(aws_sqs_queue.jobs[*].arn, aws_sqs_queue.dead[*].arn)
}

output "source_env" {
  description = "Variables of the starter that only exist once the queue does."
  value = var.jobs.create_sqs ? {
    DARKROOM_SQS_URL      = aws_sqs_queue.jobs[0].url
    DARKROOM_SQS_DEAD_URL = aws_sqs_queue.dead[0].url
  } : {}
}

output "redis_address" {
  description = "For the secret DARKROOM_REDIS_URL (rediss://HOST:6379)."
  value       = one(aws_elasticache_replication_group.jobs[*].primary_endpoint_address)
}
