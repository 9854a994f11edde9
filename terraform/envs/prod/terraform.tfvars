# Production.
region           = "eu-central-1"
size             = "large"
network_cidr     = "10.30.0.0/16"
temporal_backend = "self-hosted"
job_source       = "http"
spot             = true
image_repository = "darkroom"
# From where the cluster's API may be reached (you, the pipeline); with none, only by a way into the network.
admin_cidrs = []

# Other people's charts, as looked at by you; there is no default. A path, or oci://… with its version.
# charts = {
#   temporal         = { chart = "oci://REGISTRY/temporal", version = "…" }
#   keda             = { chart = "oci://REGISTRY/keda", version = "…" }
#   external_secrets = { chart = "oci://REGISTRY/external-secrets", version = "…" }
# }
