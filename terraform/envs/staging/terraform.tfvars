# Staging: as production, smaller.
region           = "eu-central-1"
size             = "medium"
network_cidr     = "10.20.0.0/16"
temporal_backend = "self-hosted"
job_source       = "http"
spot             = true
image_repository = "darkroom"

# Other people's charts, as looked at by you; there is no default.
# chart_versions = { temporal = "…", keda = "…", external_secrets = "…" }
