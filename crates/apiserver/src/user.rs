//! Who asks.

use std::collections::BTreeMap;

/// In whose name nobody in particular asks.
pub const ANONYMOUS: &str = "system:anonymous";
const UNAUTHENTICATED: &str = "system:unauthenticated";
const AUTHENTICATED: &str = "system:authenticated";
/// Who keeps the cluster alive: its members may do everything, also when nobody can be asked whether they may.
const MASTERS: &str = "system:masters";

/// Who asks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct User {
    /// The name.
    pub name: String,
    /// What tells two of one name apart; may be empty.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
    /// Whatever else was said of it.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// Somebody nobody knows.
    #[must_use]
    pub fn anonymous() -> Self {
        let groups = vec![UNAUTHENTICATED.to_owned()];
        Self { name: ANONYMOUS.to_owned(), groups, ..Self::default() }
    }

    /// Whether it may do everything.
    #[must_use]
    pub fn is_master(&self) -> bool {
        self.groups.iter().any(|group| group == MASTERS)
    }

    /// With the group of all who are known, as in the original.
    pub(crate) fn known(mut self) -> Self {
        let is_told = |group: &String| group == AUTHENTICATED || group == UNAUTHENTICATED;
        if self.name != ANONYMOUS && !self.groups.iter().any(is_told) {
            self.groups.push(AUTHENTICATED.to_owned());
        }
        self
    }
}
