//! May they: the API server's word (`SubjectAccessReview`), remembered for a moment.

use std::sync::Arc;

use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};

use crate::ask::{Asked, Remembered, ask};
use crate::request::RequestInfo;
use crate::status::Status;
use crate::user::User;

/// Asks what users may do.
#[derive(Clone, Debug)]
pub(crate) struct Authorizer {
    api: Asked<SubjectAccessReview>,
    answers: Arc<Remembered<Decision>>,
}

#[derive(Clone, Debug)]
struct Decision {
    is_allowed: bool,
    reason: String,
}

impl Authorizer {
    pub(crate) fn new(client: Client) -> Self {
        Self { api: Asked(Api::all(client)), answers: Arc::default() }
    }

    /// Lets through who may, and says why.
    pub(crate) async fn authorize(&self, user: &User, info: &RequestInfo) -> Result<String, Status> {
        if user.is_master() {
            return Ok(String::new());
        }
        let decision = match self.decide(user, info).await {
            Ok(decision) => decision,
            Err(why) => {
                tracing::warn!(
                    user = user.name,
                    "whether somebody may cannot be asked, so nobody does: {why}"
                );
                return Err(Status::internal("it is not known whether this is allowed; try again"));
            }
        };
        if decision.is_allowed {
            return Ok(decision.reason);
        }
        tracing::debug!(user = user.name, verb = info.verb, path = info.path, "refused");
        Err(Status::forbidden(&user.name, info, &decision.reason))
    }

    async fn decide(&self, user: &User, info: &RequestInfo) -> Result<Decision, String> {
        let spec = question(user, info);
        let key = Remembered::<()>::key(&serde_json::to_vec(&spec).map_err(|error| error.to_string())?);
        if let Some(known) = self.answers.get(&key) {
            return Ok(known);
        }
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let answer = ask(self.api.0.create(&PostParams::default(), &review)).await;
        let status = answer.map_err(|error| error.to_string())?.status;
        let status = status.ok_or("the API server gave no answer")?;
        let is_allowed = status.allowed && status.denied != Some(true);
        let decision = Decision { is_allowed, reason: status.reason.unwrap_or_default() };
        self.answers.put(key, decision.clone());
        Ok(decision)
    }
}

fn question(user: &User, info: &RequestInfo) -> SubjectAccessReviewSpec {
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    let resource_attributes = info.resource.as_ref().map(|resource| ResourceAttributes {
        verb: some(&info.verb),
        group: some(&resource.group),
        version: some(&resource.version),
        namespace: some(&resource.namespace),
        resource: some(&resource.resource),
        subresource: some(&resource.subresource),
        name: some(&resource.name),
        ..ResourceAttributes::default()
    });
    let non_resource_attributes = info
        .resource
        .is_none()
        .then(|| NonResourceAttributes { path: some(&info.path), verb: some(&info.verb) });
    SubjectAccessReviewSpec {
        user: some(&user.name),
        uid: some(&user.uid),
        groups: Some(user.groups.clone()),
        extra: (!user.extra.is_empty()).then(|| user.extra.clone()),
        resource_attributes,
        non_resource_attributes,
    }
}
