{{- /* What a schema cannot say. Each refusal is a sentence that tells what to do. */}}
{{- define "starter.checks" -}}
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
{{- if and (not .Values.secrets.name) (not .Values.secrets.external.enabled) -}}
  {{- fail "no Secret is named: the API needs DARKROOM_API_KEYS (docs/api.md). Set secrets.name to one that exists, or secrets.external.enabled." -}}
{{- end -}}
{{- if and .Values.secrets.external.enabled (not (and .Values.secrets.external.store.name .Values.secrets.external.path)) -}}
  {{- fail "secrets.external is enabled: it needs secrets.external.store.name and secrets.external.path." -}}
{{- end -}}
{{- range $key, $value := .Values.env -}}
  {{- if regexMatch "(KEY|SECRET|TOKEN|PASSWORD|REDIS_URL)" $key -}}
    {{- fail (printf "env.%s looks like a secret: put it into a Secret and name it in secrets.keys." $key) -}}
  {{- end -}}
{{- end -}}
{{- if not (lt (int .Values.shutdown.force) (sub (int .Values.shutdown.termination) 5 | int)) -}}
  {{- fail (printf "shutdown is force %d, termination %d: termination has to be more than force and five seconds, or requests are cut off that were promised an answer." (int .Values.shutdown.force) (int .Values.shutdown.termination)) -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
  {{- fail "ingress.host is empty: name the host that people use." -}}
{{- end -}}
{{- end }}
