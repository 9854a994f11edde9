# One root for every environment: envs/NAME/terraform.tfvars says what differs, modules/decide what follows from it.

provider "aws" {
  region = var.region
  default_tags { tags = { project = "darkroom", environment = var.environment } }
}

provider "helm" {
  kubernetes {
    host                   = module.cluster.endpoint
    cluster_ca_certificate = base64decode(module.cluster.certificate)
    exec {
      api_version = "client.authentication.k8s.io/v1beta1"
      command     = "aws"
      args        = ["eks", "get-token", "--cluster-name", module.cluster.name]
    }
  }
}

module "decide" {
  source           = "./modules/decide"
  environment      = var.environment
  region           = var.region
  size             = var.size
  network_cidr     = var.network_cidr
  temporal_backend = var.temporal_backend
  temporal_cloud   = var.temporal_cloud
  job_source       = var.job_source
  encrypt_payloads = var.encrypt_payloads
  image_repository = var.image_repository
  spot             = var.spot
  source_hosts     = var.source_hosts
  charts           = var.charts
  admin_cidrs      = var.admin_cidrs
}

module "network" {
  source       = "./modules/network"
  name         = module.decide.name
  cidr         = module.decide.network.cidr
  subnets      = module.decide.network.subnets
  nat_gateways = module.decide.network.nat_gateways
}

module "cluster" {
  source          = "./modules/cluster"
  name            = module.decide.name
  subnet_ids      = module.network.private_subnet_ids
  on_demand_nodes = module.decide.cluster.on_demand_nodes
  spot_nodes      = module.decide.cluster.spot_nodes
  admin_cidrs     = module.decide.cluster.admin_cidrs
  service_cidr    = module.decide.cluster.service_cidr
}

module "storage" {
  source       = "./modules/storage"
  bucket       = module.decide.storage.bucket
  versioning   = module.decide.storage.versioning
  prefixes     = module.decide.storage.prefixes
  expire_days  = module.decide.storage.expire_days
  cluster_name = module.cluster.name
  queue_arns   = module.workers.queue_arns
}

module "temporal" {
  source      = "./modules/temporal"
  name        = module.decide.name
  settings    = module.decide.temporal
  chart       = module.decide.charts.temporal
  vpc_id      = module.network.vpc_id
  subnet_ids  = module.network.private_subnet_ids
  fence       = module.decide.fences.temporal
  store_ready = module.workers.store_ready

  nodes_security_group_id = module.cluster.nodes_security_group_id
}

module "workers" {
  source       = "./modules/workers"
  name         = module.decide.name
  region       = var.region
  cluster_name = module.cluster.name
  jobs         = module.decide.source
  charts       = module.decide.charts
  vpc_id       = module.network.vpc_id
  subnet_ids   = module.network.private_subnet_ids
  fence        = module.decide.fences.keda
  secret_arns  = module.temporal.secret_arns

  nodes_security_group_id = module.cluster.nodes_security_group_id
}
