{{- /* What both charts refuse, and a schema cannot say. Each refusal is one sentence with what to write instead. */}}
{{- define "darkroom.checks" -}}
{{- range list
  (list "image.repository" .Values.image.repository "^[^:@\\s]+(:[0-9]+/[^:@\\s]+)?$" "a repository without tag or digest, for example registry.example.com/darkroom; the tag goes into image.tag")
  (list "image.digest" .Values.image.digest "^(sha256:[0-9a-f]{64})?$" "sha256: and 64 hexadecimal digits, as the registry shows it, or empty")
  (list "temporal.address" .Values.temporal.address "^$|^[^:/\\s]+:[0-9]{1,5}$|^\\[[0-9a-fA-F:]+\\]:[0-9]{1,5}$" "host:port without a scheme, for example temporal-frontend.temporal.svc.cluster.local:7233")
  (list "queuePrefix" .Values.queuePrefix "^[a-z0-9][a-z0-9-]*$" "small letters, digits and dashes, for example darkroom; the same in both charts")
  (list "storage.output" .Values.storage.output "^(s3://[^/]+.*)?$" "s3://bucket/prefix, or empty where each job names its own: a pod's disk goes with the pod")
  (list "storage.s3.endpoint" .Values.storage.s3.endpoint "^(https?://.+)?$" "the address of the store with its scheme, for example http://s3.storage.svc.cluster.local:9000, or empty for AWS")
-}}
  {{- include "darkroom.match" . -}}
{{- end -}}
{{- range .Values.storage.buckets -}}
  {{- include "darkroom.match" (list "an entry of storage.buckets" . "^[^/:\\s]+(/[^:]*)?$" "bucket or bucket/prefix without a scheme, for example media/incoming") -}}
{{- end -}}
{{- range .Values.storage.hosts -}}
  {{- include "darkroom.match" (list "an entry of storage.hosts" . "^([^/:\\s]+|\\[[0-9a-fA-F:]+\\])(:[0-9]{1,5})?$" "a host without a scheme or path, for example cdn.example.com or *.example.com") -}}
{{- end -}}
{{- if not .Values.temporal.address -}}
  {{- fail "temporal.address is empty: say where the Temporal frontend is, for example --set temporal.address=temporal-frontend.temporal.svc.cluster.local:7233." -}}
{{- end -}}
{{- $addresses := list
  (list "temporal.address" .Values.temporal.address "Name the frontend's Service, for example temporal-frontend.temporal.svc.cluster.local:7233.")
  (list "storage.s3.endpoint" .Values.storage.s3.endpoint "Name the store's Service, or leave it empty for AWS.")
  (list "tracing.endpoint" .Values.tracing.endpoint "Name the collector's Service.")
-}}
{{- range concat .Values.storage.hosts .Values.storage.privateHosts -}}
  {{- $addresses = append $addresses (list "an entry of storage.hosts or storage.privateHosts" . "Name the host as a pod reaches it.") -}}
{{- end -}}
{{- range $address := $addresses -}}
  {{- if regexMatch "(?i)(^|//|@)(([^/@:]*\\.)?localhost(\\.localdomain)?|127(\\.[0-9]+){1,3}|0(\\.0\\.0\\.0)?|\\[::1?\\]|\\[::ffff:127[0-9.]*\\])\\.?(:|/|$)" (index . 1) -}}
    {{- fail (printf "%s is %s: in a pod that is the pod itself. %s" (index . 0) (index . 1) (index . 2)) -}}
  {{- end -}}
  {{- with regexFind ":[0-9]+(/|$)" (index . 1) | trimPrefix ":" | trimSuffix "/" -}}
    {{- if or (lt (atoi .) 1) (gt (atoi .) 65535) -}}
      {{- fail (printf "%s is %s: a port is a number from 1 to 65535." (index $address 0) (index $address 1)) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- if and (eq .Values.image.tag "latest") (not .Values.image.digest) -}}
  {{- fail "image.tag is latest: it cannot be rolled back and starts different code on each node. Use the tag that the pipeline built." -}}
{{- end -}}
{{- include "darkroom.envChecks" (dict "root" . "at" "env" "env" .Values.env) -}}
{{- end }}

{{- /* Call with (list WHAT VALUE PATTERN EXPECTED). */}}
{{- define "darkroom.match" -}}
{{- if not (regexMatch (index . 2) (index . 1)) -}}
  {{- fail (printf "%s is %q: it has to be %s." (index . 0) (index . 1) (index . 3)) -}}
{{- end -}}
{{- end }}

{{- /* Variables that a person adds: none is a secret, and none misspells a name that Darkroom reads. files/env.example is
the repository's own, made from the table of variables. Call with (dict "root" $ "at" PATH "env" MAP). */}}
{{- define "darkroom.envChecks" -}}
{{- $known := regexFindAll "(?m)^#DARKROOM_[A-Z0-9_]+=" (.root.Files.Get "files/env.example") -1 -}}
{{- range $key, $value := .env -}}
  {{- if regexMatch "(KEY|SECRET|TOKEN|PASSWORD|REDIS_URL|ALERT_\\w+_URL)" $key -}}
    {{- fail (printf "%s.%s looks like a secret: put it into a Secret and name it in secrets.keys." $.at $key) -}}
  {{- end -}}
  {{- if and (regexMatch "^DARK_?RO+M_" $key) (not (has (printf "#%s=" $key) $known)) -}}
    {{- fail (printf "%s.%s is no variable of Darkroom, so the pods would refuse to start: .env.example lists every name." $.at $key) -}}
  {{- end -}}
{{- end -}}
{{- end }}
