terraform {
  required_version = ">= 1.9"
  required_providers {
    aws  = { source = "hashicorp/aws", version = "~> 5.80" }
    helm = { source = "hashicorp/helm", version = "~> 2.12" }
  }
  # Bucket and region come from the command line (ci/deploy.sh), so that every environment has a state of its own.
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
