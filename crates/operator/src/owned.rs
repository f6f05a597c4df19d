//! What we make for others (Roles, bindings, ServiceAccounts, CronJobs): written when it should be other than what
//! we wrote last, or when somebody else wrote it since, and not otherwise.
//!
//! The API server does not change an object that is applied unchanged, but it is asked all the same; a thousand
//! workloads would ask it thousands of times for nothing.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::decide::rbac::Access;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, is_missing};

/// Who we are to the API server: owner of the fields that we write.
pub(crate) const FIELD_MANAGER: &str = "stash-operator";

/// What was written, and what is there.
#[derive(Default)]
pub(crate) struct Owned(Mutex<HashMap<Key, Known>>);

/// Kind, namespace, name.
type Key = (String, String, String);

#[derive(Default)]
struct Known {
    /// The version that is there, as far as the watch has told; `None` when it is not there.
    there: Option<String>,
    /// Hash of what we wrote last, and the version that it got.
    written: Option<(u64, String)>,
}

impl Owned {
    /// The watch saw this version, or that it is gone. Returns whether somebody else did that.
    pub(crate) fn saw(&self, kind: &str, namespace: &str, name: &str, version: Option<String>) -> bool {
        let mut known = self.lock();
        let key = (kind.to_owned(), namespace.to_owned(), name.to_owned());
        let Some(entry) = known.get_mut(&key) else {
            if version.is_some() {
                known.insert(key, Known { there: version, written: None });
            }
            return false;
        };
        let ours = entry.written.as_ref().map(|(_, version)| version) == version.as_ref();
        entry.there = version;
        let expected = entry.written.is_some();
        if entry.there.is_none() {
            known.remove(&key);
        }
        expected && !ours
    }

    /// Whether there is such an object, as far as the watch has told.
    pub(crate) fn has(&self, kind: &str, namespace: &str, name: &str) -> bool {
        let key = (kind.to_owned(), namespace.to_owned(), name.to_owned());
        self.lock().get(&key).is_some_and(|known| known.there.is_some())
    }

    /// Applies an object unless it is there as we wrote it.
    pub(crate) async fn apply<K>(&self, client: &Client, object: &K) -> Result<(), Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + Debug + DeserializeOwned + Serialize,
    {
        let meta = object.meta();
        let kind = K::kind(&()).into_owned();
        let namespace = meta.namespace.clone().unwrap_or_default();
        let name = meta.name.clone().unwrap_or_default();
        let what = format!("{kind} {namespace}/{name}");
        let mut json =
            serde_json::to_value(object).map_err(|source| Error::Json { object: what.clone(), source })?;
        json["apiVersion"] = K::api_version(&()).into();
        json["kind"] = kind.clone().into();
        let mut hasher = DefaultHasher::new();
        json.to_string().hash(&mut hasher);
        let hash = hasher.finish();

        let key = (kind, namespace.clone(), name.clone());
        let as_written = |known: &Known| {
            let (written, version) = known.written.as_ref()?;
            (*written == hash && known.there.as_ref() == Some(version)).then_some(())
        };
        if self.lock().get(&key).and_then(as_written).is_some() {
            return Ok(());
        }
        let api: Api<K> = Api::namespaced(client.clone(), &namespace);
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let written =
            api.patch(&name, &parameters, &Patch::Apply(&json)).await.map_err(Error::of("write", what))?;
        if let Some(version) = written.meta().resource_version.clone() {
            let known = Known { there: Some(version.clone()), written: Some((hash, version)) };
            self.lock().insert(key, known);
        }
        Ok(())
    }

    /// Applies everything that gives rights: the Role before its binding, so that nothing is bound to nothing.
    pub(crate) async fn apply_access(&self, client: &Client, access: &Access) -> Result<(), Error> {
        if let Some(account) = &access.service_account {
            self.apply(client, account).await?;
        }
        self.apply(client, &access.role).await?;
        self.apply(client, &access.role_binding).await
    }

    /// Deletes an object, if the watch has seen it.
    pub(crate) async fn delete<K>(&self, client: &Client, namespace: &str, name: &str) -> Result<(), Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let kind = K::kind(&()).into_owned();
        if !self.has(&kind, namespace, name) {
            return Ok(());
        }
        let api: Api<K> = Api::namespaced(client.clone(), namespace);
        match api.delete(name, &DeleteParams::background()).await {
            Ok(_) => {}
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(Error::of("delete", format!("{kind} {namespace}/{name}"))(error)),
        }
        self.lock().remove(&(kind, namespace.to_owned(), name.to_owned()));
        Ok(())
    }

    /// Takes rights of this name back.
    pub(crate) async fn delete_access(
        &self,
        client: &Client,
        namespace: &str,
        name: &str,
    ) -> Result<(), Error> {
        self.delete::<RoleBinding>(client, namespace, name).await?;
        self.delete::<Role>(client, namespace, name).await?;
        self.delete::<ServiceAccount>(client, namespace, name).await
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saw(owned: &Owned, version: Option<&str>) -> bool {
        owned.saw("Role", "shop", "web", version.map(ToOwned::to_owned))
    }

    fn wrote(owned: &Owned, version: &str) {
        let known = Known { there: Some(version.to_owned()), written: Some((7, version.to_owned())) };
        owned.lock().insert(("Role".into(), "shop".into(), "web".into()), known);
    }

    #[test]
    fn what_we_wrote_ourselves_is_no_news() {
        let owned = Owned::default();
        assert!(!saw(&owned, Some("1")), "it was there before we looked");
        wrote(&owned, "2");
        assert!(!saw(&owned, Some("2")));
    }

    #[test]
    fn a_hand_that_changes_or_deletes_what_is_ours_is_noticed() {
        let owned = Owned::default();
        wrote(&owned, "2");
        assert!(saw(&owned, Some("3")));
        wrote(&owned, "4");
        assert!(saw(&owned, None));
        assert!(!owned.has("Role", "shop", "web"));
    }
}
