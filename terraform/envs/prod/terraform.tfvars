# Production.
region           = "eu-central-1"
size             = "large"
network_cidr     = "10.30.0.0/16"
temporal_backend = "self-hosted"
job_source       = "http"
spot             = true
image_repository = "darkroom"

# Other people's charts, as looked at by you; there is no default.
# chart_versions = { temporal = "…", keda = "…", external_secrets = "…" }
