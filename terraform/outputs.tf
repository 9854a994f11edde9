output "cluster_name" {
  value = module.cluster.name
}

output "workers_values" {
  description = "For helm/workers; ci/deploy.sh passes it on."
  value       = yamlencode(module.decide.workers_values)
}

output "starter_values" {
  description = "For helm/starter, with the queue's address where there is one."
  value = yamlencode(merge(module.decide.starter_values, {
    env = merge(module.decide.starter_values.env, module.workers.source_env)
  }))
}
