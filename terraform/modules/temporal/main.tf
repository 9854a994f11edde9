# Self-hosted Temporal: PostgreSQL and the server's own chart. With temporal_backend "cloud" nothing here is made.

variable "name" { type = string }
variable "settings" {
  type = object({
    create_database = bool
    create_release  = bool
    database        = optional(object({ class = string, storage_gb = number, multi_az = bool, protected = bool }))
  })
}
# Null where Temporal is not ours to run.
variable "chart" { type = object({ chart = string, version = optional(string) }) }
variable "vpc_id" { type = string }
variable "subnet_ids" { type = list(string) }
# The only group that may reach the database.
variable "nodes_security_group_id" { type = string }
# Network policies of the namespace, by name.
variable "fence" { type = any }
# Known once External Secrets runs and has its store.
variable "store_ready" { type = string }

locals {
  database = var.settings.create_database ? { this = var.settings.database } : {}
}

resource "aws_db_subnet_group" "this" {
  for_each   = local.database
  name       = var.name
  subnet_ids = var.subnet_ids
}

resource "aws_security_group" "database" {
  for_each    = local.database
  name        = "${var.name}-database"
  description = "PostgreSQL of Temporal"
  vpc_id      = var.vpc_id
  ingress {
    description     = "PostgreSQL from the cluster's machines"
    from_port       = 5432
    to_port         = 5432
    protocol        = "tcp"
    security_groups = [var.nodes_security_group_id]
  }
}

resource "aws_db_instance" "this" {
  for_each          = local.database
  identifier        = var.name
  engine            = "postgres"
  instance_class    = each.value.class
  allocated_storage = each.value.storage_gb
  storage_encrypted = true
  multi_az          = each.value.multi_az
  db_name           = "temporal"
  username          = "temporal"
  # The password is made and rotated by AWS and never enters Terraform's state.
  manage_master_user_password     = true
  db_subnet_group_name            = aws_db_subnet_group.this[each.key].name
  vpc_security_group_ids          = [aws_security_group.database[each.key].id]
  auto_minor_version_upgrade      = true
  copy_tags_to_snapshot           = true
  performance_insights_enabled    = true
  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]
  backup_retention_period         = each.value.protected ? 14 : 1
  deletion_protection             = each.value.protected
  skip_final_snapshot             = !each.value.protected
  final_snapshot_identifier       = each.value.protected ? "${var.name}-final" : null
}

resource "helm_release" "fence" {
  count            = var.settings.create_release ? 1 : 0
  name             = "fence"
  namespace        = "temporal"
  create_namespace = true
  chart            = "${path.module}/../fence"
  values           = [yamlencode({ policies = var.fence })]
}

# Brings that password into the cluster; a chart, because its resource exists only once External Secrets is there.
resource "helm_release" "store_secret" {
  for_each         = local.database
  name             = "temporal-store"
  namespace        = "temporal"
  create_namespace = true
  chart            = "${path.module}/store-secret"
  values           = [yamlencode({ secret = aws_db_instance.this[each.key].master_user_secret[0].secret_arn, store = var.store_ready })]
}

resource "helm_release" "server" {
  count     = var.settings.create_release ? 1 : 0
  name      = "temporal"
  namespace = "temporal"
  chart     = var.chart.chart
  version   = var.chart.version
  timeout   = 900
  values = [yamlencode({
    server = {
      config = {
        persistence = {
          for store, database in { default = "temporal", visibility = "temporal_visibility" } : store => {
            driver                         = "sql"
            sql = {
              driver         = "postgres12"
              host           = aws_db_instance.this["this"].address
              port           = 5432
              database       = database
              user           = "temporal"
              existingSecret = "temporal-store"
              maxConns       = 20
              tls            = { enabled = true, enableHostVerification = false }
            }
          }
        }
      }
      # Priorities do nothing without the new matcher, and tenants take no turns without fairness. By the last one a worker that
      # goes has the server end its polls.
      dynamicConfig = {
        "matching.useNewMatcher"                     = [{ value = true }]
        "matching.enableFairness"                    = [{ value = true }]
        "frontend.enableCancelWorkerPollsOnShutdown" = [{ value = true }]
      }
    }
    cassandra     = { enabled = false }
    mysql         = { enabled = false }
    postgresql    = { enabled = true }
    elasticsearch = { enabled = false }
    prometheus    = { enabled = false }
    grafana       = { enabled = false }
  })]
  depends_on = [helm_release.store_secret, helm_release.fence]
}

output "secret_arns" {
  description = "The database's password, which External Secrets reads."
  value       = [for database in aws_db_instance.this : database.master_user_secret[0].secret_arn]
}
