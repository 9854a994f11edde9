# `terraform test` in modules/decide: no provider, no network.

variables {
  environment      = "dev"
  region           = "eu-central-1"
  size             = "small"
  network_cidr     = "10.10.0.0/16"
  temporal_backend = "self-hosted"
  job_source       = "http"
  image_repository = "darkroom"
  charts = {
    temporal         = { chart = "oci://registry.example.com/temporal", version = "1.2.3" }
    keda             = { chart = "./charts/keda-2.21.0.tgz" }
    external_secrets = { chart = "oci://registry.example.com/external-secrets", version = "1.2.3" }
  }
}

run "self_hosted" {
  command = plan
  assert {
    condition     = output.temporal.create_database && output.temporal.create_release
    error_message = "self-hosted Temporal needs its database and its server"
  }
  assert {
    condition     = output.temporal.scaler_auth == "none" && output.temporal.metrics_source == "service-monitor"
    error_message = "a server in the cluster is scraped there and asks for no key"
  }
  assert {
    condition     = !output.workers_values.temporal.tls.enabled && !contains(output.workers_values.secrets.keys, "TEMPORAL_API_KEY")
    error_message = "nothing secret is needed to reach a Temporal inside the cluster"
  }
}

run "cloud" {
  command = plan
  variables {
    temporal_backend = "cloud"
    temporal_cloud   = { address = "eu-central-1.aws.api.temporal.io:7233", namespace = "darkroom.abc12" }
  }
  assert {
    condition     = !output.temporal.create_database && !output.temporal.create_release && output.temporal.database == null
    error_message = "Temporal Cloud brings database and server"
  }
  assert {
    condition     = output.temporal.scaler_auth == "api-key" && output.temporal.metrics_source == "cloud-openmetrics"
    error_message = "scaler and metrics follow the same variable"
  }
  assert {
    condition = alltrue([
      for values in [output.workers_values, output.starter_values] :
      values.temporal.tls.enabled && values.temporal.namespace == "darkroom.abc12" && contains(values.secrets.keys, "TEMPORAL_API_KEY")
    ])
    error_message = "both charts connect by TLS with the key"
  }
}

run "encrypted_payloads" {
  command = plan
  variables { encrypt_payloads = true }
  assert {
    condition = alltrue([
      for values in [output.workers_values, output.starter_values] :
      contains(values.secrets.keys, "DARKROOM_PAYLOAD_KEYS")
    ])
    error_message = "who encrypts and who decrypts need the same keys"
  }
}

run "both_charts_find_their_secrets" {
  command = plan
  assert {
    condition = alltrue([
      for values in [output.workers_values, output.starter_values] :
      values.secrets.external.enabled && contains(values.secrets.keys, "DARKROOM_WEBHOOK_SECRET")
    ]) && length(setsubtract(["DARKROOM_API_KEYS", "DARKROOM_SESSION_SECRET"], output.starter_values.secrets.keys)) == 0
    error_message = "without the API's keys the starter's chart is refused, without the webhooks' secret callbacks are"
  }
}

run "the_store_is_that_of_the_cloud" {
  command = plan
  assert {
    condition     = output.workers_values.storage.s3.endpoint == "" && output.workers_values.networkPolicy.podIdentity && length(output.workers_values.networkPolicy.storageTo) == 0
    error_message = "whatever the chart's values for a cluster at home say"
  }
}

run "cloud_needs_no_chart_of_temporal" {
  command = plan
  variables {
    temporal_backend = "cloud"
    temporal_cloud   = { address = "eu-central-1.aws.api.temporal.io:7233", namespace = "darkroom.abc12" }
    charts = {
      keda             = { chart = "/charts/keda" }
      external_secrets = { chart = "/charts/external-secrets" }
    }
  }
  assert {
    condition     = output.charts.temporal == null
    error_message = "nothing of Temporal is installed"
  }
}

run "self_hosted_needs_the_chart_of_temporal" {
  command = plan
  variables {
    charts = {
      keda             = { chart = "/charts/keda" }
      external_secrets = { chart = "/charts/external-secrets" }
    }
  }
  expect_failures = [var.charts]
}

run "refuses_a_chart_without_a_version" {
  command = plan
  variables {
    charts = {
      temporal         = { chart = "oci://registry.example.com/temporal" }
      keda             = { chart = "/charts/keda" }
      external_secrets = { chart = "/charts/external-secrets" }
    }
  }
  expect_failures = [var.charts]
}

run "refuses_no_charts" {
  command = plan
  variables {
    charts = null
  }
  expect_failures = [var.charts]
}

run "refuses_addresses_for_hosts" {
  command = plan
  variables {
    source_hosts = ["https://cdn.example.com"]
  }
  expect_failures = [var.source_hosts]
}

run "refuses_the_whole_internet" {
  command = plan
  variables {
    admin_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.admin_cidrs]
}

run "cloud_needs_its_address" {
  command = plan
  variables {
    temporal_backend = "cloud"
  }
  expect_failures = [var.temporal_backend]
}

run "http" {
  command = plan
  assert {
    condition     = !output.source.create_redis && !output.source.create_sqs && length(output.starter_values.env) == 0
    error_message = "the HTTP API needs nothing beside it"
  }
}

run "redis" {
  command = plan
  variables {
    job_source = "redis"
  }
  assert {
    condition     = output.source.create_redis && !output.source.create_sqs
    error_message = "redis and nothing else"
  }
  assert {
    condition     = output.starter_values.env.DARKROOM_JOB_SOURCE == "redis" && contains(output.starter_values.secrets.keys, "DARKROOM_REDIS_URL") && length(output.starter_values.networkPolicy.extraEgress) == 1
    error_message = "the starter reads redis, whose address is a secret"
  }
  assert {
    condition     = !contains(output.workers_values.secrets.keys, "DARKROOM_REDIS_URL")
    error_message = "workers have no use for it"
  }
}

run "sqs" {
  command = plan
  variables {
    job_source = "sqs"
  }
  assert {
    condition     = output.source.create_sqs && !output.source.create_redis
    error_message = "sqs and nothing else"
  }
  assert {
    condition     = output.starter_values.env.DARKROOM_JOB_SOURCE == "sqs" && !contains(output.starter_values.secrets.keys, "DARKROOM_REDIS_URL") && length(output.starter_values.networkPolicy.extraEgress) == 0
    error_message = "the queue is reached by the pod's role, without a key"
  }
}

run "small_has_one_of_everything" {
  command = plan
  assert {
    condition     = length(output.network.subnets) == 2 && output.network.nat_gateways == 1 && !output.temporal.database.multi_az
    error_message = "nothing is doubled but the subnets, which EKS and RDS demand"
  }
}

run "large_survives_a_zone" {
  command = plan
  variables {
    size = "large"
  }
  assert {
    condition     = length(output.network.subnets) == 3 && output.network.nat_gateways == 3
    error_message = "three zones, each with its way out"
  }
  assert {
    condition     = output.temporal.database.multi_az && output.temporal.database.protected && output.source.replicas == 2
    error_message = "what holds state is doubled"
  }
  assert {
    condition     = length(distinct(flatten([for subnet in output.network.subnets : [subnet.public, subnet.private]]))) == 6
    error_message = "subnets must differ"
  }
}

run "without_spot" {
  command = plan
  variables {
    spot = false
  }
  assert {
    condition     = output.cluster.spot_nodes == 0 && !output.workers_values.pools.image.spot.enabled
    error_message = "no spot machines, and no pool that prefers them"
  }
}

run "refuses_other_backends" {
  command = plan
  variables {
    temporal_backend = "aws"
  }
  expect_failures = [var.temporal_backend]
}

run "refuses_other_sources" {
  command = plan
  variables {
    job_source = "kafka"
  }
  expect_failures = [var.job_source]
}

run "refuses_a_tag" {
  command = plan
  variables {
    image_repository = "darkroom:latest"
  }
  expect_failures = [var.image_repository]
}

run "refuses_a_small_network" {
  command = plan
  variables {
    network_cidr = "10.0.0.0/24"
  }
  expect_failures = [var.network_cidr]
}

run "refuses_a_name_that_no_bucket_may_have" {
  command = plan
  variables {
    environment = "Dev_1"
  }
  expect_failures = [var.environment]
}
