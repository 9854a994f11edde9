# Every decision of the deployment, without a provider: numbers and names in, facts out. So it is tested offline, and the
# modules with providers only do what they are told.

locals {
  name        = "darkroom-${var.environment}"
  self_hosted = var.temporal_backend == "self-hosted"
  bucket      = "${local.name}-media"
  # Where the programs put what they write: workers outputs, the starter uploads, trials of a deployment their samples.
  prefixes = { outputs = "out/", uploads = "out/_uploads/", samples = "out/_helm-test/" }

  # EKS and RDS want subnets in two zones even where nothing is doubled.
  sizes = {
    small  = { zones = 2, redundant = false, on_demand = 2, spot = 4, database = "db.t4g.small", storage_gb = 20, image_pods = 4, video_pods = 2 }
    medium = { zones = 3, redundant = true, on_demand = 3, spot = 12, database = "db.m7g.large", storage_gb = 100, image_pods = 16, video_pods = 8 }
    large  = { zones = 3, redundant = true, on_demand = 6, spot = 60, database = "db.r7g.xlarge", storage_gb = 500, image_pods = 60, video_pods = 40 }
  }
  size      = local.sizes[var.size]
  redundant = local.size.redundant

  # The subnets' places inside the /16: public ones are small, private ones hold an address for every pod.
  subnets = [for zone in range(local.size.zones) : {
    public  = cidrsubnet(var.network_cidr, 8, zone)
    private = cidrsubnet(var.network_cidr, 4, zone + 1)
  }]

  # The two switches, each in one place.
  temporal = local.self_hosted ? {
    address        = "temporal-frontend.temporal.svc.cluster.local:7233"
    namespace      = "default"
    tls            = false
    secret_keys    = []
    scaler_auth    = "none"
    metrics_source = "service-monitor"
    } : {
    address        = var.temporal_cloud.address
    namespace      = var.temporal_cloud.namespace
    tls            = true
    secret_keys    = ["TEMPORAL_API_KEY"]
    scaler_auth    = "api-key"
    metrics_source = "cloud-openmetrics"
  }

  source_env = {
    http  = {}
    redis = { DARKROOM_JOB_SOURCE = "redis" }
    sqs   = { DARKROOM_JOB_SOURCE = "sqs" }
  }[var.job_source]
  # A Redis address carries its password, so it is a secret; a queue's address is none.
  source_secret_keys = var.job_source == "redis" ? ["DARKROOM_REDIS_URL"] : []
  # Redis is inside the network, where a pod may not go unless it is said. SQS is an address like any other.
  source_egress = [for port in var.job_source == "redis" ? [6379] : [] : {
    ports = [{ port = port, protocol = "TCP" }]
    to    = [{ ipBlock = { cidr = var.network_cidr } }]
  }]

  # One entry of the secret store for an environment, by which webhooks are signed in each.
  secret_keys = concat(
    ["DARKROOM_WEBHOOK_SECRET"],
    local.temporal.secret_keys,
    var.encrypt_payloads ? ["DARKROOM_PAYLOAD_KEYS"] : [],
  )
  secrets = {
    keys     = local.secret_keys
    external = { enabled = true, store = { name = "aws-secrets-manager" }, path = local.name }
  }

  common_values = {
    image       = { repository = var.image_repository }
    queuePrefix = "darkroom"
    temporal = {
      address   = local.temporal.address
      namespace = local.temporal.namespace
      tls       = { enabled = local.temporal.tls }
    }
    storage = {
      output  = "s3://${local.bucket}/${trimsuffix(local.prefixes.outputs, "/")}"
      buckets = [local.bucket]
      hosts   = var.source_hosts
      # AWS itself, by the pod's role: whatever the chart's own values for a cluster at home say.
      s3 = { region = var.region, endpoint = "", forcePathStyle = false }
    }
    networkPolicy = {
      podIdentity = true
      temporalTo  = local.self_hosted ? [local.in_namespace.temporal] : []
      # The store is AWS: no pod needs a private address for it.
      storageTo = []
    }
  }
}
