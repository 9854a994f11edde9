# A network of public and private subnets. Pods live in the private ones and reach S3 without leaving it.

variable "name" { type = string }
variable "cidr" { type = string }
variable "subnets" { type = list(object({ public = string, private = string })) }
variable "nat_gateways" { type = number }

data "aws_availability_zones" "here" {
  state = "available"
  # Not the zones inside of cities that somebody opted in to.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

data "aws_region" "here" {}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

# What names no group of its own gets this one, which lets nothing through.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_subnet" "public" {
  count             = length(var.subnets)
  vpc_id            = aws_vpc.this.id
  cidr_block        = var.subnets[count.index].public
  availability_zone = data.aws_availability_zones.here.names[count.index]
  tags              = { Name = "${var.name}-public-${count.index}", "kubernetes.io/role/elb" = "1" }
}

resource "aws_subnet" "private" {
  count             = length(var.subnets)
  vpc_id            = aws_vpc.this.id
  cidr_block        = var.subnets[count.index].private
  availability_zone = data.aws_availability_zones.here.names[count.index]
  tags              = { Name = "${var.name}-private-${count.index}", "kubernetes.io/role/internal-elb" = "1" }
}

resource "aws_eip" "nat" {
  count  = var.nat_gateways
  domain = "vpc"
}

resource "aws_nat_gateway" "this" {
  count         = var.nat_gateways
  allocation_id = aws_eip.nat[count.index].id
  subnet_id     = aws_subnet.public[count.index].id
  depends_on    = [aws_internet_gateway.this]
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.this.id
  }
}

resource "aws_route_table" "private" {
  count  = length(var.subnets)
  vpc_id = aws_vpc.this.id
  route {
    cidr_block     = "0.0.0.0/0"
    nat_gateway_id = aws_nat_gateway.this[count.index % var.nat_gateways].id
  }
}

resource "aws_route_table_association" "public" {
  count          = length(var.subnets)
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table_association" "private" {
  count          = length(var.subnets)
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private[count.index].id
}

data "aws_caller_identity" "here" {}

# Media go to S3 by this way: through a NAT gateway every gigabyte would be paid for.
resource "aws_vpc_endpoint" "s3" {
  vpc_id          = aws_vpc.this.id
  service_name    = "com.amazonaws.${data.aws_region.here.name}.s3"
  route_table_ids = aws_route_table.private[*].id
  # Whoever takes over a pod cannot carry files off into a bucket of another account by this way. Reading is open: sources may
  # lie in other people's buckets, and the layers of images lie in one of AWS.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:*", Resource = "*" },
      {
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:Put*", "s3:Delete*", "s3:Create*", "s3:Restore*", "s3:Replicate*"]
        Resource  = "*"
        Condition = { StringNotEquals = { "aws:ResourceAccount" = data.aws_caller_identity.here.account_id } }
      },
    ]
  })
}

output "vpc_id" { value = aws_vpc.this.id }
output "private_subnet_ids" { value = aws_subnet.private[*].id }
