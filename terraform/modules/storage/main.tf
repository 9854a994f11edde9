# The bucket of sources and outputs, and the roles by which pods reach it (and the job queue) without keys.

variable "bucket" { type = string }
variable "versioning" { type = bool }
# Key prefixes, each with a slash at its end.
variable "prefixes" { type = object({ outputs = string, uploads = string, samples = string }) }
# Prefix → days after which its objects go.
variable "expire_days" { type = map(number) }
variable "cluster_name" { type = string }
variable "queue_arns" { type = list(string) }

resource "aws_s3_bucket" "media" {
  bucket = var.bucket
}

resource "aws_s3_bucket_public_access_block" "media" {
  bucket                  = aws_s3_bucket.media.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "media" {
  bucket = aws_s3_bucket.media.id
  rule {
    apply_server_side_encryption_by_default { sse_algorithm = "aws:kms" }
    bucket_key_enabled = true
  }
}

resource "aws_s3_bucket_versioning" "media" {
  bucket = aws_s3_bucket.media.id
  versioning_configuration { status = var.versioning ? "Enabled" : "Suspended" }
}

resource "aws_s3_bucket_lifecycle_configuration" "media" {
  bucket = aws_s3_bucket.media.id
  # Uploads that a lost worker left half done, and what was overwritten.
  rule {
    id     = "abort-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload { days_after_initiation = 2 }
    noncurrent_version_expiration { noncurrent_days = 30 }
  }
  dynamic "rule" {
    for_each = var.expire_days
    content {
      id     = "expire-${replace(trimsuffix(rule.key, "/"), "/", "-")}"
      status = "Enabled"
      filter { prefix = rule.key }
      expiration { days = rule.value }
    }
  }
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "EncryptedConnectionsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.media.arn, "${aws_s3_bucket.media.arn}/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "media" {
  bucket     = aws_s3_bucket.media.id
  policy     = data.aws_iam_policy_document.bucket.json
  depends_on = [aws_s3_bucket_public_access_block.media]
}

data "aws_iam_policy_document" "pods" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}

# Sources may lie anywhere in the bucket. A missing object is told from a forbidden one only to who may list.
data "aws_iam_policy_document" "read" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.media.arn}/*"]
  }
  statement {
    actions   = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [aws_s3_bucket.media.arn]
  }
}

# Workers decode strangers' files: they write outputs and take away what was replaced (maintenance, reuse), of which a versioned bucket
# keeps a copy for a month. They can neither change nor delete an upload, nor reach the queue.
data "aws_iam_policy_document" "workers" {
  source_policy_documents = [data.aws_iam_policy_document.read.json]
  statement {
    actions   = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = ["${aws_s3_bucket.media.arn}/${var.prefixes.outputs}*"]
  }
  statement {
    effect    = "Deny"
    actions   = ["s3:PutObject", "s3:DeleteObject"]
    resources = ["${aws_s3_bucket.media.arn}/${var.prefixes.uploads}*"]
  }
}

# The starter writes what people upload, and the samples of a trial from its pod (ci/smoke.sh). It takes jobs from the queue.
data "aws_iam_policy_document" "starter" {
  source_policy_documents = [data.aws_iam_policy_document.read.json]
  statement {
    actions   = ["s3:PutObject", "s3:AbortMultipartUpload"]
    resources = [for prefix in [var.prefixes.uploads, var.prefixes.samples] : "${aws_s3_bucket.media.arn}/${prefix}*"]
  }
  statement {
    actions   = ["s3:DeleteObject"]
    resources = ["${aws_s3_bucket.media.arn}/${var.prefixes.uploads}*"]
  }
  dynamic "statement" {
    for_each = length(var.queue_arns) > 0 ? [var.queue_arns] : []
    content {
      actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:SendMessage", "sqs:GetQueueAttributes"]
      resources = statement.value
    }
  }
}

locals {
  policies = {
    workers = data.aws_iam_policy_document.workers.json
    starter = data.aws_iam_policy_document.starter.json
  }
  # Service accounts of the charts. The rollout of versions brings samples to where the workers read them.
  roles = { workers = "workers", workers-rollout = "workers", starter = "starter" }
}

resource "aws_iam_role" "pods" {
  for_each           = local.policies
  name               = "${var.bucket}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.pods.json
}

resource "aws_iam_role_policy" "media" {
  for_each = local.policies
  role     = aws_iam_role.pods[each.key].id
  policy   = each.value
}

resource "aws_eks_pod_identity_association" "this" {
  for_each        = local.roles
  cluster_name    = var.cluster_name
  namespace       = "darkroom"
  service_account = each.key
  role_arn        = aws_iam_role.pods[each.value].arn
}
