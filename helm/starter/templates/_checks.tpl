{{- /* What a schema cannot say, beside the checks of both charts. Each refusal is a sentence that tells what to do. */}}
{{- define "starter.checks" -}}
{{- include "darkroom.checks" . -}}
{{- if and (not .Values.secrets.name) (not .Values.secrets.external.enabled) -}}
  {{- fail "no Secret is named: the API needs DARKROOM_API_KEYS (docs/api.md). Set secrets.name to one that exists, or secrets.external.enabled." -}}
{{- end -}}
{{- if and .Values.secrets.external.enabled (not (and .Values.secrets.external.store.name .Values.secrets.external.path)) -}}
  {{- fail "secrets.external is enabled: it needs secrets.external.store.name and secrets.external.path." -}}
{{- end -}}
{{- if not (lt (int .Values.shutdown.force) (sub (int .Values.shutdown.termination) 5 | int)) -}}
  {{- fail (printf "shutdown is force %d, termination %d: termination has to be more than force and five seconds, or requests are cut off that were promised an answer." (int .Values.shutdown.force) (int .Values.shutdown.termination)) -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
  {{- fail "ingress.host is empty: name the host that people use." -}}
{{- end -}}
{{- if and .Values.ingress.enabled .Values.ingress.tlsSecret (not (get .Values.env "DARKROOM_TRUSTED_PROXIES")) -}}
  {{- fail "ingress.tlsSecret is set, but env.DARKROOM_TRUSTED_PROXIES is not: without it the session cookie of the page is not Secure. Name the network of the ingress controller's pods, for example 10.0.0.0/8." -}}
{{- end -}}
{{- end }}
