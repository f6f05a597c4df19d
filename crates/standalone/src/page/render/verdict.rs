//! The first line of the page: whether somebody has to do something, and where.

use domain::objects::recovery::RecoveryPhase;
use domain::report::Outcome;
use jiff::Timestamp;
use look::words;
use maud::{Markup, html};

use crate::page::model::{Integrity, PageModel, ResticView};

/// Seconds after which a session that was due and neither runs nor ran is called overdue.
const PATIENCE: i64 = 60;
/// Names that are listed at most.
const NAMED: usize = 8;

/// Whether a session is due since so long that something must hold it up.
pub(super) fn is_overdue(restic: &ResticView, now: Timestamp) -> bool {
    !restic.paused
        && restic.running.is_none()
        && restic.next_run.is_some_and(|next| now.duration_since(next).as_secs() > PATIENCE)
}

/// The id of a Restic's card.
pub(super) fn anchor(restic: &ResticView) -> String {
    format!("restic/{}/{}", restic.namespace, restic.name)
}

/// What the whole page says.
pub(super) struct Verdict {
    /// The worst of it, as a style class.
    class: &'static str,
    /// All of it in a line.
    pub(super) headline: String,
    /// Cards to look at: anchor, name, what is wrong.
    places: Vec<(String, String, &'static str)>,
}

impl Verdict {
    pub(super) fn of(model: &PageModel) -> Self {
        let mut places = Vec::new();
        let (mut failed, mut lacking, mut waiting) = (0_u64, 0_u64, 0_u64);
        for restic in &model.restics {
            let result = restic.repository.as_ref().and_then(|repository| repository.last_result);
            let damaged = restic.repository.as_ref().is_some_and(|r| r.integrity == Integrity::Damaged);
            let wrong = match result {
                _ if damaged => Some("damaged repository"),
                Some(Outcome::Failed) => Some("failed"),
                _ if is_overdue(restic, model.now) => Some("overdue"),
                Some(Outcome::Incomplete) => Some("incomplete"),
                Some(Outcome::Cancelled) => Some("cancelled"),
                Some(Outcome::Succeeded) | None => None,
            };
            match wrong {
                Some("failed" | "damaged repository") => failed += 1,
                Some(_) => lacking += 1,
                None => waiting += u64::from(result.is_none()),
            }
            if let Some(wrong) = wrong {
                places.push((anchor(restic), format!("{}/{}", restic.namespace, restic.name), wrong));
            }
        }
        let refused = model.problems.len() as u64;
        let mut lost = 0_u64;
        for recovery in model.recoveries.iter().filter(|recovery| recovery.phase == RecoveryPhase::Failed) {
            lost += 1;
            let name = format!("{}/{}", recovery.namespace, recovery.name);
            places.push((format!("recovery/{name}"), name, "failed"));
        }
        let all = model.restics.len() as u64;
        let good = all - failed - lacking - waiting;

        let mut parts = Vec::new();
        if failed > 0 {
            parts.push(format!(
                "{} of {} failed",
                words::grouped(failed),
                words::count(all, "backup", "backups")
            ));
        }
        if lacking > 0 {
            parts.push(format!("{} of {all} not in order", words::grouped(lacking)));
        }
        if refused > 0 {
            parts.push(format!("{} refused", words::count(refused, "object", "objects")));
        }
        if lost > 0 {
            parts.push(format!("{} failed", words::count(lost, "recovery", "recoveries")));
        }
        let class = match () {
            () if failed + refused + lost > 0 => "failed",
            () if lacking > 0 => "incomplete",
            () if good > 0 => "succeeded",
            () => "waiting",
        };
        if parts.is_empty() {
            parts.push(match (good, waiting) {
                (0, 0) => "Nothing to back up yet".to_owned(),
                (0, 1) => "The backup waits for its first session".to_owned(),
                (0, _) => format!("{waiting} backups wait for their first session"),
                (1, 0) => "The backup is in order".to_owned(),
                (_, 0) => format!("All {good} backups are in order"),
                (_, 1) => format!("{good} of {all} backups are in order, 1 waits for its first session"),
                _ => format!("{good} of {all} backups are in order, {waiting} wait for their first session"),
            });
        }
        Self { class, headline: parts.join(", "), places }
    }

    pub(super) fn render(&self) -> Markup {
        html! {
            div.verdict.(self.class) {
                p.headline role="status" { (super::badge(self.class, "")) (self.headline) }
                @if !self.places.is_empty() {
                    ul.places {
                        @for (anchor, name, wrong) in self.places.iter().take(NAMED) {
                            li { a href={ "#" (anchor) } { (name) } " " (wrong) }
                        }
                        @if self.places.len() > NAMED { li { "and " (self.places.len() - NAMED) " more" } }
                    }
                }
            }
        }
    }
}
