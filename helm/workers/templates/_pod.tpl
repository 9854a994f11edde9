{{- define "workers.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "workers.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  {{- toYaml .Values.seccompProfile | nindent 2 }}
{{- end }}

{{- /* Keys of the Secret that a pod of these queues uses, as a list: what signs webhooks and what leads to jobs stays with the pool of the
workflows, away from the pools that decode strangers' files. Call with (dict "root" $ "queues" LIST). */}}
{{- define "workers.keys" -}}
{{- $keys := .root.Values.secrets.keys -}}
{{- if not (has "workflows" .queues) }}{{ $keys = without $keys "DARKROOM_WEBHOOK_SECRET" "DARKROOM_REDIS_URL" }}{{ end -}}
{{ $keys | toYaml }}
{{- end }}

{{- /* Variables that point to the files of the Secret. Call with the keys. */}}
{{- define "workers.fileEnv" -}}
{{- range . }}
- { name: {{ . }}_FILE, value: /etc/darkroom/secrets/{{ . }} }
{{- end }}
{{- end }}

{{- /* With versions: who these workers are to Temporal. */}}
{{- define "workers.versionEnv" -}}
{{- if .Values.versioning.enabled }}
- { name: DARKROOM_DEPLOYMENT_NAME, value: {{ .Values.queuePrefix | quote }} }
- { name: DARKROOM_BUILD_ID, value: {{ include "workers.build" . | quote }} }
{{- end }}
{{- end }}

{{- /* Where a pod finds the Secret's files and the client certificate. Call with (dict "root" $ "keys" LIST). */}}
{{- define "workers.fileMounts" -}}
{{- if .keys }}
- { name: secrets, mountPath: /etc/darkroom/secrets, readOnly: true }
{{- end }}
{{- if .root.Values.temporal.tls.clientSecret }}
- { name: temporal-tls, mountPath: /etc/darkroom/temporal-tls, readOnly: true }
{{- end }}
{{- end }}

{{- define "workers.fileVolumes" -}}
{{- if .keys }}
- name: secrets
  secret:
    secretName: {{ include "workers.secret" .root }}
    defaultMode: 0440
    # A key that the Secret lacks keeps the pod from starting, and the event names it.
    items:
      {{- range .keys }}
      - { key: {{ . }}, path: {{ . }} }
      {{- end }}
{{- end }}
{{- with .root.Values.temporal.tls.clientSecret }}
- name: temporal-tls
  secret: { secretName: {{ . }}, defaultMode: 0440 }
{{- end }}
{{- end }}

{{- /* The pod of a pool. Call with (dict "root" $ "name" NAME "pool" POOL "floor" BOOL). */}}
{{- define "workers.podTemplate" -}}
{{- $root := .root -}}
{{- $pool := .pool -}}
{{- $keys := include "workers.keys" (dict "root" $root "queues" $pool.queues) | fromYamlArray -}}
{{- $files := dict "root" $root "keys" $keys -}}
metadata:
  labels:
    {{- include "workers.labels" $root | nindent 4 }}
    app.kubernetes.io/component: worker
    darkroom/pool: {{ .name }}
    darkroom/part: {{ ternary "floor" "elastic" .floor }}
    {{- if $root.Values.versioning.enabled }}
    darkroom/build: {{ include "workers.build" $root }}
    {{- end }}
  annotations:
    checksum/config: {{ include (print $root.Template.BasePath "/configmap.yaml") $root | sha256sum }}
spec:
  serviceAccountName: {{ include "workers.serviceAccount" $root }}
  automountServiceAccountToken: false
  # A Service called "temporal" or "darkroom" would otherwise add TEMPORAL_… and DARKROOM_… variables.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ int $pool.shutdown.termination }}
  {{- with $pool.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  securityContext:
    {{- include "workers.podSecurityContext" $root | nindent 4 }}
  containers:
    - name: worker
      image: {{ include "workers.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: [worker]
      securityContext:
        {{- include "workers.securityContext" $root | nindent 8 }}
      envFrom:
        - configMapRef: { name: {{ include "workers.name" $root }}-config }
      env:
        {{- include "workers.versionEnv" $root | nindent 8 }}
        - { name: DARKROOM_POOLS, value: {{ join "," $pool.queues | quote }} }
        - { name: DARKROOM_IMAGE_SLOTS, value: {{ int $pool.slots | quote }} }
        - { name: DARKROOM_VIDEO_SLOTS, value: {{ int $pool.slots | quote }} }
        {{- if has "models" $pool.queues }}
        - { name: DARKROOM_MODEL_SLOTS, value: {{ max 1 (int $pool.slots) | quote }} }
        {{- end }}
        - { name: DARKROOM_FFMPEG_THREADS, value: {{ int $pool.ffmpegThreads | quote }} }
        - { name: DARKROOM_SHUTDOWN_GRACE, value: "{{ int $pool.shutdown.grace }}s" }
        - { name: DARKROOM_SHUTDOWN_FORCE, value: "{{ int $pool.shutdown.force }}s" }
        {{- include "workers.fileEnv" $keys | nindent 8 }}
        {{- range $name, $value := $pool.env }}
        - { name: {{ $name }}, value: {{ $value | quote }} }
        {{- end }}
      ports:
        - { name: http, containerPort: 9464 }
        - { name: sdk-metrics, containerPort: 9465 }
      startupProbe: { httpGet: { path: /live, port: http }, periodSeconds: 2, failureThreshold: 60 }
      livenessProbe: { httpGet: { path: /live, port: http }, periodSeconds: 15, timeoutSeconds: 5, failureThreshold: 4 }
      readinessProbe: { httpGet: { path: /ready, port: http }, periodSeconds: 5, timeoutSeconds: 3 }
      resources:
        {{- toYaml $pool.resources | nindent 8 }}
      volumeMounts:
        - { name: scratch, mountPath: /scratch }
        {{- include "workers.fileMounts" $files | nindent 8 }}
  volumes:
    - name: scratch
      emptyDir: { sizeLimit: {{ $pool.scratch }} }
    {{- include "workers.fileVolumes" $files | nindent 4 }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "workers.selector" $root | nindent 10 }}
          darkroom/pool: {{ $.name }}
      matchLabelKeys: [pod-template-hash]
    {{- end }}
  {{- with $pool.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- $tolerations := $pool.tolerations -}}
  {{- if and $pool.spot.enabled (not .floor) $pool.spot.taint.key }}
  {{- $tolerations = append $tolerations (dict "key" $pool.spot.taint.key "value" $pool.spot.taint.value "operator" "Equal") -}}
  {{- end }}
  {{- with $tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $pool.spot.enabled }}
  affinity:
    nodeAffinity:
      {{- if .floor }}
      requiredDuringSchedulingIgnoredDuringExecution:
        nodeSelectorTerms:
          - matchExpressions:
              - { key: {{ $pool.spot.label.key }}, operator: NotIn, values: [{{ $pool.spot.label.value }}] }
      {{- else }}
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          preference:
            matchExpressions:
              - { key: {{ $pool.spot.label.key }}, operator: In, values: [{{ $pool.spot.label.value }}] }
      {{- end }}
  {{- end }}
{{- end }}
