//! What 0.8.3 left behind and nobody else takes away.

use domain::rules::names::CLUSTER_ROLE_SIDECAR;
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::Api;
use kube::api::ListParams;

use crate::context::Context;
use crate::error::Error;

/// Notes the RoleBindings that 0.8.3 made, which have no label to watch them by. Whoever gives a workload its own Role
/// then takes the old binding away; one that a user made for a sidecar written by hand stays.
pub(crate) async fn note_old_bindings(context: &Context) -> Result<(), Error> {
    let api: Api<RoleBinding> = Api::all(context.client.clone());
    let bindings = api.list(&ListParams::default()).await.map_err(Error::of("list", "RoleBindings"))?;
    for binding in bindings {
        let metadata = binding.metadata;
        if binding.role_ref.kind == "ClusterRole" && binding.role_ref.name == CLUSTER_ROLE_SIDECAR {
            let (namespace, name) =
                (metadata.namespace.unwrap_or_default(), metadata.name.unwrap_or_default());
            context.world.owned.saw("RoleBinding", &namespace, &name, metadata.resource_version);
        }
    }
    Ok(())
}
