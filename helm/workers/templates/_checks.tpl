{{- /* What a schema cannot say. Each refusal is a sentence that tells what to do. */}}
{{- define "workers.checks" -}}
{{- range list
  (list "image.repository" .Values.image.repository "^[^:@\\s]+(:[0-9]+/[^:@\\s]+)?$" "a repository without tag or digest, for example registry.example.com/darkroom; the tag goes into image.tag")
  (list "image.digest" .Values.image.digest "^(sha256:[0-9a-f]{64})?$" "sha256: and 64 hexadecimal digits, as the registry shows it, or empty")
  (list "temporal.address" .Values.temporal.address "^$|^[^:/\\s]+:[0-9]{1,5}$|^\\[[0-9a-fA-F:]+\\]:[0-9]{1,5}$" "host:port without a scheme, for example temporal-frontend.temporal.svc.cluster.local:7233")
  (list "queuePrefix" .Values.queuePrefix "^[a-z0-9][a-z0-9-]*$" "small letters, digits and dashes, for example darkroom; the same in both charts")
  (list "storage.output" .Values.storage.output "^(s3://[^/]+.*)?$" "s3://bucket/prefix, or empty where each job names its own: a pod's disk goes with the pod")
  (list "storage.s3.endpoint" .Values.storage.s3.endpoint "^(https?://.+)?$" "the address of the store with its scheme, for example http://s3.storage.svc.cluster.local:9000, or empty for AWS")
-}}
  {{- if not (regexMatch (index . 2) (index . 1)) -}}
    {{- fail (printf "%s is %q: it has to be %s." (index . 0) (index . 1) (index . 3)) -}}
  {{- end -}}
{{- end -}}
{{- $local := "(^|//|@)(localhost|127\\.[0-9.]+|\\[::1\\]|0\\.0\\.0\\.0)(:|/|$)" -}}
{{- with .Values.temporal.address -}}
  {{- if regexMatch $local . -}}
    {{- fail (printf "temporal.address is %s: in a pod that is the pod itself. Name the frontend's Service, for example temporal-frontend.temporal.svc.cluster.local:7233." .) -}}
  {{- end -}}
{{- else -}}
  {{- fail "temporal.address is empty: say where the Temporal frontend is, for example --set temporal.address=temporal-frontend.temporal.svc.cluster.local:7233." -}}
{{- end -}}
{{- if regexMatch $local (.Values.storage.s3.endpoint | default "") -}}
  {{- fail (printf "storage.s3.endpoint is %s: in a pod that is the pod itself. Name the store's Service, or leave it empty for AWS." .Values.storage.s3.endpoint) -}}
{{- end -}}
{{- if regexMatch $local .Values.tracing.endpoint -}}
  {{- fail (printf "tracing.endpoint is %s: in a pod that is the pod itself. Name the collector's Service." .Values.tracing.endpoint) -}}
{{- end -}}
{{- if and (eq .Values.image.tag "latest") (not .Values.image.digest) -}}
  {{- fail "image.tag is latest: it cannot be rolled back and starts different code on each node. Use the tag that the pipeline built." -}}
{{- end -}}
{{- if and .Values.secrets.keys (not .Values.secrets.name) (not .Values.secrets.external.enabled) -}}
  {{- fail "secrets.keys names keys, but no Secret: set secrets.name to one that exists, or secrets.external.enabled." -}}
{{- end -}}
{{- if and .Values.secrets.external.enabled (not (and .Values.secrets.external.store.name .Values.secrets.external.path .Values.secrets.keys)) -}}
  {{- fail "secrets.external is enabled: it needs secrets.external.store.name, secrets.external.path and secrets.keys." -}}
{{- end -}}
{{- range $key, $value := .Values.env -}}
  {{- if regexMatch "(KEY|SECRET|TOKEN|PASSWORD|REDIS_URL)" $key -}}
    {{- fail (printf "env.%s looks like a secret: put it into a Secret and name it in secrets.keys." $key) -}}
  {{- end -}}
{{- end -}}
{{- if and .Values.versioning.enabled (hasKey .Values.env "DARKROOM_BUILD_ID") -}}
  {{- fail "env.DARKROOM_BUILD_ID is set with versioning.enabled, which takes the build from the image's tag: remove it." -}}
{{- end -}}
{{- range $name, $own := .Values.pools -}}
  {{- $pool := include "workers.pool" (dict "root" $ "name" $name) | fromYaml -}}
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
