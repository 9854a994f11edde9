# Who reaches whom in the namespaces that other people's charts fill. What no rule names is denied, both ways.

locals {
  fence_name = "darkroom-fence"
  # Of the cluster's Services; EKS takes it as its own, so that policies can name it.
  service_cidr = "172.20.0.0/16"
  in_namespace = {
    for name in ["darkroom", "keda", "monitoring", "temporal"] :
    name => { namespaceSelector = { matchLabels = { "kubernetes.io/metadata.name" = name } } }
  }

  # Its own parts, and names.
  inside = { podSelector = {} }
  dns = {
    to    = [{ namespaceSelector = { matchLabels = { "kubernetes.io/metadata.name" = "kube-system" } }, podSelector = { matchLabels = { "k8s-app" = "kube-dns" } } }]
    ports = [{ port = 53, protocol = "UDP" }, { port = 53, protocol = "TCP" }]
  }

  # The frontend answers Darkroom and KEDA; the server reaches its database and nothing else.
  temporal_fence = {
    podSelector = {}
    policyTypes = ["Ingress", "Egress"]
    ingress = [
      { from = [local.inside], ports = null },
      { from = [local.in_namespace.darkroom, local.in_namespace.keda], ports = [{ port = 7233, protocol = "TCP" }] },
      { from = [local.in_namespace.monitoring], ports = [{ port = 9090, protocol = "TCP" }] },
    ]
    egress = [
      { to = [local.inside], ports = null },
      local.dns,
      { to = [{ ipBlock = { cidr = var.network_cidr } }], ports = [{ port = 5432, protocol = "TCP" }] },
    ]
  }

  # The API server calls the metrics adapter and the webhooks, from its own interfaces in the network's subnets. KEDA asks it,
  # Temporal for backlogs, and the starter for open items.
  keda_fence = {
    podSelector = {}
    policyTypes = ["Ingress", "Egress"]
    ingress = [
      { from = [local.inside], ports = null },
      { from = [{ ipBlock = { cidr = var.network_cidr } }], ports = [for port in [6443, 9443] : { port = port, protocol = "TCP" }] },
      { from = [local.in_namespace.monitoring], ports = [{ port = 8080, protocol = "TCP" }] },
    ]
    egress = [
      { to = [local.inside], ports = null },
      local.dns,
      { to = [for cidr in [var.network_cidr, local.service_cidr] : { ipBlock = { cidr = cidr } }], ports = [{ port = 443, protocol = "TCP" }] },
      { to = local.self_hosted ? [local.in_namespace.temporal] : null, ports = [{ port = 7233, protocol = "TCP" }] },
      { to = [local.in_namespace.darkroom], ports = [{ port = 8080, protocol = "TCP" }] },
    ]
  }
}
