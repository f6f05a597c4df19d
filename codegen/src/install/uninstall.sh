#!/bin/sh
# The part of stash.sh that takes Stash away; what it calls and reads is in there.
no_operator_pods() {
    [ -n "$(kubectl get pods --namespace "$NAMESPACE" --selector "$OPERATOR_SELECTOR" --output name)" ] || echo none
}

job_ended() {
    kubectl get job '@UNINSTALL_JOB@' --namespace "$NAMESPACE" \
        --output 'jsonpath={range .status.conditions[?(@.status=="True")]}{.type}{" "}{end}' | grep -oE 'Complete|Failed'
}

# The operator is stopped first, or it makes its webhooks again; and its registrations are gone before anything else is,
# since Kubernetes deletes no namespace while an API of its has nobody to answer for it.
stop_operator() {
    if [ -n "$(of_deployment .metadata.name)" ]; then
        kubectl scale deployment '@OPERATOR@' --namespace "$NAMESPACE" --replicas 0 >&2
        say 'waiting until the pods of the operator are gone'
        until_said "$PATIENCE" no_operator_pods ||
            fail "the pods of the operator do not end; see \`kubectl get pods --namespace $NAMESPACE --selector $OPERATOR_SELECTOR\`, then run this again"
    fi
    kubectl delete mutatingwebhookconfigurations,validatingwebhookconfigurations '@WEBHOOKS@' --ignore-not-found >&2
    kubectl delete apiservice '@API_SERVICE@' --ignore-not-found >&2
}

# Sidecars, CronJobs and Roles are taken out by a Job, which knows them.
clean_up() {
    if ! kubectl get serviceaccount "$SERVICE_ACCOUNT" --namespace "$NAMESPACE" >/dev/null 2>&1 ||
        [ -z "$(of_deployment .metadata.name)" ]; then
        say "there is no operator in namespace $NAMESPACE, so nobody who could take out sidecars; when workloads still have one, install Stash again and then uninstall it"
        return
    fi
    kubectl delete job '@UNINSTALL_JOB@' --namespace "$NAMESPACE" --ignore-not-found >&2
    uninstall_job | kubectl apply --server-side --force-conflicts --field-manager="$FIELD_MANAGER" --filename - >&2
    say "waiting until the Job @UNINSTALL_JOB@ has taken out what the operator put in, for ${JOB_PATIENCE}s at most"
    ended='false'
    ! until_said "$JOB_PATIENCE" job_ended || ended=$(job_ended)
    kubectl logs --namespace "$NAMESPACE" job/@UNINSTALL_JOB@ --tail=50 >&2 || :
    case $ended in
    *Complete*) kubectl delete job '@UNINSTALL_JOB@' --namespace "$NAMESPACE" >&2 ;;
    *)
        kubectl get pods --namespace "$NAMESPACE" --selector job-name=@UNINSTALL_JOB@ >&2 || :
        fail "the Job @UNINSTALL_JOB@ in namespace $NAMESPACE did not end well; mend what its log above says, then run this again"
        ;;
    esac
}

delete_installed() {
    kubectl delete deployment,service,role,rolebinding,lease '@OPERATOR@' --namespace "$NAMESPACE" --ignore-not-found >&2
    kubectl delete serviceaccount '@OPERATOR@' --namespace "$NAMESPACE" --ignore-not-found >&2
    kubectl delete clusterrolebinding '@OPERATOR@' '@AUTH_DELEGATOR@' --ignore-not-found >&2
    kubectl delete clusterrole '@OPERATOR@' --ignore-not-found >&2
    delete_monitoring '' '' ''
}

is_defined() {
    kubectl get customresourcedefinition "$1.@GROUP@" >/dev/null 2>&1
}

write_objects() {
    for plural in @PLURALS@; do
        [ ! -e "$plural.yaml" ] || fail "$plural.yaml is in this folder already; move it away, then run this again"
    done
    for plural in @PLURALS@; do
        is_defined "$plural" || continue
        kubectl get "$plural.@GROUP@" --all-namespaces --output yaml >"$plural.yaml" ||
            fail "the $plural could not be written to $plural.yaml; nothing was changed"
        say "wrote all $plural to $plural.yaml"
    done
}

delete_objects() {
    for plural in @PLURALS@; do
        is_defined "$plural" || continue
        kubectl delete "$plural.@GROUP@" --all --all-namespaces --timeout="${PATIENCE}s" >&2 ||
            fail "some $plural are not deleted; a finalizer may hold them, see \`kubectl get $plural.@GROUP@ --all-namespaces --output yaml\`, then run this again"
        kubectl delete customresourcedefinition "$plural.@GROUP@" --timeout="${PATIENCE}s" >&2
    done
    kubectl delete clusterrole '@USER_EDIT@' '@USER_VIEW@' --ignore-not-found >&2
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
