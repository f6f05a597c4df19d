//! Why a reconcile did not come to its end. It is tried again later, so the text says on which object and what to do.

use kube::core::Status;

/// What the API server, or the object itself, refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Somebody changed the object since it was read; it is looked at again at once.
    #[error("{0} was changed by somebody else meanwhile")]
    Conflict(String),
    /// The API server refused for a reason that the person who installed us can mend.
    #[error(
        "the operator may not {doing} {object}: {message}; apply the ClusterRole of this release, see the guide of \
         the installation"
    )]
    Forbidden {
        /// `read`, `write`, …
        doing: &'static str,
        /// Kind, namespace and name.
        object: String,
        /// The API server's words.
        message: String,
    },
    /// Anything else that the API server said, or that kept it from saying anything.
    #[error("cannot {doing} {object}: {source}")]
    Api {
        /// `read`, `write`, …
        doing: &'static str,
        /// Kind, namespace and name.
        object: String,
        /// The client's error.
        source: Box<kube::Error>,
    },
    /// Pods were not replaced in time.
    #[error(
        "pods of {0} still have the container `stash`: others of it do not serve, or a PodDisruptionBudget holds them up"
    )]
    PodsStayed(String),
    /// An object cannot be written as JSON: a defect of ours.
    #[error("{object} cannot be written as JSON: {source}")]
    Json {
        /// Kind, namespace and name.
        object: String,
        /// What serde said.
        source: serde_json::Error,
    },
}

impl Error {
    /// Of a request about an object.
    pub(crate) fn of(doing: &'static str, object: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let object = object.into();
        move |source| match &source {
            kube::Error::Api(status) if status.code == 409 && status.reason != "AlreadyExists" => {
                Error::Conflict(object)
            }
            kube::Error::Api(status) if status.code == 403 && !is_about_its_namespace(status) => {
                Error::Forbidden { doing, object, message: status.message.clone() }
            }
            _ => Error::Api { doing, object, source: Box::new(source) },
        }
    }

    /// Whether it is the ordinary course of things that somebody else was quicker.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Error::Conflict(_))
    }

    /// Whether the namespace goes, so that nothing can be made in it any more and nothing need be.
    pub(crate) fn namespace_is_going(&self) -> bool {
        match self {
            Error::Api { source, .. } => matches!(&**source, kube::Error::Api(status) if status.code == 403),
            _ => false,
        }
    }
}

/// A namespace that is being deleted refuses with the same code as missing rights do.
pub(crate) fn is_about_its_namespace(status: &Status) -> bool {
    status.message.contains("because it is being terminated")
}

/// Whether there is no such object.
pub(crate) fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// Whether there is such an object already.
pub(crate) fn exists_already(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409 && status.reason == "AlreadyExists")
}
