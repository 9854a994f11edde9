# The same variables as in modules/decide, which checks them and says what each means.

variable "environment" { type = string }
variable "region" { type = string }
variable "size" { type = string }
variable "network_cidr" { type = string }
variable "temporal_backend" { type = string }
variable "job_source" { type = string }
variable "image_repository" { type = string }
variable "spot" {
  type    = bool
  default = true
}
variable "source_hosts" {
  type    = list(string)
  default = []
}
variable "temporal_cloud" {
  type    = object({ address = string, namespace = string })
  default = null
}

# Versions of other people's charts. No default: pin what you have looked at.
variable "chart_versions" {
  description = "Versions of the charts temporal, keda and external-secrets."
  type        = object({ temporal = optional(string), keda = string, external_secrets = string })
}
