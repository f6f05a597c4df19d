//! ServiceAccount, Roles and bindings.

use serde_json::{Value, json};

use crate::options::Options;
use crate::parts::{Part, Parts};
use crate::{names, objects, rules};

const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// Who the operator is and what it may do; nothing when an administrator says that.
pub(crate) fn operator(options: &Options, parts: &Parts) -> Vec<Value> {
    if !parts.contains(&Part::Rbac) {
        return Vec::new();
    }
    let own = |name| objects::metadata(name, options.names_its_namespace.then_some(&*options.namespace));
    let wide = |name| objects::metadata(name, None);
    let mut found = vec![
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": own(names::OPERATOR) }),
        json!({ "apiVersion": RBAC, "kind": "ClusterRole", "metadata": wide(names::OPERATOR), "rules": rules::operator() }),
        binding(options, "ClusterRoleBinding", wide(names::OPERATOR), ("ClusterRole", names::OPERATOR)),
        // It asks the API server whose tokens are, and what users may do, before it answers them.
        binding(
            options,
            "ClusterRoleBinding",
            wide(names::AUTH_DELEGATOR),
            ("ClusterRole", "system:auth-delegator"),
        ),
        json!({
            "apiVersion": RBAC,
            "kind": "Role",
            "metadata": own(names::OPERATOR),
            "rules": rules::own_namespace(names::CERTIFICATE_SECRET),
        }),
        binding(options, "RoleBinding", own(names::OPERATOR), ("Role", names::OPERATOR)),
    ];
    if parts.contains(&Part::Authority) {
        let there = || objects::metadata(names::CA, Some(options.prometheus_namespace()));
        found.push(json!({
            "apiVersion": RBAC,
            "kind": "Role",
            "metadata": there(),
            "rules": rules::prometheus_namespace(names::CERTIFICATE_SECRET),
        }));
        found.push(binding(options, "RoleBinding", there(), ("Role", names::CA)));
    }
    found
}

/// What users of a namespace may do with our kinds comes with the roles they have.
pub(crate) fn users(parts: &Parts) -> Vec<Value> {
    if !parts.contains(&Part::Rbac) {
        return Vec::new();
    }
    let role = |name: &str, to: &[&str], rules: Value| {
        let labels: serde_json::Map<String, Value> = to
            .iter()
            .map(|role| (format!("rbac.authorization.k8s.io/aggregate-to-{role}"), json!("true")))
            .collect();
        json!({
            "apiVersion": RBAC,
            "kind": "ClusterRole",
            "metadata": { "name": name, "labels": labels },
            "rules": rules,
        })
    };
    vec![
        role(names::USER_EDIT, &["admin", "edit"], rules::user_edit()),
        role(names::USER_VIEW, &["view"], rules::user_view()),
    ]
}

fn binding(options: &Options, kind: &str, metadata: Value, (role_kind, role): (&str, &str)) -> Value {
    json!({
        "apiVersion": RBAC,
        "kind": kind,
        "metadata": metadata,
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role },
        "subjects": [{
            "kind": "ServiceAccount",
            "name": names::OPERATOR,
            "namespace": options.namespace,
        }],
    })
}
