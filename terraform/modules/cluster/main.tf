# The cluster: machines on demand for what decides and holds state, spot machines for what encodes.

variable "name" { type = string }
variable "subnet_ids" { type = list(string) }
variable "on_demand_nodes" { type = number }
variable "spot_nodes" { type = number }
# Networks outside that may reach the API server; none: only from inside the network.
variable "admin_cidrs" { type = list(string) }
# Addresses of the cluster's Services, which network policies name.
variable "service_cidr" { type = string }

# Encrypts the cluster's Secrets once more, with a key whose use is logged.
resource "aws_kms_key" "secrets" {
  description         = "Secrets of ${var.name}"
  enable_key_rotation = true
}

data "aws_iam_policy_document" "assume" {
  for_each = { cluster = "eks.amazonaws.com", node = "ec2.amazonaws.com" }
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = [each.value]
    }
  }
}

resource "aws_iam_role" "this" {
  for_each           = data.aws_iam_policy_document.assume
  name               = "${var.name}-${each.key}"
  assume_role_policy = each.value.json
}

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.this["cluster"].name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each   = toset(["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly"])
  role       = aws_iam_role.this["node"].name
  policy_arn = "arn:aws:iam::aws:policy/${each.value}"
}

resource "aws_eks_cluster" "this" {
  name                      = var.name
  role_arn                  = aws_iam_role.this["cluster"].arn
  enabled_cluster_log_types = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
  vpc_config {
    subnet_ids              = var.subnet_ids
    endpoint_private_access = true
    endpoint_public_access  = length(var.admin_cidrs) > 0
    public_access_cidrs     = length(var.admin_cidrs) > 0 ? var.admin_cidrs : null
  }
  kubernetes_network_config { service_ipv4_cidr = var.service_cidr }
  encryption_config {
    resources = ["secrets"]
    provider { key_arn = aws_kms_key.secrets.arn }
  }
  access_config {
    authentication_mode = "API"
    # Whoever applies this also deploys the charts.
    bootstrap_cluster_creator_admin_permissions = true
  }
  depends_on = [aws_iam_role_policy_attachment.cluster]
}

# Gives pods their role without keys.
resource "aws_eks_addon" "pod_identity" {
  cluster_name = aws_eks_cluster.this.name
  addon_name   = "eks-pod-identity-agent"
  depends_on   = [aws_eks_node_group.on_demand]
}

# The network plug-in enforces NetworkPolicy only when it is told to: without this, the policies of the charts do nothing. It
# comes before the machines, so that no pod runs without it.
resource "aws_eks_addon" "vpc_cni" {
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = "vpc-cni"
  configuration_values        = jsonencode({ enableNetworkPolicy = "true" })
  resolve_conflicts_on_create = "OVERWRITE"
}

resource "aws_launch_template" "nodes" {
  name_prefix = "${var.name}-nodes-"
  # The metadata service hands out the machine's own role. One hop: no pod reaches it, whatever a network policy says.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  # Room for the scratch of a video pod (60 GiB) and of image pods beside it.
  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size = 160
      volume_type = "gp3"
      encrypted   = true
    }
  }
}

resource "aws_eks_node_group" "on_demand" {
  cluster_name    = aws_eks_cluster.this.name
  node_group_name = "on-demand"
  node_role_arn   = aws_iam_role.this["node"].arn
  subnet_ids      = var.subnet_ids
  instance_types  = ["m7i.xlarge"]
  scaling_config {
    min_size     = 1
    desired_size = var.on_demand_nodes
    max_size     = var.on_demand_nodes * 2
  }
  launch_template {
    id      = aws_launch_template.nodes.id
    version = aws_launch_template.nodes.latest_version
  }
  depends_on = [aws_iam_role_policy_attachment.node, aws_eks_addon.vpc_cni]
}

resource "aws_eks_node_group" "spot" {
  count           = var.spot_nodes > 0 ? 1 : 0
  cluster_name    = aws_eks_cluster.this.name
  node_group_name = "spot"
  node_role_arn   = aws_iam_role.this["node"].arn
  subnet_ids      = var.subnet_ids
  capacity_type   = "SPOT"
  # Several types: the more markets, the fewer interruptions.
  instance_types = ["c7i.2xlarge", "c6i.2xlarge", "c7a.2xlarge", "m7i.2xlarge"]
  # The label that the pools of helm/workers prefer.
  labels = { "karpenter.sh/capacity-type" = "spot" }
  scaling_config {
    min_size     = 0
    desired_size = 0
    max_size     = var.spot_nodes
  }
  launch_template {
    id      = aws_launch_template.nodes.id
    version = aws_launch_template.nodes.latest_version
  }
  lifecycle {
    # The autoscaler's business.
    ignore_changes = [scaling_config[0].desired_size]
  }
  depends_on = [aws_iam_role_policy_attachment.node, aws_eks_addon.vpc_cni]
}

output "name" { value = aws_eks_cluster.this.name }
output "endpoint" { value = aws_eks_cluster.this.endpoint }
# The group of the machines, and so of the pods: what holds state lets nothing else in.
output "nodes_security_group_id" { value = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id }
output "certificate" { value = aws_eks_cluster.this.certificate_authority[0].data }
