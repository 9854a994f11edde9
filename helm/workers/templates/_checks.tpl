{{- /* What a schema cannot say, beside the checks of both charts. Each refusal is a sentence that tells what to do. */}}
{{- define "workers.checks" -}}
{{- include "darkroom.checks" . -}}
{{- if and .Values.secrets.keys (not .Values.secrets.name) (not .Values.secrets.external.enabled) -}}
  {{- fail "secrets.keys names keys, but no Secret: set secrets.name to one that exists, or secrets.external.enabled." -}}
{{- end -}}
{{- if and .Values.secrets.external.enabled (not (and .Values.secrets.external.store.name .Values.secrets.external.path .Values.secrets.keys)) -}}
  {{- fail "secrets.external is enabled: it needs secrets.external.store.name, secrets.external.path and secrets.keys." -}}
{{- end -}}
{{- if and .Values.versioning.enabled (not (include "workers.staging" .)) -}}
  {{- fail "versioning.enabled needs storage.output or test.staging, s3://bucket/prefix: a new build is tried with samples that its workers read there." -}}
{{- end -}}
{{- if and .Values.versioning.enabled (hasKey .Values.env "DARKROOM_BUILD_ID") -}}
  {{- fail "env.DARKROOM_BUILD_ID is set with versioning.enabled, which takes the build from the image's tag: remove it." -}}
{{- end -}}
{{- range $name, $own := .Values.pools -}}
  {{- $pool := include "workers.pool" (dict "root" $ "name" $name) | fromYaml -}}
  {{- if not $pool.queues -}}
    {{- fail (printf "pools.%s has no queues: a pool of your own names them, for example queues: [image]. The pools that have theirs are workflows, image, video and models." $name) -}}
  {{- end -}}
  {{- include "darkroom.envChecks" (dict "root" $ "at" (printf "pools.%s.env" $name) "env" $pool.env) -}}
  {{- include "workers.memoryCheck" (dict "root" $ "name" $name "pool" $pool) -}}
  {{- with $pool.shutdown -}}
    {{- if not (and (lt (int .grace) (int .force)) (lt (int .force) (int .termination))) -}}
      {{- fail (printf "pools.%s.shutdown is grace %d, force %d, termination %d: each has to be more than the one before, or work is killed that was promised time to finish." $name (int .grace) (int .force) (int .termination)) -}}
    {{- end -}}
  {{- end -}}
  {{- with $pool.scaling -}}
    {{- if gt (int .min) (int .max) -}}
      {{- fail (printf "pools.%s.scaling.min is %d, more than max (%d)." $name (int .min) (int .max)) -}}
    {{- end -}}
    {{- if and $.Values.versioning.enabled $pool.enabled (eq .type "keda") (lt (int .min) 1) -}}
      {{- fail (printf "pools.%s.scaling.min is 0 with versioning.enabled: a build gets items only once a pod of each pool has asked for some. Set it to 1, or turn versioning off." $name) -}}
    {{- end -}}
    {{- if and (eq .type "hpa") (lt (int .min) 1) -}}
      {{- fail (printf "pools.%s.scaling.min is 0 with type hpa: a plain HPA cannot come back from zero. Set min to 1, or type to keda." $name) -}}
    {{- end -}}
  {{- end -}}
  {{- if and (gt (int $pool.spot.floor) 0) (not $pool.spot.enabled) -}}
    {{- fail (printf "pools.%s.spot.floor is %d, but spot is not enabled: set pools.%s.spot.enabled, or use scaling.min." $name (int $pool.spot.floor) $name) -}}
  {{- end -}}
{{- end -}}
{{- end }}
