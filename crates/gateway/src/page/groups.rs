//! The list: groups that match, one page of them, without their families.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use exposition::GroupingKey;
use look::{Clock, words};
use maud::{Markup, html};

use super::filter::Filter;
use super::frame::badge;
use super::query::{Listing, Order, Target, path_of};
use super::{Scene, Shown, labels};
use crate::store::{Group, Store, Times};

/// Groups on one page.
pub(super) const PER_PAGE: usize = 50;

type Entry<'a> = (&'a GroupingKey, &'a Group);

pub(super) fn render(scene: &Scene<'_>, listing: &Listing, deleted: Option<u64>) -> Shown {
    let filter = Filter::parse(&listing.filter);
    let found = found(scene.store, listing, &filter);
    let failed = scene.store.groups().filter(|(_, group)| !group.times.last_push_succeeded()).count();
    let all = scene.store.group_count();
    let pages = found.len().div_ceil(PER_PAGE).max(1);
    let page = listing.page.min(pages - 1);
    let listing = &Listing { page, ..listing.clone() };
    let shown = found.iter().skip(page * PER_PAGE).take(PER_PAGE);
    let content = html! {
        @if let Some(deleted) = deleted {
            p.notice.succeeded role="status" { (words::count(deleted, "group", "groups")) " deleted." }
        }
        section #groups aria-labelledby="groups-title" {
            div.heading {
                h2 #groups-title { (words::count(all as u64, "group", "groups")) }
                p.origin {
                    (words::grouped(scene.store.series_count() as u64)) " series"
                    @if failed > 0 {
                        ", "
                        a href=(scene.links.groups(&Listing { failed: true, ..Listing::default() })) {
                            (words::grouped(failed as u64)) " whose last push failed"
                        }
                    }
                }
            }
            @if all == 0 {
                (nothing_yet(scene))
            } @else {
                (form(scene, listing))
                (summary(scene, listing, &filter, found.len()))
                ul.list { @for entry in shown { (item(scene, listing, *entry)) } }
                @if pages > 1 { (pagination(scene, listing, pages)) }
                @if scene.config.enable_admin_api {
                    p.actions.end {
                        a.delete.button href=(scene.links.confirm(&Target::All, &Listing::default())) {
                            "Delete all " (words::count(all as u64, "group", "groups")) "…"
                        }
                    }
                }
            }
        }
    };
    Shown::new(words::count(all as u64, "group", "groups"), content)
}

/// All groups that match, in the order that is asked for. Groups that are equal in it are ordered by their labels.
fn found<'a>(store: &'a Store, listing: &Listing, filter: &Filter) -> Vec<Entry<'a>> {
    let has_failed = |group: &Group| !group.times.last_push_succeeded();
    let mut found: Vec<Entry<'_>> = store
        .groups()
        .filter(|(key, group)| (!listing.failed || has_failed(group)) && filter.fits(key))
        .collect();
    // Stable sorts, of groups that come sorted by their keys.
    found.sort_by(|(a, _), (b, _)| a.job().cmp(b.job()));
    match listing.order {
        Order::Labels => {}
        Order::FailedFirst => found.sort_by_key(|(_, group)| !has_failed(group)),
        Order::NewestFirst => found.sort_by_key(|(_, group)| Reverse(group.times.pushed)),
        Order::OldestFirst => found.sort_by_key(|(_, group)| group.times.pushed),
    }
    found
}

/// Groups that a deletion by these labels would delete: how many, and the first few.
pub(super) fn doomed<'a>(
    store: &'a Store,
    labels: &BTreeMap<String, String>,
    few: usize,
) -> (usize, Vec<&'a GroupingKey>) {
    let doomed = store.groups().map(|(key, _)| key);
    let doomed: Vec<_> = doomed
        .filter(|key| labels.iter().all(|(name, value)| key.labels().get(name) == Some(value)))
        .collect();
    (doomed.len(), doomed.into_iter().take(few).collect())
}

fn nothing_yet(scene: &Scene<'_>) -> Markup {
    html! {
        div.card.waiting {
            p.nothing {
                "Nothing has been pushed yet. "
                a href=(scene.links.view("help")) { "How to push" }
            }
        }
    }
}

fn form(scene: &Scene<'_>, listing: &Listing) -> Markup {
    html! {
        form.filter role="search" method="get" action=(scene.links.home()) {
            div.field.wide {
                label for="q" { "Filter by labels" }
                input #q type="search" name="q" value=(listing.filter) aria-describedby="q-help" spellcheck="false"
                    autocapitalize="off" autocomplete="off";
            }
            div.field {
                label for="order" { "Order" }
                select #order name="order" {
                    @for order in Order::ALL {
                        option value=(order.as_str()) selected[order == listing.order] { (order.words()) }
                    }
                }
            }
            label.check { input type="checkbox" name="failed" value="1" checked[listing.failed]; " Only failed" }
            button type="submit" { "Apply" }
            p.hint #q-help {
                "Words in any label, or exact labels such as " code { "job=backup" } " or " code { "path=\"a b\"" }
                "; all have to fit."
            }
        }
    }
}

/// What the filter has found, and what can be done with it.
fn summary(scene: &Scene<'_>, listing: &Listing, filter: &Filter, found: usize) -> Markup {
    if listing.filter.is_empty() && !listing.failed {
        return html! {};
    }
    let everything = Listing { order: listing.order, ..Listing::default() };
    html! {
        p.found role="status" {
            strong { (words::count(found as u64, "group fits", "groups fit")) }
            " "
            a href=(scene.links.groups(&everything)) { "Show all" }
            @if found > 0 && !listing.failed && filter.labels().is_some() {
                " "
                a.delete href=(scene.links.confirm(&Target::Matching(listing.filter.clone()), &everything)) {
                    @if found == 1 { "Delete it…" } @else { "Delete these " (words::grouped(found as u64)) "…" }
                }
            }
        }
    }
}

fn item(scene: &Scene<'_>, listing: &Listing, (key, group): Entry<'_>) -> Markup {
    let path = path_of(key);
    let class = if group.times.last_push_succeeded() { "fine" } else { "failed" };
    html! {
        li id={ "group:" (path) } {
            details.card.(class) data-key=(path) {
                summary {
                    span.labels { @for (name, value) in labels::ordered(key) { (labels::label(name, value, labels::short)) } }
                    span.when { (result(group.times, &scene.clock)) }
                }
                // The script replaces this by what the first link leads to.
                div.body {
                    p.actions {
                        a.more href=(scene.links.group(&path, 0)) { (amount(group)) }
                        a.delete href=(scene.links.confirm(&Target::Group(path.clone()), listing)) { "Delete group…" }
                    }
                }
            }
        }
    }
}

/// `24 families, 31 series`.
pub(super) fn amount(group: &Group) -> String {
    let series: usize = group.families.iter().map(|held| held.series.len()).sum();
    let families = words::count(group.families.len() as u64, "family", "families");
    format!("{families}, {} series", words::grouped(series as u64))
}

/// How the last push went, and when.
pub(super) fn result(times: Times, clock: &Clock<'_>) -> Markup {
    html! {
        @match (times.pushed, times.failed) {
            (Some(pushed), _) if times.last_push_succeeded() => {
                span { "pushed " (clock.time(pushed)) }
            },
            (pushed, Some(failed)) => {
                (badge("failed", "✕", "Last push failed!"))
                " "
                span {
                    (clock.time(failed)) ", "
                    @match pushed {
                        Some(pushed) => { "last success " (clock.time(pushed)) },
                        None => "never succeeded",
                    }
                }
            },
            _ => span { "never pushed" },
        }
    }
}

fn pagination(scene: &Scene<'_>, listing: &Listing, pages: usize) -> Markup {
    let to = |page: usize| scene.links.groups(&Listing { page, ..listing.clone() });
    let last = pages - 1;
    // The ends, and the neighbours of the page that is shown.
    let near = |page: usize| page == 0 || page == last || page.abs_diff(listing.page) <= 2;
    let shown: Vec<usize> = (0..pages).filter(|page| near(*page)).collect();
    html! {
        nav.pages aria-label="Pages" {
            ul {
                @if listing.page > 0 { li { a rel="prev" href=(to(listing.page - 1)) { "Previous" } } }
                @for (index, page) in shown.iter().copied().enumerate() {
                    @if index > 0 && shown.get(index - 1) != Some(&page.saturating_sub(1)) { li.gap aria-hidden="true" { "…" } }
                    li {
                        a href=(to(page)) aria-current=[(page == listing.page).then_some("page")] aria-label={ "Page " (page + 1) } {
                            (words::grouped(page as u64 + 1))
                        }
                    }
                }
                @if listing.page < last { li { a rel="next" href=(to(listing.page + 1)) { "Next" } } }
            }
        }
    }
}
