# The bucket of sources and outputs, and the role by which pods reach it (and the job queue) without keys.

variable "bucket" { type = string }
variable "versioning" { type = bool }
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

# Uploads that a lost worker left half done.
resource "aws_s3_bucket_lifecycle_configuration" "media" {
  bucket = aws_s3_bucket.media.id
  rule {
    id     = "abort-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload { days_after_initiation = 2 }
  }
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

data "aws_iam_policy_document" "media" {
  statement {
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = ["${aws_s3_bucket.media.arn}/*"]
  }
  statement {
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.media.arn]
  }
  dynamic "statement" {
    for_each = length(var.queue_arns) > 0 ? [var.queue_arns] : []
    content {
      actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:SendMessage", "sqs:GetQueueAttributes"]
      resources = statement.value
    }
  }
}

resource "aws_iam_role" "pods" {
  name               = "${var.bucket}-pods"
  assume_role_policy = data.aws_iam_policy_document.pods.json
}

resource "aws_iam_role_policy" "media" {
  role   = aws_iam_role.pods.id
  policy = data.aws_iam_policy_document.media.json
}

resource "aws_eks_pod_identity_association" "this" {
  for_each        = toset(["workers", "starter"])
  cluster_name    = var.cluster_name
  namespace       = "darkroom"
  service_account = each.value
  role_arn        = aws_iam_role.pods.arn
}
