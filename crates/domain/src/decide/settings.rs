//! What an installation decides for all containers of ours: their image, their gateway, their flags.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::rules::names;

/// Port of the push gateway at the operator's Service.
pub const PUSHGATEWAY_PORT: u16 = 56789;

/// What the operator was told at its start. A change of any of it changes the pods that it makes or injects into.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// The image of our containers.
    pub image: Image,
    /// `Always`, `IfNotPresent` or `Never`; none leaves the choice to Kubernetes.
    pub image_pull_policy: Option<String>,
    /// Where sessions push their metrics, see [`pushgateway_url`]; empty for nowhere.
    pub pushgateway_url: String,
    /// Flags of the logger, for every container of ours, as `--v=3`.
    pub log_flags: Vec<String>,
    /// Longest stable delay of a session after its tick, so that many sidecars do not start at once; zero turns it
    /// off.
    pub jitter: Duration,
    /// Time between two checks of a Repository; zero for none.
    pub check_interval: Duration,
}

/// Address of the push gateway that the operator serves.
#[must_use]
pub fn pushgateway_url(service: &str, operator_namespace: &str) -> String {
    format!("http://{service}.{operator_namespace}.svc:{PUSHGATEWAY_PORT}")
}

/// An image, apart from its tag because a Restic may choose another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Image {
    /// Registry and name: `appscode/stash`.
    pub repository: String,
    /// Tag, or digest (`sha256:…`).
    pub tag: String,
}

impl Image {
    /// The reference, with the tag of the object's annotation where it has one.
    #[must_use]
    pub fn reference(&self, annotations: Option<&BTreeMap<String, String>>) -> String {
        let chosen = annotations.and_then(|annotations| annotations.get(names::ANNOTATION_TAG));
        let tag = chosen.filter(|tag| !tag.is_empty()).unwrap_or(&self.tag);
        let separator = if tag.contains(':') { '@' } else { ':' };
        format!("{}{separator}{tag}", self.repository)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_the_tag_of_the_object_or_our_own() {
        let mut image = Image { repository: "registry:5000/appscode/stash".into(), tag: "0.9.0".into() };
        assert_eq!(image.reference(None), "registry:5000/appscode/stash:0.9.0");
        let annotations = BTreeMap::from([(names::ANNOTATION_TAG.to_owned(), "0.8.3".to_owned())]);
        assert_eq!(image.reference(Some(&annotations)), "registry:5000/appscode/stash:0.8.3");
        image.tag = "sha256:0123".into();
        assert_eq!(image.reference(None), "registry:5000/appscode/stash@sha256:0123");
    }
}
