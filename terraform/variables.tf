# The same variables as in modules/decide, which checks them and says what each means.

variable "environment" { type = string }
variable "region" { type = string }
variable "size" { type = string }
variable "network_cidr" { type = string }
variable "temporal_backend" { type = string }
variable "job_source" { type = string }
variable "encrypt_payloads" {
  type    = bool
  default = false
}
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

variable "admin_cidrs" { type = list(string) }
variable "charts" {
  type = object({
    temporal         = optional(object({ chart = string, version = optional(string) }))
    keda             = object({ chart = string, version = optional(string) })
    external_secrets = object({ chart = string, version = optional(string) })
  })
  default = null
}
