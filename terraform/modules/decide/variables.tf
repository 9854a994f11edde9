# Everything that an environment may say. Each refusal is a sentence that says what to write instead.

variable "environment" {
  description = "Name of the environment: the name of its folder in envs/."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.environment))
    error_message = "environment must be 2 to 16 small letters, digits or dashes, and begin with a letter."
  }
}

variable "region" {
  description = "AWS region."
  type        = string
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be an AWS region such as eu-central-1."
  }
}

variable "temporal_backend" {
  description = "Who runs Temporal: self-hosted (in the cluster, on PostgreSQL) or cloud (Temporal Cloud)."
  type        = string
  validation {
    condition     = contains(["self-hosted", "cloud"], var.temporal_backend)
    error_message = "temporal_backend must be \"self-hosted\" or \"cloud\"."
  }
  validation {
    condition     = var.temporal_backend != "cloud" || var.temporal_cloud != null
    error_message = "temporal_backend \"cloud\" needs temporal_cloud = { address = \"host:7233\", namespace = \"name.account\" }."
  }
}

variable "temporal_cloud" {
  description = "Frontend and namespace of Temporal Cloud; not looked at where Temporal is self-hosted."
  type        = object({ address = string, namespace = string })
  default     = null
  validation {
    condition     = var.temporal_cloud == null || can(regex("^[a-z0-9.-]+:[0-9]+$", var.temporal_cloud.address))
    error_message = "temporal_cloud.address must be host:port, without a scheme."
  }
  validation {
    condition     = var.temporal_cloud == null || can(regex("^[a-z0-9-]+\\.[a-z0-9]+$", var.temporal_cloud.namespace))
    error_message = "temporal_cloud.namespace must be name.account, as Temporal Cloud shows it."
  }
}

variable "job_source" {
  description = "Where jobs come from besides the HTTP API: http (nowhere else), redis (a stream) or sqs (a queue)."
  type        = string
  validation {
    condition     = contains(["http", "redis", "sqs"], var.job_source)
    error_message = "job_source must be \"http\", \"redis\" or \"sqs\"."
  }
}

variable "encrypt_payloads" {
  description = "Encrypts what Temporal stores, by the entry DARKROOM_PAYLOAD_KEYS of the secret (docs/operations/encryption.md)."
  type        = bool
  default     = false
}

variable "size" {
  description = "small (nothing doubled), medium or large (three zones, everything that holds state doubled)."
  type        = string
  validation {
    condition     = contains(["small", "medium", "large"], var.size)
    error_message = "size must be \"small\", \"medium\" or \"large\"."
  }
}

variable "network_cidr" {
  description = "Addresses of the network, a /16; different in each environment, so that they can be joined."
  type        = string
  validation {
    condition     = can(cidrnetmask(var.network_cidr)) && endswith(var.network_cidr, "/16")
    error_message = "network_cidr must be a /16 such as 10.20.0.0/16."
  }
}

variable "spot" {
  description = "Image and video workers prefer spot machines: cheaper, and losing one loses no job."
  type        = bool
  default     = true
}

variable "image_repository" {
  description = "Repository of the image, without a tag: the deploy gives the tag."
  type        = string
  validation {
    condition     = !can(regex("[:@][^/]*$", var.image_repository))
    error_message = "image_repository must have no tag or digest: the deploy sets the tag."
  }
}

variable "source_hosts" {
  description = "Hosts that https: sources may name."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for host in var.source_hosts : can(regex("^(\\*\\.)?[a-z0-9-]+(\\.[a-z0-9-]+)+$", host))])
    error_message = "source_hosts must be host names such as cdn.example.com or *.example.com, without a scheme, port or path."
  }
}

variable "admin_cidrs" {
  description = "Networks outside, from which the cluster's API may be reached; none: only from inside the network."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for cidr in var.admin_cidrs : can(cidrnetmask(cidr)) && !endswith(cidr, "/0")])
    error_message = "admin_cidrs must be networks such as 192.0.2.0/24, and not the whole internet."
  }
}

variable "charts" {
  description = "Other people's charts as you have looked at them: where each is, and its version where the place has several."
  type = object({
    temporal         = optional(object({ chart = string, version = optional(string) }))
    keda             = object({ chart = string, version = optional(string) })
    external_secrets = object({ chart = string, version = optional(string) })
  })
  default = null
  validation {
    condition     = var.charts != null
    error_message = "charts is not set: name the charts of keda, external_secrets and (self-hosted) temporal, each as { chart = \"oci://REGISTRY/NAME\", version = \"1.2.3\" } or { chart = \"./folder-or-file.tgz\" }."
  }
  validation {
    condition     = var.charts == null || var.temporal_backend != "self-hosted" || try(var.charts.temporal, null) != null
    error_message = "temporal_backend \"self-hosted\" needs charts.temporal = { chart = \"…\", version = \"…\" }."
  }
  validation {
    condition     = alltrue([for chart in values(coalesce(var.charts, {})) : chart == null || can(regex("^(oci://[^:]+/[a-z0-9-]+|https://.+\\.tgz|\\.{0,2}/.+)$", chart.chart))])
    error_message = "Each chart in charts must be oci://REGISTRY/NAME without a tag, the address of a .tgz, or a path that begins with / or ./."
  }
  validation {
    condition     = alltrue([for chart in values(coalesce(var.charts, {})) : chart == null || !startswith(try(chart.chart, ""), "oci://") || can(regex("^v?[0-9]+\\.[0-9]+\\.[0-9]+", chart.version))])
    error_message = "A chart from a registry needs an exact version such as version = \"1.2.3\", so that every apply installs the same."
  }
}
