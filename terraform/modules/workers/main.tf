# What the charts of helm/ find in the cluster: KEDA, External Secrets with its store, and where jobs come from.
# The charts themselves are deployed by ci/deploy.sh, with the image's tag.

variable "name" { type = string }
variable "region" { type = string }
variable "cluster_name" { type = string }
variable "jobs" { type = object({ create_redis = bool, create_sqs = bool, replicas = number }) }
variable "charts" {
  type = object({
    keda             = object({ chart = string, version = optional(string) })
    external_secrets = object({ chart = string, version = optional(string) })
  })
}
variable "vpc_id" { type = string }
variable "subnet_ids" { type = list(string) }
# The only group that may reach Redis.
variable "nodes_security_group_id" { type = string }
# Network policies of KEDA's namespace, by name.
variable "fence" { type = any }
# Secrets beside our own that External Secrets reads: the database's password.
variable "secret_arns" { type = list(string) }

resource "helm_release" "fence" {
  name             = "fence"
  namespace        = "keda"
  create_namespace = true
  chart            = "${path.module}/../fence"
  values           = [yamlencode({ policies = var.fence })]
}

resource "helm_release" "keda" {
  name             = "keda"
  namespace        = "keda"
  create_namespace = true
  depends_on       = [helm_release.fence]
  chart            = var.charts.keda.chart
  version          = var.charts.keda.version
}

resource "helm_release" "external_secrets" {
  name             = "external-secrets"
  namespace        = "external-secrets"
  create_namespace = true
  chart            = var.charts.external_secrets.chart
  version          = var.charts.external_secrets.version
  depends_on       = [aws_eks_pod_identity_association.external_secrets]
}

resource "helm_release" "secret_store" {
  name       = "secret-store"
  namespace  = "external-secrets"
  chart      = "${path.module}/secret-store"
  values     = [yamlencode({ region = var.region })]
  depends_on = [helm_release.external_secrets]
}

# Its values are put there by a person: Terraform's state must not hold them.
resource "aws_secretsmanager_secret" "darkroom" {
  name = var.name
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

data "aws_iam_policy_document" "read_secrets" {
  statement {
    actions   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
    resources = concat([aws_secretsmanager_secret.darkroom.arn], var.secret_arns)
  }
}

resource "aws_iam_role" "external_secrets" {
  name               = "${var.name}-external-secrets"
  assume_role_policy = data.aws_iam_policy_document.pods.json
}

resource "aws_iam_role_policy" "read_secrets" {
  role   = aws_iam_role.external_secrets.id
  policy = data.aws_iam_policy_document.read_secrets.json
}

resource "aws_eks_pod_identity_association" "external_secrets" {
  cluster_name    = var.cluster_name
  namespace       = "external-secrets"
  service_account = "external-secrets"
  role_arn        = aws_iam_role.external_secrets.arn
}

output "store_ready" {
  description = "Name of the store, known once it is there."
  value       = helm_release.secret_store.id != "" ? "aws-secrets-manager" : ""
}
