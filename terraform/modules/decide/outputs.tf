output "name" {
  description = "Prefix of everything in this environment."
  value       = local.name
}

output "network" {
  description = "Zones and subnets; one NAT gateway a zone where things are doubled."
  value = {
    cidr         = var.network_cidr
    subnets      = local.subnets
    nat_gateways = local.redundant ? local.size.zones : 1
  }
}

output "cluster" {
  description = "Node groups. Spot machines carry the taint and label that the chart's pools tolerate and prefer."
  value = {
    on_demand_nodes = local.size.on_demand
    admin_cidrs     = var.admin_cidrs
    spot_nodes      = var.spot ? local.size.spot : 0
    service_cidr    = local.service_cidr
  }
}

output "storage" {
  description = "The bucket of sources and outputs: what lies where, and how long."
  value = {
    bucket     = local.bucket
    versioning = local.redundant
    prefixes   = local.prefixes
    # Uploads are sources: after this long a job that names one can no longer be repeated.
    expire_days = { (local.prefixes.samples) = 7, (local.prefixes.uploads) = 90 }
  }
}

output "temporal" {
  description = "What the one variable temporal_backend switches."
  value = {
    create_database = local.self_hosted
    create_release  = local.self_hosted
    database = local.self_hosted ? {
      class      = local.size.database
      storage_gb = local.size.storage_gb
      multi_az   = local.redundant
      protected  = local.redundant
    } : null
    address        = local.temporal.address
    namespace      = local.temporal.namespace
    tls            = local.temporal.tls
    secret_keys    = local.temporal.secret_keys
    scaler_auth    = local.temporal.scaler_auth
    metrics_source = local.temporal.metrics_source
  }
}

output "source" {
  description = "What the one variable job_source switches."
  value = {
    create_redis = var.job_source == "redis"
    create_sqs   = var.job_source == "sqs"
    replicas     = local.redundant ? 2 : 1
    env          = local.source_env
    secret_keys  = local.source_secret_keys
  }
}

output "workers_values" {
  description = "Values of helm/workers that follow from the switches."
  value = merge(local.common_values, {
    secrets = local.secrets
    pools = {
      image = { scaling = { max = local.size.image_pods }, spot = { enabled = var.spot } }
      video = { scaling = { max = local.size.video_pods }, spot = { enabled = var.spot, floor = local.redundant ? 1 : 0 } }
    }
  })
}

output "starter_values" {
  description = "Values of helm/starter that follow from the switches."
  value = merge(local.common_values, {
    secrets = {
      keys     = concat(["DARKROOM_API_KEYS", "DARKROOM_SESSION_SECRET"], local.secret_keys, local.source_secret_keys)
      external = local.secrets.external
    }
    env           = local.source_env
    networkPolicy = merge(local.common_values.networkPolicy, { extraEgress = local.source_egress })
  })
}

output "fences" {
  description = "Network policies of the namespaces that are not Darkroom's own; the charts bring those of darkroom."
  value       = { temporal = { (local.fence_name) = local.temporal_fence }, keda = { (local.fence_name) = local.keda_fence } }
}

output "charts" {
  description = "Other people's charts; temporal is null where Temporal is not ours to run."
  value       = merge(var.charts, { temporal = local.self_hosted ? var.charts.temporal : null })
}
