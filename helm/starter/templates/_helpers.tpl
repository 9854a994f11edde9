{{- /* <release>, the prefix of every name. */}}
{{- define "starter.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "starter.labels" -}}
app.kubernetes.io/name: darkroom-starter
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "starter.selector" -}}
app.kubernetes.io/name: darkroom-starter
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "starter.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "starter.name" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}

{{- define "starter.secret" -}}
{{ .Values.secrets.name | default (printf "%s-secrets" (include "starter.name" .)) }}
{{- end }}

{{- define "starter.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* What is read from the Secret. */}}
{{- define "starter.secretKeys" -}}
{{ concat (list "DARKROOM_API_KEYS") .Values.secrets.keys | uniq | toYaml }}
{{- end }}

{{- /* Buckets that may be named: the list, and that of the default output. */}}
{{- define "starter.buckets" -}}
{{- $buckets := .Values.storage.buckets -}}
{{- range list .Values.storage.output -}}
{{- if hasPrefix "s3://" . -}}
{{- $buckets = append $buckets (trimPrefix "s3://" . | splitList "/" | first) -}}
{{- end -}}
{{- end -}}
{{ $buckets | uniq | join "," }}
{{- end }}

{{- define "starter.port" -}}
{{ .Values.temporal.address | splitList ":" | last }}
{{- end }}

{{/* Port of the collector of traces. */}}
{{- define "starter.tracesPort" -}}
{{- $url := urlParse .Values.tracing.endpoint -}}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (eq $url.scheme "https" | ternary "443" "80") -}}
{{- end }}
