#!/bin/sh
# Made by `cargo xtask codegen` from codegen/src/install/stash.sh and crates/install/src. Do not edit.
#
# Installs Stash in the cluster that kubectl talks to, or takes it away again. It needs kubectl and nothing else:
#
#     sh deploy/stash.sh --help
#     curl -fsSL ADDRESS/stash.sh | bash -s -- --namespace=stash
set -eu
# Classes of characters are those of ASCII.
export LC_ALL=C

VERSION='0.9.0-dev'
OPERATOR_SELECTOR='app=stash,app.kubernetes.io/component=operator'
# Owner of the fields that are applied; `stash install` is the same one, so each can go on from the other.
FIELD_MANAGER='stash-install'
# How long each wait may take, in seconds.
PATIENCE=300
# The Job that cleans up gives up by itself a minute before.
JOB_PATIENCE=660

NAMESPACE='kube-system'
RBAC='true'
REGISTRY='appscode'
TAG=$VERSION
PULL_POLICY='IfNotPresent'
PULL_SECRET=''
CONTROL_PLANE='false'
MUTATING='true'
VALIDATING='true'
MONITOR_AGENT='none'
MONITOR_BACKUP='false'
MONITOR_OPERATOR='false'
PROMETHEUS_NAMESPACE=''
MONITOR_LABELS=''
DRY_RUN='false'
UNINSTALL='false'
PURGE='false'

usage() {
    cat <<TEXT
Installs Stash $VERSION in the cluster that kubectl talks to.

Usage: stash.sh [FLAGS]

  -n, --namespace=NAMESPACE          where to install it; made if missing [default: kube-system]
      --rbac[=BOOL]                  make ServiceAccount, Roles and bindings [default: true]
      --docker-registry=REGISTRY     what comes before /stash in the name of the image [default: appscode]
      --image-tag=TAG                its tag [default: $VERSION]
      --image-pull-policy=POLICY     Always, IfNotPresent or Never [default: IfNotPresent]
      --image-pull-secret=NAME       Secret by which the operator's image is pulled
      --run-on-master                run on nodes of the control plane
      --enable-mutating-webhook[=BOOL]    new pods have their sidecar at once [default: true]
      --enable-validating-webhook[=BOOL]  wrong objects are refused at once [default: true]
      --monitoring-agent=AGENT       none, prometheus.io/builtin or prometheus.io/coreos-operator [default: none]
      --monitoring-backup[=BOOL]     advertise the metrics of backups and recoveries [default: false]
      --monitoring-operator[=BOOL]   advertise the metrics of the operator [default: false]
      --prometheus-namespace=NAMESPACE  where Prometheus is [default: that of Stash]
      --servicemonitor-label=KEY=VALUE  label of the ServiceMonitor; may be repeated [default: app=stash]
      --dry-run                      print what would be applied, and change nothing
      --uninstall                    take Stash away: operator, sidecars, CronJobs, Roles. Data in storages stays.
      --purge                        with --uninstall: the definitions and all Restics, Recoveries and Repositories,
                                     too, which are first written to <kind>.yaml in this folder
  -h, --help                         this text

Accepted and ignored, since 0.8.3 had them: --enable-analytics, --use-kubeapiserver-fqdn-for-aks and
both --bypass-validating-webhook-xray and --enable-status-subresource.
TEXT
}

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "stash.sh: $*"
    exit 1
}

# Whether all of these are true.
on() {
    for value in "$@"; do
        [ "$value" = 'true' ] || return 1
    done
}

manifest() {
    if on "$RBAC"; then
    cat <<YAML
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: stash-operator
  namespace: "${NAMESPACE}"
  labels:
    app: stash
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: stash-operator
  labels:
    app: stash
rules:
- apiGroups:
  - apiextensions.k8s.io
  resources:
  - customresourcedefinitions
  verbs:
  - create
- apiGroups:
  - apiextensions.k8s.io
  resources:
  - customresourcedefinitions
  resourceNames:
  - restics.stash.appscode.com
  - recoveries.stash.appscode.com
  - repositories.stash.appscode.com
  verbs:
  - get
  - list
  - watch
  - patch
- apiGroups:
  - stash.appscode.com
  resources:
  - restics
  - recoveries
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - stash.appscode.com
  resources:
  - repositories
  verbs:
  - get
  - list
  - watch
  - create
  - patch
- apiGroups:
  - stash.appscode.com
  resources:
  - restics/status
  - recoveries/status
  - repositories/status
  verbs:
  - get
  - update
  - patch
- apiGroups:
  - apps
  resources:
  - deployments
  - replicasets
  - statefulsets
  - daemonsets
  verbs:
  - get
  - list
  - watch
  - update
  - patch
- apiGroups:
  - ""
  resources:
  - replicationcontrollers
  verbs:
  - get
  - list
  - watch
  - update
  - patch
- apiGroups:
  - ""
  resources:
  - pods
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - ""
  resources:
  - pods/eviction
  verbs:
  - create
- apiGroups:
  - ""
  resources:
  - namespaces
  verbs:
  - get
- apiGroups:
  - ""
  resources:
  - secrets
  verbs:
  - get
  - create
  - delete
- apiGroups:
  - ""
  resources:
  - configmaps
  verbs:
  - get
  - list
  - watch
  - create
  - patch
- apiGroups:
  - batch
  resources:
  - jobs
  - cronjobs
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - ""
  resources:
  - serviceaccounts
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - rbac.authorization.k8s.io
  resources:
  - roles
  - rolebindings
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - coordination.k8s.io
  resources:
  - leases
  verbs:
  - create
  - get
  - update
  - patch
- apiGroups:
  - events.k8s.io
  resources:
  - events
  verbs:
  - create
  - patch
- apiGroups:
  - apiregistration.k8s.io
  resources:
  - apiservices
  resourceNames:
  - v1alpha1.repositories.stash.appscode.com
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - admissionregistration.k8s.io
  resources:
  - mutatingwebhookconfigurations
  - validatingwebhookconfigurations
  verbs:
  - create
- apiGroups:
  - admissionregistration.k8s.io
  resources:
  - mutatingwebhookconfigurations
  - validatingwebhookconfigurations
  resourceNames:
  - admission.stash.appscode.com
  verbs:
  - get
  - list
  - watch
  - patch
  - delete
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: stash-operator
  labels:
    app: stash
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: stash-operator
subjects:
- kind: ServiceAccount
  name: stash-operator
  namespace: "${NAMESPACE}"
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: stash-apiserver-auth-delegator
  labels:
    app: stash
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: system:auth-delegator
subjects:
- kind: ServiceAccount
  name: stash-operator
  namespace: "${NAMESPACE}"
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: stash-operator
  namespace: "${NAMESPACE}"
  labels:
    app: stash
rules:
- apiGroups:
  - ""
  resources:
  - secrets
  resourceNames:
  - stash-apiserver-cert
  verbs:
  - get
  - list
  - watch
  - update
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: stash-operator
  namespace: "${NAMESPACE}"
  labels:
    app: stash
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: stash-operator
subjects:
- kind: ServiceAccount
  name: stash-operator
  namespace: "${NAMESPACE}"
YAML
    fi
    if on "$RBAC" "$AUTHORITY"; then
    cat <<YAML
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: stash-operator-ca
  namespace: "${PROMETHEUS_NAMESPACE}"
  labels:
    app: stash
rules:
- apiGroups:
  - ""
  resources:
  - secrets
  verbs:
  - create
- apiGroups:
  - ""
  resources:
  - secrets
  resourceNames:
  - stash-apiserver-cert
  verbs:
  - get
  - patch
  - delete
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: stash-operator-ca
  namespace: "${PROMETHEUS_NAMESPACE}"
  labels:
    app: stash
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: stash-operator-ca
subjects:
- kind: ServiceAccount
  name: stash-operator
  namespace: "${NAMESPACE}"
YAML
    fi
    if on "$RBAC"; then
    cat <<YAML
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: appscode:stash:edit
  labels:
    rbac.authorization.k8s.io/aggregate-to-admin: "true"
    rbac.authorization.k8s.io/aggregate-to-edit: "true"
rules:
- apiGroups:
  - stash.appscode.com
  resources:
  - restics
  - recoveries
  - repositories
  verbs:
  - "*"
- apiGroups:
  - repositories.stash.appscode.com
  resources:
  - snapshots
  verbs:
  - delete
  - deletecollection
  - get
  - list
  - watch
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: appscode:stash:view
  labels:
    rbac.authorization.k8s.io/aggregate-to-view: "true"
rules:
- apiGroups:
  - stash.appscode.com
  resources:
  - restics
  - recoveries
  - repositories
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - repositories.stash.appscode.com
  resources:
  - snapshots
  verbs:
  - get
  - list
  - watch
YAML
    fi
    cat <<YAML
---
apiVersion: v1
kind: Service
metadata:
  name: stash-operator
  namespace: "${NAMESPACE}"
  labels:
    app: stash
YAML
    if on "$ANNOTATIONS"; then
    cat <<YAML
  annotations:
    prometheus.io/scrape: "true"
YAML
    fi
    if on "$ANNOTATIONS" "$MONITOR_BACKUP"; then
    cat <<YAML
    prometheus.io/pushgateway_path: /metrics
    prometheus.io/pushgateway_port: "56789"
    prometheus.io/pushgateway_scheme: http
YAML
    fi
    if on "$ANNOTATIONS" "$MONITOR_OPERATOR"; then
    cat <<YAML
    prometheus.io/operator_path: /metrics
    prometheus.io/operator_port: "8443"
    prometheus.io/operator_scheme: https
YAML
    fi
    cat <<YAML
spec:
  selector:
    app: stash
    app.kubernetes.io/component: operator
  ports:
  - name: api
    port: 443
    targetPort: 8443
  - name: pushgateway
    port: 56789
    targetPort: 56789
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: stash-operator
  namespace: "${NAMESPACE}"
  labels:
    app: stash
spec:
  replicas: 1
  selector:
    matchLabels:
      app: stash
  template:
    metadata:
      labels:
        app: stash
        app.kubernetes.io/component: operator
    spec:
      serviceAccountName: "${SERVICE_ACCOUNT}"
YAML
    if on "$HAS_PULL_SECRET"; then
    cat <<YAML
      imagePullSecrets:
      - name: "${PULL_SECRET}"
YAML
    fi
    if on "$CRITICAL"; then
    cat <<YAML
      priorityClassName: system-cluster-critical
YAML
    fi
    cat <<YAML
      nodeSelector:
        kubernetes.io/os: linux
YAML
    if on "$CONTROL_PLANE"; then
    cat <<YAML
        node-role.kubernetes.io/control-plane: ""
YAML
    fi
    if on "$TOLERATIONS"; then
    cat <<YAML
      tolerations:
YAML
    fi
    if on "$CRITICAL" "$TOLERATIONS"; then
    cat <<YAML
      - key: CriticalAddonsOnly
        operator: Exists
YAML
    fi
    if on "$CONTROL_PLANE" "$TOLERATIONS"; then
    cat <<YAML
      - key: node-role.kubernetes.io/control-plane
        operator: Exists
        effect: NoSchedule
YAML
    fi
    cat <<YAML
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        fsGroup: 65532
        seccompProfile:
          type: RuntimeDefault
      containers:
      - name: operator
        image: ${REGISTRY}/stash:${TAG}
        imagePullPolicy: "${PULL_POLICY}"
        args:
        - run
        - --v=3
YAML
    if on "$RBAC"; then
    cat <<YAML
        - --rbac=true
YAML
    fi
    if on "$MUTATING"; then
    cat <<YAML
        - --enable-mutating-webhook=true
YAML
    fi
    if on "$VALIDATING"; then
    cat <<YAML
        - --enable-validating-webhook=true
YAML
    fi
    if on "$AUTHORITY"; then
    cat <<YAML
        - --prometheus-namespace=${PROMETHEUS_NAMESPACE}
YAML
    fi
    cat <<YAML
        - --docker-registry=${REGISTRY}
        - --image-tag=${TAG}
        - --image-pull-policy=${PULL_POLICY}
        - --secure-port=8443
        - --service-name=stash-operator
        - --certificate-secret=stash-apiserver-cert
        env:
        - name: MY_POD_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        - name: MY_POD_NAMESPACE
          valueFrom:
            fieldRef:
              fieldPath: metadata.namespace
        - name: MALLOC_ARENA_MAX
          value: "1"
        ports:
        - name: api
          containerPort: 8443
        readinessProbe:
          httpGet:
            scheme: HTTPS
            port: 8443
            path: /readyz
          periodSeconds: 5
        livenessProbe:
          httpGet:
            scheme: HTTPS
            port: 8443
            path: /healthz
          periodSeconds: 10
          failureThreshold: 6
        resources:
          requests:
            cpu: 100m
            memory: 64Mi
          limits:
            memory: 512Mi
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities:
            drop:
            - ALL
        volumeMounts:
        - name: stash-scratchdir
          mountPath: /tmp
      - name: pushgateway
        image: ${REGISTRY}/stash:${TAG}
        imagePullPolicy: "${PULL_POLICY}"
        args:
        - pushgateway
        - --web.listen-address=:56789
        - --persistence.file=/var/pv/pushgateway.dat
        - --persistence.interval=10s
        ports:
        - name: pushgateway
          containerPort: 56789
        readinessProbe:
          httpGet:
            port: 56789
            path: /-/ready
          periodSeconds: 5
        livenessProbe:
          httpGet:
            port: 56789
            path: /-/healthy
          periodSeconds: 10
          failureThreshold: 6
        resources:
          requests:
            cpu: 20m
            memory: 32Mi
          limits:
            memory: 512Mi
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities:
            drop:
            - ALL
        volumeMounts:
        - name: data-volume
          mountPath: /var/pv
        - name: stash-scratchdir
          mountPath: /tmp
      volumes:
      - name: stash-scratchdir
        emptyDir: {}
      - name: data-volume
        emptyDir: {}
YAML
    if on "$SERVICE_MONITOR"; then
    cat <<YAML
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: stash-servicemonitor
  namespace: "${PROMETHEUS_NAMESPACE}"
  labels:
${MONITOR_LABELS}
spec:
  namespaceSelector:
    matchNames:
    - "${NAMESPACE}"
  selector:
    matchLabels:
      app: stash
  endpoints:
YAML
    fi
    if on "$SERVICE_MONITOR" "$MONITOR_BACKUP"; then
    cat <<YAML
  - port: pushgateway
    honorLabels: true
YAML
    fi
    if on "$SERVICE_MONITOR" "$MONITOR_OPERATOR"; then
    cat <<YAML
  - port: api
    honorLabels: true
    scheme: https
    bearerTokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token
    tlsConfig:
      ca:
        secret:
          name: stash-apiserver-cert
          key: ca.crt
      serverName: stash-operator.${NAMESPACE}.svc
YAML
    fi
}

uninstall_job() {
    cat <<YAML
---
apiVersion: batch/v1
kind: Job
metadata:
  name: stash-uninstall
  namespace: "${NAMESPACE}"
  labels:
    app: stash
spec:
  backoffLimit: 3
  activeDeadlineSeconds: 600
  template:
    metadata:
      labels:
        app: stash
    spec:
      serviceAccountName: "${SERVICE_ACCOUNT}"
YAML
    if on "$HAS_PULL_SECRET"; then
    cat <<YAML
      imagePullSecrets:
      - name: "${PULL_SECRET}"
YAML
    fi
    cat <<YAML
      restartPolicy: Never
      nodeSelector:
        kubernetes.io/os: linux
      tolerations:
      - key: CriticalAddonsOnly
        operator: Exists
      - key: node-role.kubernetes.io/control-plane
        operator: Exists
        effect: NoSchedule
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        fsGroup: 65532
        seccompProfile:
          type: RuntimeDefault
      containers:
      - name: stash
        image: ${REGISTRY}/stash:${TAG}
        imagePullPolicy: "${PULL_POLICY}"
        args:
        - uninstall
        - --only=clean-up
        - --namespace=${NAMESPACE}
        terminationMessagePolicy: FallbackToLogsOnError
        resources:
          requests:
            cpu: 20m
            memory: 32Mi
          limits:
            memory: 256Mi
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities:
            drop:
            - ALL
YAML
}

# The value of a flag that is true or false; $1 is the flag as it was given.
boolean() {
    case $1 in
    *=true) echo 'true' ;;
    *=false) echo 'false' ;;
    *=*) fail "$1: say true or false" ;;
    *) echo 'true' ;;
    esac
}

# Fails unless $2, the value of flag $1, has only characters of the class $3 and at least one.
only() {
    case $2 in
    '') fail "$1 needs a value" ;;
    *[!$3]*) fail "$1: \`$2\` has characters that it may not have" ;;
    esac
}

# The name of an object, of flag $1.
object_name() {
    only "$1" "$2" 'a-z0-9.-'
}

monitor_label() {
    key=${1%%=*}
    value=${1#*=}
    wrong="--servicemonitor-label: \`$1\` is no label; say key=value, such as k8s-app=prometheus"
    case $1 in
    *=*=*) fail "$wrong" ;;
    ?*=*) ;;
    *) fail "$wrong" ;;
    esac
    case $key in
    *[!A-Za-z0-9./_-]* | */*/* | [!A-Za-z0-9]* | *[!A-Za-z0-9]) fail "$wrong" ;;
    esac
    case $value in
    '') ;;
    *[!A-Za-z0-9._-]* | [!A-Za-z0-9]* | *[!A-Za-z0-9]) fail "$wrong" ;;
    esac
    MONITOR_LABELS="$MONITOR_LABELS    $key: \"$value\"
"
}

means_nothing() {
    say "${1%%=*} means nothing any more and is ignored"
}

parse() {
    while [ $# -gt 0 ]; do
        value=${1#*=}
        case $1 in
        -h | --help)
            usage
            exit 0
            ;;
        -n | --namespace)
            [ $# -gt 1 ] || fail "$1 needs a value"
            shift
            object_name '--namespace' "$1"
            NAMESPACE=$1
            ;;
        --namespace=*)
            object_name '--namespace' "$value"
            NAMESPACE=$value
            ;;
        --rbac | --rbac=*) RBAC=$(boolean "$1") ;;
        --docker-registry=*)
            only '--docker-registry' "$value" 'A-Za-z0-9._:/-'
            REGISTRY=$value
            ;;
        --image-tag=*)
            only '--image-tag' "$value" 'A-Za-z0-9._-'
            TAG=$value
            ;;
        --image-pull-policy=*)
            case $value in
            Always | IfNotPresent | Never) PULL_POLICY=$value ;;
            *) fail "--image-pull-policy: say Always, IfNotPresent or Never, not \`$value\`" ;;
            esac
            ;;
        --image-pull-secret=*)
            object_name '--image-pull-secret' "$value"
            PULL_SECRET=$value
            ;;
        --run-on-master | --run-on-master=*) CONTROL_PLANE=$(boolean "$1") ;;
        --enable-mutating-webhook | --enable-mutating-webhook=*) MUTATING=$(boolean "$1") ;;
        --enable-validating-webhook | --enable-validating-webhook=*) VALIDATING=$(boolean "$1") ;;
        --monitoring-agent=*)
            case $value in
            none | prometheus.io/builtin | prometheus.io/coreos-operator) MONITOR_AGENT=$value ;;
            *) fail "\`$value\` is no monitoring agent; say none, prometheus.io/builtin or prometheus.io/coreos-operator" ;;
            esac
            ;;
        --monitoring-backup | --monitoring-backup=*) MONITOR_BACKUP=$(boolean "$1") ;;
        --monitoring-operator | --monitoring-operator=*) MONITOR_OPERATOR=$(boolean "$1") ;;
        --prometheus-namespace=*)
            object_name '--prometheus-namespace' "$value"
            PROMETHEUS_NAMESPACE=$value
            ;;
        --servicemonitor-label=*) monitor_label "$value" ;;
        --enable-analytics | --enable-analytics=* | \
            --use-kubeapiserver-fqdn-for-aks | --use-kubeapiserver-fqdn-for-aks=* | \
            --bypass-validating-webhook-xray | --bypass-validating-webhook-xray=* | \
            --enable-status-subresource | --enable-status-subresource=*) means_nothing "$1" ;;
        --dry-run | --dry-run=*) DRY_RUN=$(boolean "$1") ;;
        --uninstall | --uninstall=*) UNINSTALL=$(boolean "$1") ;;
        --purge | --purge=*) PURGE=$(boolean "$1") ;;
        *)
            say "stash.sh: unknown flag $1"
            usage >&2
            exit 1
            ;;
        esac
        shift
    done
    if on "$PURGE" && ! on "$UNINSTALL"; then
        fail '--purge goes with --uninstall'
    fi
    if on "$DRY_RUN" "$UNINSTALL"; then
        fail '--dry-run does not go with --uninstall'
    fi
}

# What follows from the flags.
# shellcheck disable=SC2034 # manifest() reads them in the tests of its parts
settle() {
    [ -n "$PROMETHEUS_NAMESPACE" ] || PROMETHEUS_NAMESPACE=$NAMESPACE
    SERVICE_ACCOUNT='stash-operator'
    on "$RBAC" || SERVICE_ACCOUNT='default'
    HAS_PULL_SECRET='false'
    [ -z "$PULL_SECRET" ] || HAS_PULL_SECRET='true'
    CRITICAL='false'
    [ "$NAMESPACE" != 'kube-system' ] || CRITICAL='true'
    TOLERATIONS=$CRITICAL
    ! on "$CONTROL_PLANE" || TOLERATIONS='true'
    ANNOTATIONS='false'
    SERVICE_MONITOR='false'
    case $MONITOR_AGENT in
    prometheus.io/builtin) ANNOTATIONS='true' ;;
    prometheus.io/coreos-operator)
        if on "$MONITOR_BACKUP" || on "$MONITOR_OPERATOR"; then SERVICE_MONITOR='true'; fi
        ;;
    esac
    AUTHORITY='false'
    if [ "$MONITOR_AGENT" != 'none' ] && on "$MONITOR_OPERATOR" && [ "$PROMETHEUS_NAMESPACE" != "$NAMESPACE" ]; then
        AUTHORITY='true'
    fi
    [ -n "$MONITOR_LABELS" ] || MONITOR_LABELS='    app: "stash"
'
    # The line that it is in has an end of its own.
    MONITOR_LABELS=${MONITOR_LABELS%?}
}

# Runs the rest until it says something other than nothing, or for $1 seconds.
until_said() {
    left=$1
    shift
    while [ -z "$("$@" 2>/dev/null)" ]; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep 1
    done
}

look_at_cluster() {
    command -v kubectl >/dev/null || fail 'there is no kubectl on the path; install it from https://kubernetes.io/docs/tasks/tools/'
    context=$(kubectl config current-context 2>/dev/null) || context='of this pod or the defaults of kubectl'
    say "cluster: context $context"
    version=$(kubectl version 2>/dev/null | sed -n 's/^Server Version: v\([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
    [ -n "$version" ] || fail 'the cluster does not answer; ask kubectl version why'
    if [ "${version% *}" -eq 1 ] && [ "${version#* }" -lt 29 ]; then
        fail "the cluster has Kubernetes ${version% *}.${version#* }; Stash needs 1.29 or newer"
    fi
}

# $1 of the Deployment that is there, by its JSON path; nothing when there is none.
of_deployment() {
    kubectl get deployment 'stash-operator' --namespace "$NAMESPACE" --ignore-not-found --output "jsonpath={$1}"
}

# Fails when Helm installed what is there; $1 is what to do instead.
is_not_of_helm() {
    [ "$(of_deployment .metadata.labels.heritage)" != 'Helm' ] ||
        fail "Helm installed Stash in namespace $NAMESPACE; use \`$1\`"
}

# Fails when Stash is in another namespace: two would act on the same workloads, and to uninstall here would take from that
# one what is of the whole cluster.
is_not_elsewhere() {
    all=$(kubectl get deployments --all-namespaces --selector 'app=stash' --output \
        'jsonpath={range .items[?(@.spec.template.metadata.labels.app\.kubernetes\.io/component=="operator")]}{.metadata.namespace}{"\n"}{end}') ||
        fail 'the Deployments of the cluster cannot be listed. This takes the rights of a cluster administrator'
    elsewhere=$(printf '%s\n' "$all" | grep -vxF -e "$NAMESPACE" -e '' | head -n 1) || :
    [ -z "$elsewhere" ] || fail "Stash is in namespace $elsewhere; say --namespace=$elsewhere, or uninstall it there first"
}

see_to_namespace() {
    kubectl get namespace "$1" >/dev/null 2>&1 || kubectl create namespace "$1" >&2 ||
        fail "the namespace $1 cannot be made; make it, or have somebody do so"
}

knows_service_monitors() {
    kubectl get customresourcedefinition servicemonitors.monitoring.coreos.com >/dev/null 2>&1
}

# Deletes the objects of kind $1, name $2 and label $3 in all namespaces but those of $4.
delete_elsewhere() {
    kubectl get "$1" --all-namespaces --field-selector "metadata.name=$2" --selector "$3" --output \
        'jsonpath={range .items[*]}{.metadata.namespace}{"\n"}{end}' |
        while read -r namespace; do
            case " $4 " in
            *" $namespace "*) continue ;;
            esac
            kubectl delete "$1" "$2" --namespace "$namespace" --ignore-not-found </dev/null >&2
        done
}

# Deletes what is told to Prometheus in any namespace: monitors but in $1, the right to publish the authority but in $2,
# Secrets that hold one but in $3.
delete_monitoring() {
    delete_elsewhere rolebinding 'stash-operator-ca' 'app=stash' "$2"
    delete_elsewhere role 'stash-operator-ca' 'app=stash' "$2"
    delete_elsewhere secret 'stash-apiserver-cert' 'app=stash' "$3"
    if knows_service_monitors; then
        delete_elsewhere servicemonitor 'stash-servicemonitor' '' "$1"
    fi
}

install() {
    say "installing Stash $TAG from $REGISTRY/stash in namespace $NAMESPACE, monitoring agent $MONITOR_AGENT"
    look_at_cluster
    is_not_of_helm 'helm upgrade'
    is_not_elsewhere
    if on "$SERVICE_MONITOR" && ! knows_service_monitors; then
        fail 'the cluster knows no ServiceMonitors; install the Prometheus operator first, or choose another --monitoring-agent'
    fi
    see_to_namespace "$NAMESPACE"
    if on "$SERVICE_MONITOR" || on "$AUTHORITY"; then
        see_to_namespace "$PROMETHEUS_NAMESPACE"
    fi
    manifest | kubectl apply --server-side --force-conflicts --field-manager="$FIELD_MANAGER" --filename - >&2 ||
        fail 'not everything could be applied; the lines above say what and why. Installing takes the rights of a cluster administrator'
    # What an installation with other flags has left.
    monitors=''
    authorities=''
    ! on "$SERVICE_MONITOR" || monitors=$PROMETHEUS_NAMESPACE
    ! on "$AUTHORITY" || authorities=$PROMETHEUS_NAMESPACE
    delete_monitoring "$monitors" "$authorities" "$NAMESPACE $authorities"
    say "waiting until the operator serves, for ${PATIENCE}s at most"
    kubectl rollout status --namespace "$NAMESPACE" deployment/stash-operator --timeout="${PATIENCE}s" >&2 || {
        kubectl get pods --namespace "$NAMESPACE" --selector "$OPERATOR_SELECTOR" >&2 || :
        fail "the operator does not serve yet; ask \`kubectl describe pods --namespace $NAMESPACE --selector $OPERATOR_SELECTOR\` why"
    }
    say 'Stash is installed. Next: docs/guides/cluster.md'
}

no_operator_pods() {
    [ -n "$(kubectl get pods --namespace "$NAMESPACE" --selector "$OPERATOR_SELECTOR" --output name)" ] || echo none
}

job_ended() {
    kubectl get job 'stash-uninstall' --namespace "$NAMESPACE" \
        --output 'jsonpath={range .status.conditions[?(@.status=="True")]}{.type}{" "}{end}' | grep -oE 'Complete|Failed'
}

# The operator is stopped first, or it makes its webhooks again; and its registrations are gone before anything else is,
# since Kubernetes deletes no namespace while an API of its has nobody to answer for it.
stop_operator() {
    if [ -n "$(of_deployment .metadata.name)" ]; then
        kubectl scale deployment 'stash-operator' --namespace "$NAMESPACE" --replicas 0 >&2
        say 'waiting until the pods of the operator are gone'
        until_said "$PATIENCE" no_operator_pods ||
            fail "the pods of the operator do not end; see \`kubectl get pods --namespace $NAMESPACE --selector $OPERATOR_SELECTOR\`, then run this again"
    fi
    kubectl delete mutatingwebhookconfigurations,validatingwebhookconfigurations 'admission.stash.appscode.com' --ignore-not-found >&2
    kubectl delete apiservice 'v1alpha1.repositories.stash.appscode.com' --ignore-not-found >&2
}

# Sidecars, CronJobs and Roles are taken out by a Job, which knows them.
clean_up() {
    if ! kubectl get serviceaccount "$SERVICE_ACCOUNT" --namespace "$NAMESPACE" >/dev/null 2>&1 ||
        [ -z "$(of_deployment .metadata.name)" ]; then
        say "there is no operator in namespace $NAMESPACE, so nobody who could take out sidecars; when workloads still have one, install Stash again and then uninstall it"
        return
    fi
    kubectl delete job 'stash-uninstall' --namespace "$NAMESPACE" --ignore-not-found >&2
    uninstall_job | kubectl apply --server-side --force-conflicts --field-manager="$FIELD_MANAGER" --filename - >&2
    say "waiting until the Job stash-uninstall has taken out what the operator put in, for ${JOB_PATIENCE}s at most"
    ended='false'
    ! until_said "$JOB_PATIENCE" job_ended || ended=$(job_ended)
    kubectl logs --namespace "$NAMESPACE" job/stash-uninstall --tail=50 >&2 || :
    case $ended in
    *Complete*) kubectl delete job 'stash-uninstall' --namespace "$NAMESPACE" >&2 ;;
    *)
        kubectl get pods --namespace "$NAMESPACE" --selector job-name=stash-uninstall >&2 || :
        fail "the Job stash-uninstall in namespace $NAMESPACE did not end well; mend what its log above says, then run this again"
        ;;
    esac
}

delete_installed() {
    kubectl delete deployment,service,role,rolebinding,lease 'stash-operator' --namespace "$NAMESPACE" --ignore-not-found >&2
    kubectl delete serviceaccount 'stash-operator' --namespace "$NAMESPACE" --ignore-not-found >&2
    kubectl delete clusterrolebinding 'stash-operator' 'stash-apiserver-auth-delegator' --ignore-not-found >&2
    kubectl delete clusterrole 'stash-operator' --ignore-not-found >&2
    delete_monitoring '' '' ''
}

is_defined() {
    kubectl get customresourcedefinition "$1.stash.appscode.com" >/dev/null 2>&1
}

write_objects() {
    for plural in recoveries restics repositories; do
        [ ! -e "$plural.yaml" ] || fail "$plural.yaml is in this folder already; move it away, then run this again"
    done
    for plural in recoveries restics repositories; do
        is_defined "$plural" || continue
        kubectl get "$plural.stash.appscode.com" --all-namespaces --output yaml >"$plural.yaml" ||
            fail "the $plural could not be written to $plural.yaml; nothing was changed"
        say "wrote all $plural to $plural.yaml"
    done
}

delete_objects() {
    for plural in recoveries restics repositories; do
        is_defined "$plural" || continue
        kubectl delete "$plural.stash.appscode.com" --all --all-namespaces --timeout="${PATIENCE}s" >&2 ||
            fail "some $plural are not deleted; a finalizer may hold them, see \`kubectl get $plural.stash.appscode.com --all-namespaces --output yaml\`, then run this again"
        kubectl delete customresourcedefinition "$plural.stash.appscode.com" --timeout="${PATIENCE}s" >&2
    done
    kubectl delete clusterrole 'appscode:stash:edit' 'appscode:stash:view' --ignore-not-found >&2
}

uninstall() {
    say "uninstalling Stash from namespace $NAMESPACE; data in storages stays"
    look_at_cluster
    is_not_of_helm 'helm uninstall'
    is_not_elsewhere
    if on "$PURGE"; then write_objects; fi
    # The Job runs as the operator did.
    image=$(of_deployment '.spec.template.spec.containers[?(@.name=="operator")].image')
    if [ -n "$image" ]; then
        REGISTRY=${image%/stash:*}
        TAG=${image##*:}
        SERVICE_ACCOUNT=$(of_deployment .spec.template.spec.serviceAccountName)
        PULL_SECRET=$(of_deployment '.spec.template.spec.imagePullSecrets[0].name')
        PULL_POLICY=$(of_deployment '.spec.template.spec.containers[?(@.name=="operator")].imagePullPolicy')
        HAS_PULL_SECRET='false'
        [ -z "$PULL_SECRET" ] || HAS_PULL_SECRET='true'
    fi
    stop_operator
    clean_up
    delete_installed
    if on "$PURGE"; then delete_objects; fi
    say 'Stash is uninstalled'
}

main() {
    parse "$@"
    settle
    if on "$UNINSTALL"; then
        uninstall
    elif on "$DRY_RUN"; then
        manifest
    else
        install
    fi
}

# Last, so that a script that arrives in part does nothing.
main "$@"
