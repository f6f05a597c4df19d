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

VERSION='@VERSION@'
OPERATOR_SELECTOR='app=stash,@COMPONENT@'
# Owner of the fields that are applied; `stash install` is the same one, so each can go on from the other.
FIELD_MANAGER='stash-install'
# How long each wait may take, in seconds.
PATIENCE=300
# The Job that cleans up gives up by itself a minute before.
JOB_PATIENCE=660

NAMESPACE='kube-system'
RBAC='true'
REGISTRY='@REGISTRY@'
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
      --docker-registry=REGISTRY     what comes before /stash in the name of the image [default: @REGISTRY@]
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

# THE OBJECTS

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
    SERVICE_ACCOUNT='@OPERATOR@'
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
    kubectl get deployment '@OPERATOR@' --namespace "$NAMESPACE" --ignore-not-found --output "jsonpath={$1}"
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
    delete_elsewhere rolebinding '@CA@' 'app=stash' "$2"
    delete_elsewhere role '@CA@' 'app=stash' "$2"
    delete_elsewhere secret '@CERTIFICATE_SECRET@' 'app=stash' "$3"
    if knows_service_monitors; then
        delete_elsewhere servicemonitor '@SERVICE_MONITOR@' '' "$1"
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
    kubectl rollout status --namespace "$NAMESPACE" deployment/@OPERATOR@ --timeout="${PATIENCE}s" >&2 || {
        kubectl get pods --namespace "$NAMESPACE" --selector "$OPERATOR_SELECTOR" >&2 || :
        fail "the operator does not serve yet; ask \`kubectl describe pods --namespace $NAMESPACE --selector $OPERATOR_SELECTOR\` why"
    }
    say 'Stash is installed. Next: docs/guides/cluster.md'
}

# TAKING IT AWAY

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
