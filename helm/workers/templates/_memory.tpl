{{- /* MiB that a worker needs, as workers/slots.ts has them and a test compares: the process itself, and one slot of a queue: with
every ordinary input, and at least, which a single slot may get. `once`: for all slots together. */}}
{{- define "workers.memoryNeeds" -}}
worker: 512
image: { variable: DARKROOM_IMAGE_MAX_RSS, ordinary: 1024, least: 512, once: false }
video: { variable: DARKROOM_FFMPEG_MAX_MEMORY, ordinary: 2048, least: 1024, once: false }
models: { variable: DARKROOM_MODEL_MEMORY, ordinary: 1024, least: 1024, once: true }
{{- end }}

{{- /* MiB of a quantity of Kubernetes (6Gi) or of a size of Darkroom (2GiB); empty for a notation that is not known here. */}}
{{- define "workers.mib" -}}
{{- $text := kindIs "string" . | ternary . (printf "%.0f" (float64 .)) -}}
{{- $mib := dict "" 9.5367431640625e-07 "k" 0.00095367431640625 "M" 0.95367431640625 "G" 953.67431640625 "T" 953674.31640625 "Ki" 0.0009765625 "Mi" 1.0 "Gi" 1024.0 "Ti" 1048576.0 -}}
{{- $unit := regexFind "[A-Za-z]*$" $text | trimSuffix "B" -}}
{{- if and (regexMatch "^[0-9]+(\\.[0-9]+)?[A-Za-z]*$" $text) (hasKey $mib $unit) -}}
{{ mulf (regexFind "^[0-9.]+" $text | float64) (get $mib $unit) | printf "%.0f" }}
{{- end -}}
{{- end }}

{{- /* Refuses a pool whose slots cannot have their memory, as its workers would do at their start. Call with (dict "root" $ "name"
NAME "pool" POOL). */}}
{{- define "workers.memoryCheck" -}}
{{- $needs := include "workers.memoryNeeds" . | fromYaml -}}
{{- $env := mergeOverwrite (deepCopy .root.Values.env) (deepCopy .pool.env) -}}
{{- $sum := int $needs.worker -}}
{{- $parts := list -}}
{{- $variables := list -}}
{{- range $queue := .pool.queues -}}
  {{- with index $needs $queue -}}
    {{- $slots := .once | ternary 1 (max 1 (int $.pool.slots)) -}}
    {{- $each := le (int $slots) 1 | ternary .least .ordinary | int -}}
    {{- $asked := get $env .variable -}}
    {{- if not (has (toString $asked) (list "" "0")) -}}
      {{- $each = include "workers.mib" $asked | default $each | int -}}
    {{- end -}}
    {{- $sum = add $sum (mul $slots $each) -}}
    {{- $parts = append $parts (printf "%d %s slot%s x %d MiB" $slots $queue (eq (int $slots) 1 | ternary "" "s") $each) -}}
    {{- $variables = append $variables .variable -}}
  {{- end -}}
{{- end -}}
{{- $limits := .pool.resources.limits | default dict -}}
{{- $memory := get $limits "memory" | default "" -}}
{{- $limit := "" -}}
{{- if $memory }}{{ $limit = include "workers.mib" $memory }}{{ end -}}
{{- if and $parts $limit (gt (int $sum) (int $limit)) -}}
  {{- fail (printf "pools.%s: the memory does not add up: %s + %d MiB for the worker itself = %d MiB, but resources.limits.memory is %v (%s MiB). Lower pools.%s.slots or %s, or raise the limit." .name (join " + " $parts) (int $needs.worker) $sum $memory $limit .name (join " or " $variables)) -}}
{{- end -}}
{{- end }}
