//! Asks before something is deleted. What answers it is a plain form, so that it works without JavaScript; with it the
//! same section is shown in a dialogue.

use http::StatusCode;
use look::words;
use maud::{Markup, html};

use super::filter::Filter;
use super::query::{Listing, Target, key_of};
use super::{Scene, Shown, frame, groups, labels};

/// Groups that are named before many are deleted.
const NAMED: usize = 10;

pub(super) fn render(scene: &Scene<'_>, target: &Target, back: &Listing) -> Shown {
    match target {
        Target::Group(path) => match key_of(path) {
            Err(reason) => refused(StatusCode::BAD_REQUEST, &reason, scene),
            Ok(key) => match scene.store.group(&key) {
                None => refused(StatusCode::NOT_FOUND, "There is no such group (any more).", scene),
                Some(group) => {
                    let what = html! {
                        p.of { span.labels { @for (name, value) in labels::ordered(&key) { (labels::label(name, value, labels::full)) } } }
                        p { (groups::amount(group)) "; " (groups::result(group.times, &scene.clock)) "." }
                    };
                    asked(scene, "Delete this group?", "Delete group", target, back, &what)
                }
            },
        },
        Target::Matching(filter) => match Filter::parse(filter).labels() {
            None => refused(StatusCode::BAD_REQUEST, BY_LABELS, scene),
            Some(wanted) => {
                let (count, first) = groups::doomed(scene.store, &wanted, NAMED);
                let heading = format!("Delete {}?", words::count(count as u64, "group", "groups"));
                let what = html! {
                    p { "All groups with " span.labels { @for (name, value) in &wanted { (labels::label(name, value, labels::full)) } } ":" }
                    ul.doomed {
                        @for key in &first {
                            li.labels { @for (name, value) in labels::ordered(key) { (labels::label(name, value, labels::short)) } }
                        }
                        @if count > first.len() {
                            li { "and " (words::grouped((count - first.len()) as u64)) " more" }
                        }
                    }
                };
                asked(scene, &heading, "Delete groups", target, back, &what)
            }
        },
        Target::All if !scene.config.enable_admin_api => refused(StatusCode::FORBIDDEN, NOT_ENABLED, scene),
        Target::All => {
            let count = scene.store.group_count() as u64;
            let heading = format!("Delete all {}?", words::count(count, "group", "groups"));
            let what = html! { p { "Nothing of what was pushed will be left: " (words::grouped(scene.store.series_count() as u64)) " series." } };
            asked(scene, &heading, "Delete all groups", target, back, &what)
        }
    }
}

pub(super) const BY_LABELS: &str =
    "Groups are deleted by exact labels, such as job=backup, and by nothing else.";
pub(super) const NOT_ENABLED: &str = "Deleting all groups at once is not enabled: the admin API is off.";

fn refused(code: StatusCode, why: &str, scene: &Scene<'_>) -> Shown {
    Shown { code, ..Shown::new("Nothing to delete", frame::sorry("Nothing to delete", why, scene)) }
}

fn asked(
    scene: &Scene<'_>,
    heading: &str,
    verb: &str,
    target: &Target,
    back: &Listing,
    what: &Markup,
) -> Shown {
    let content = html! {
        section #confirm.card.failed {
            h2 #confirm-title { (heading) }
            (what)
            p.quiet { "It cannot be undone. Whoever pushes again makes it anew." }
            form method="post" action=(scene.links.below("/status/delete")) {
                @for (name, value) in target.parameters() { input type="hidden" name=(name) value=(value); }
                input type="hidden" name="back" value=(back.query());
                p.actions {
                    button.danger type="submit" { (verb) }
                    a.cancel href=(scene.links.groups(back)) { "Cancel" }
                }
            }
        }
    };
    Shown::new(heading, content)
}
