{{- /* Up at once and by doubling, down late and one by one. Call with a pool's `scaling`. */}}
{{- define "workers.behavior" -}}
scaleUp:
  stabilizationWindowSeconds: 0
  selectPolicy: Max
  policies:
    - { type: Percent, value: 100, periodSeconds: {{ int .up.seconds }} }
    - { type: Pods, value: {{ int .up.pods }}, periodSeconds: {{ int .up.seconds }} }
scaleDown:
  stabilizationWindowSeconds: {{ int .down.after }}
  selectPolicy: Min
  policies:
    - { type: Pods, value: {{ int .down.pods }}, periodSeconds: {{ int .down.seconds }} }
{{- end }}

{{- /* "true" where KEDA needs credentials for Temporal. */}}
{{- define "workers.kedaAuth" -}}
{{- $keda := false -}}
{{- range $name, $own := .Values.pools -}}
{{- $pool := include "workers.pool" (dict "root" $ "name" $name) | fromYaml -}}
{{- if and $pool.enabled (eq $pool.scaling.type "keda") }}{{ $keda = true }}{{ end -}}
{{- end -}}
{{- and $keda (or (has "TEMPORAL_API_KEY" .Values.secrets.keys) (ne .Values.temporal.tls.clientSecret "")) -}}
{{- end }}
