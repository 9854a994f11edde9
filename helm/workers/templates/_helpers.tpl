{{- /* <release>, the prefix of every name. */}}
{{- define "workers.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "workers.labels" -}}
app.kubernetes.io/name: darkroom
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "workers.selector" -}}
app.kubernetes.io/name: darkroom
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "workers.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "workers.name" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}

{{- define "workers.secret" -}}
{{ .Values.secrets.name | default (printf "%s-secrets" (include "workers.name" .)) }}
{{- end }}

{{- define "workers.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* One pool, complete: poolDefaults with what the pool says over them. Call with (dict "root" $ "name" NAME). */}}
{{- define "workers.pool" -}}
{{- $pool := index .root.Values.pools .name -}}
{{- mustMergeOverwrite (deepCopy .root.Values.poolDefaults) (deepCopy $pool) | toYaml -}}
{{- end }}

{{- /* Buckets that may be named: the list, and that of the default output. */}}
{{- define "workers.buckets" -}}
{{- $buckets := .Values.storage.buckets -}}
{{- range list .Values.storage.output .Values.test.staging -}}
{{- if hasPrefix "s3://" . -}}
{{- $buckets = append $buckets (trimPrefix "s3://" . | splitList "/" | first) -}}
{{- end -}}
{{- end -}}
{{ $buckets | uniq | join "," }}
{{- end }}

{{- /* Prefix for the samples of `helm test` and of a rollout; empty where neither values nor outputs name a store. */}}
{{- define "workers.staging" -}}
{{- if .Values.test.staging -}}
{{ .Values.test.staging }}
{{- else if hasPrefix "s3://" .Values.storage.output -}}
{{ trimSuffix "/" .Values.storage.output }}/_helm-test
{{- end -}}
{{- end }}

{{- /* With versions: the image's tag or digest as one word, which names the build to Temporal and its objects here. */}}
{{- define "workers.build" -}}
{{- $image := .Values.image.digest | trimPrefix "sha256:" | trunc 12 | default .Values.image.tag | default .Chart.AppVersion -}}
{{ regexReplaceAll "[^a-z0-9-]" (lower $image) "-" | trunc 20 | trimAll "-" }}
{{- end }}

{{- /* Name of what a pool has once, or with versions once for each build. Call with (dict "root" $ "name" NAME). */}}
{{- define "workers.poolName" -}}
{{ include "workers.name" .root }}-{{ .name }}{{ if .root.Values.versioning.enabled }}-{{ include "workers.build" .root }}{{ end }}
{{- end }}

{{- /* An upgrade leaves the build before as it is; the rollout takes it away once its items have ended. */}}
{{- define "workers.keep" -}}
{{- if .Values.versioning.enabled }}
annotations:
  helm.sh/resource-policy: keep
{{- end }}
{{- end }}

{{- define "workers.port" -}}
{{ .Values.temporal.address | splitList ":" | last }}
{{- end }}

{{/* Port of the collector of traces. */}}
{{- define "workers.tracesPort" -}}
{{- $url := urlParse .Values.tracing.endpoint -}}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (eq $url.scheme "https" | ternary "443" "80") -}}
{{- end }}
