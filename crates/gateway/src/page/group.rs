//! One group with its families, and one family with all its series.

use exposition::GroupingKey;
use http::StatusCode;
use jiff::Timestamp;
use look::{Clock, words};
use maud::{Markup, html};

use super::query::{Listing, Target, key_of};
use super::values::{self, Rows};
use super::{Scene, Shown, frame, groups, labels};
use crate::store::{Group, Held};

/// Families on one page of a group.
pub(super) const FAMILIES: usize = 200;
/// Rows of all tables on one page: what comes behind them is a click away.
pub(super) const ROWS: usize = 1_000;
/// Series of one family on the page of its group.
pub(super) const FEW: usize = 20;

/// Families of the group at `path`, from number `from` on.
pub(super) fn render(scene: &Scene<'_>, path: &str, from: usize) -> Shown {
    match find(scene, path) {
        Err(shown) => shown,
        Ok((key, group)) => {
            let content = html! {
                (crumbs(scene, &key, path, None))
                div #group.body { (body(scene, &key, group, path, from)) }
            };
            Shown::new(labels::title(&key), content)
        }
    }
}

/// Series of one family, from number `from` on.
pub(super) fn render_family(scene: &Scene<'_>, path: &str, family: &str, from: usize) -> Shown {
    let (key, group) = match find(scene, path) {
        Ok(found) => found,
        Err(shown) => return shown,
    };
    let Some(held) = group.family(family) else {
        return not_found("This group has no such family (any more)", path, scene);
    };
    let mut rows = Rows(ROWS);
    let series = held.series.get(from..).unwrap_or_default();
    let (table, shown) = values::table(held, series, &key, &mut rows, &scene.clock);
    let behind = from + shown;
    let content = html! {
        (crumbs(scene, &key, path, Some(family)))
        div.card {
            (about(held, scene))
            (table)
            @if from > 0 || behind < held.series.len() {
                p.actions {
                    span.quiet { (part(from, shown, held.series.len(), "series")) }
                    @if from > 0 { a href=(scene.links.family(path, family, 0)) { "From the first" } }
                    @if behind < held.series.len() {
                        a rel="next" href=(scene.links.family(path, family, behind)) { "Next series" }
                    }
                }
            }
        }
    };
    Shown::new(held.name.to_string(), content)
}

fn find<'a>(scene: &'a Scene<'_>, path: &str) -> Result<(GroupingKey, &'a Group), Shown> {
    let key = key_of(path).map_err(|reason| Shown {
        code: StatusCode::BAD_REQUEST,
        ..Shown::new("Not a group", frame::sorry("That is not a group", &reason, scene))
    })?;
    match scene.store.group(&key) {
        Some(group) => Ok((key, group)),
        None => Err(not_found("There is no such group (any more)", path, scene)),
    }
}

fn not_found(what: &str, path: &str, scene: &Scene<'_>) -> Shown {
    let content =
        html! { div #gone { (frame::sorry(what, &format!("It was asked for at {path}."), scene)) } };
    Shown { code: StatusCode::NOT_FOUND, ..Shown::new("Not found", content) }
}

/// Where the reader is: the heading.
fn crumbs(scene: &Scene<'_>, key: &GroupingKey, path: &str, family: Option<&str>) -> Markup {
    let all = html! {
        span.labels { @for (name, value) in labels::ordered(key) { (labels::label(name, value, labels::full)) } }
    };
    html! {
        p.crumbs {
            a href=(scene.links.home()) { "All groups" }
            @if family.is_some() { " › " a href=(scene.links.group(path, 0)) { "This group" } }
        }
        @match family {
            Some(family) => {
                h2.name { (labels::full(family)) }
                p.of { (all) }
            },
            None => h2.of { (all) },
        }
    }
}

fn body(scene: &Scene<'_>, key: &GroupingKey, group: &Group, path: &str, from: usize) -> Markup {
    let mut rows = Rows(ROWS);
    let all = group.families.len();
    let shown = group.families.get(from..).unwrap_or_default();
    let shown = shown.get(..FAMILIES).unwrap_or(shown);
    html! {
        dl.facts {
            div { dt { "Last success" } dd { (moment(group.times.pushed, &scene.clock)) } }
            div {
                dt { "Last failure" }
                dd {
                    @if !group.times.last_push_succeeded() { (frame::badge("failed", "✕", "Last push failed!")) " " }
                    (moment(group.times.failed, &scene.clock))
                }
            }
            div { dt { "Holds" } dd { (groups::amount(group)) } }
            div.wide { dt { "Address" } dd { code { (labels::full(&key.to_path_with(scene.config.names()))) } } }
        }
        ul.families { @for held in shown { li { (family(scene, held, key, path, &mut rows)) } } }
        @if from > 0 || from + shown.len() < all {
            p.actions {
                span.quiet { (part(from, shown.len(), all, "families")) }
                @if from > 0 { a href=(scene.links.group(path, 0)) { "From the first" } }
                @if from + shown.len() < all { a rel="next" href=(scene.links.group(path, from + shown.len())) { "Next families" } }
            }
        }
        p.actions {
            a.delete.button href=(scene.links.confirm(&Target::Group(path.to_owned()), &Listing::default())) { "Delete group…" }
            @if key.labels().len() > 1 {
                a href=(scene.links.label("job", key.job())) { "All groups of this job" }
            }
        }
    }
}

/// How long ago, and when.
fn moment(time: Option<Timestamp>, clock: &Clock<'_>) -> Markup {
    html! {
        @match time {
            Some(time) => { (clock.time(time)) " " span.quiet { (words::absolute(time, clock.zone)) } },
            None => "never",
        }
    }
}

fn family(scene: &Scene<'_>, held: &Held, key: &GroupingKey, path: &str, rows: &mut Rows) -> Markup {
    let few = held.series.get(..FEW).unwrap_or(&held.series);
    let (table, shown) = values::table(held, few, key, rows, &scene.clock);
    html! {
        details.family data-key=(held.name) {
            summary {
                span.name { (labels::short(&held.name)) }
                span.kind { (held.kind.as_protobuf().to_lowercase().replace('_', " ")) }
                span.gist { (values::gist(held, &scene.clock)) }
            }
            (about(held, scene))
            (table)
            @if shown < held.series.len() {
                p.actions {
                    a href=(scene.links.family(path, &held.name, 0)) {
                        @if held.series.len() == 1 { "Its series" } @else { "All " (words::grouped(held.series.len() as u64)) " series" }
                    }
                }
            }
        }
    }
}

fn about(held: &Held, scene: &Scene<'_>) -> Markup {
    html! {
        @if !held.help.is_empty() { p.help { (labels::full(&held.help)) } }
        p.quiet {
            (held.kind.as_protobuf().to_lowercase().replace('_', " ")) ", last pushed " (scene.clock.time(held.time))
        }
    }
}

/// `Families 201 to 400 of 512`.
fn part(from: usize, shown: usize, all: usize, what: &str) -> String {
    let [first, last, all] = [from + 1, from + shown, all].map(|number| words::grouped(number as u64));
    if shown == 0 {
        format!("No more {what}: there are {all}")
    } else {
        format!("{what} {first} to {last} of {all}")
    }
}
