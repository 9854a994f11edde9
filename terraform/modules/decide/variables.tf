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
}
