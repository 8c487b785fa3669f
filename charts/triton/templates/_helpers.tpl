{{/* Labels that select the servers; they never change. */}}
{{- define "triton.selectorLabels" -}}
app.kubernetes.io/name: triton
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "triton.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{ include "triton.selectorLabels" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "triton.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/*
Triton's own form of an S3 address: without an endpoint AWS, with one
s3://http://host:port/bucket/path. Source: Triton's model repository documentation.
*/}}
{{- define "triton.modelRepository" -}}
{{- with .Values.modelRepository -}}
{{- $path := .bucket -}}
{{- if .prefix }}{{ $path = printf "%s/%s" .bucket .prefix }}{{ end -}}
{{- if .endpoint -}}
s3://{{ .endpoint }}/{{ $path }}
{{- else -}}
s3://{{ $path }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "triton.resources" -}}
{{- $resources := deepCopy .Values.resources -}}
{{- if gt (int .Values.gpus) 0 -}}
{{- $gpus := .Values.gpus | toString -}}
{{- $_ := set $resources.requests "nvidia.com/gpu" $gpus -}}
{{- $_ := set $resources.limits "nvidia.com/gpu" $gpus -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end }}
