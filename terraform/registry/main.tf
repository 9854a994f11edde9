# The one registry of all environments, made once (docs/operations/pipeline.md): what staging has tried is what prod runs.

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 5.80" }
  }
  # Bucket and region come from the command line, as for the environments.
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}

variable "region" { type = string }
variable "name" {
  type    = string
  default = "darkroom"
}

provider "aws" {
  region = var.region
  default_tags { tags = { project = "darkroom" } }
}

# A tag names one image for ever: nobody puts another one behind a tag that was scanned, tried or approved.
resource "aws_ecr_repository" "this" {
  name                 = var.name
  image_tag_mutability = "IMMUTABLE"
  image_scanning_configuration { scan_on_push = true }
  encryption_configuration { encryption_type = "KMS" }
}

output "repository" { value = aws_ecr_repository.this.repository_url }
