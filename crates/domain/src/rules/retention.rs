//! In work: a stand-in with the agreed interface.

use crate::objects::restic::RetentionPolicy;

/// A snapshot of one host and path.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its id.
    pub id: String,
    /// When it was made, in its own time zone.
    pub time: jiff::Zoned,
    /// Its tags.
    pub tags: Vec<String>,
}

/// What is to become of it.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Its id.
    pub id: String,
    /// The reasons to keep it; none means that it goes.
    pub keep: Vec<String>,
}

/// Keeps the newest `keep_last`, or everything.
#[must_use]
pub fn apply(policy: &RetentionPolicy, candidates: &[Candidate]) -> Vec<Decision> {
    let mut sorted: Vec<&Candidate> = candidates.iter().collect();
    sorted.sort_by(|a, b| b.time.cmp(&a.time));
    sorted
        .into_iter()
        .enumerate()
        .map(|(index, candidate)| Decision {
            id: candidate.id.clone(),
            keep: if keeps_everything(policy) {
                vec!["no policy".to_owned()]
            } else if (index as i64) < policy.keep_last {
                vec!["last snapshot".to_owned()]
            } else {
                Vec::new()
            },
        })
        .collect()
}

/// Whether the policy has no rule.
#[must_use]
pub fn keeps_everything(policy: &RetentionPolicy) -> bool {
    policy.keep_last == 0
}
