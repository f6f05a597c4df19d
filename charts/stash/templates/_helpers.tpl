{{/* Name of the chart. */}}
{{- define "stash.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Name of the objects: the release, with the chart's name unless that is in it. */}}
{{- define "stash.fullname" -}}
{{- $name := include "stash.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What the selectors of Deployment, Service and ServiceMonitor have in common. */}}
{{- define "stash.selector" -}}
app: {{ include "stash.name" . | quote }}
release: {{ .Release.Name | quote }}
{{- end -}}

{{/* Labels of every object. */}}
{{- define "stash.labels" -}}
{{- $own := dict "chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63) "app" (include "stash.name" .) "release" .Release.Name "heritage" .Release.Service -}}
{{- toYaml (merge $own .Values.extraLabels) -}}
{{- end -}}

{{/* Labels of pods. The version of the chart is not among them: it alone is no reason to replace a pod. */}}
{{- define "stash.podLabels" -}}
{{- toYaml (merge (dict "app" (include "stash.name" .) "release" .Release.Name) .Values.extraLabels) -}}
{{- end -}}

{{- define "stash.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "stash.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Secret that the operator keeps its certificates in. */}}
{{- define "stash.certificateSecret" -}}
{{- include "stash.fullname" . }}-apiserver-cert
{{- end -}}

{{- define "stash.tag" -}}
{{- default .Chart.AppVersion .Values.operator.tag -}}
{{- end -}}

{{- define "stash.image" -}}
{{- printf "%s/%s:%s" .Values.operator.registry .Values.operator.repository (include "stash.tag" .) -}}
{{- end -}}

{{/* Another image, of which every part that is empty is that of the operator. */}}
{{- define "stash.otherImage" -}}
{{- $operator := .root.Values.operator -}}
{{- printf "%s/%s:%s" (default $operator.registry .image.registry) (default $operator.repository .image.repository) (default (include "stash.tag" .root) .image.tag) -}}
{{- end -}}

{{- define "stash.prometheusNamespace" -}}
{{- default .Release.Namespace .Values.monitoring.prometheus.namespace -}}
{{- end -}}

{{/* Not empty when the operator publishes its authority in another namespace. */}}
{{- define "stash.publishesAuthority" -}}
{{- if and (ne .Values.monitoring.agent "none") .Values.monitoring.operator (ne (include "stash.prometheusNamespace" .) .Release.Namespace) -}}
true
{{- end -}}
{{- end -}}

{{- define "stash.pullSecrets" -}}
{{- with .Values.imagePullSecrets -}}
imagePullSecrets:
{{- range . }}
- name: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}
