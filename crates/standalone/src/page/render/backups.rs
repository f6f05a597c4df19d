//! One card per Restic: how it stands, what went wrong, what comes next, and its past.

use domain::report::{Failure, Outcome};
use look::{Clock, words};
use maud::{Markup, html};

use super::verdict::{anchor, is_overdue};
use super::{badge, progress};
use crate::page::model::{GroupView, HistoryPoint, Integrity, RepositoryView, ResticView};
use crate::page::plot;

/// Sessions listed in words below the plots.
const LISTED: usize = 20;

pub(super) fn restic(restic: &ResticView, clock: &Clock<'_>) -> Markup {
    let id = anchor(restic);
    let name = format!("{}/{}", restic.namespace, restic.name);
    let repository = restic.repository.as_ref();
    let result = repository.and_then(|repository| repository.last_result);
    // Before the first session there is nothing to say about the past, and a list of nothings says it badly.
    let seasoned = repository.filter(|repository| has_past(repository));
    html! {
        article.card.(standing(repository)) id=(id) aria-labelledby={ (id) "/name" } {
            header {
                h3 id={ (id) "/name" } { span.namespace { (restic.namespace) "/" } (restic.name) }
                span.badges {
                    @if restic.running.is_some() { (badge("running", "Running")) }
                    @if restic.paused { (badge("paused", "Paused")) }
                    @if is_overdue(restic, clock.now) { (badge("incomplete", "Overdue")) }
                    (result_badge(result))
                    @if let Some(repository) = repository { (damage(repository)) }
                }
            }
            @if let Some(running) = &restic.running { (progress(running, &name, clock)) }
            @if let Some(repository) = repository { (failure_of(repository, clock)) }
            dl.facts {
                (next(restic, clock))
                @if let Some(repository) = seasoned { (past(repository, clock)) }
                (fact("Schedule", &html! { code { (restic.schedule) } }))
                @if let Some(repository) = seasoned { (stock(repository, clock)) }
                @if let Some(repository) = repository { (place(repository)) }
            }
            @match seasoned {
                Some(repository) => (plots(repository, clock)),
                None => p.nothing {
                    "Results, snapshots and plots show here after the first session, which also makes the repository \
                     if there is none."
                },
            }
            (groups(&restic.groups, repository.and_then(|repository| repository.failure.as_ref())))
            (ticks(restic))
            @if let Some(repository) = repository {
                (sessions(&repository.history, &id, clock))
            }
        }
    }
}

/// A repository that no Restic of the folder fills.
pub(super) fn lone_repository(repository: &RepositoryView, clock: &Clock<'_>) -> Markup {
    let id = format!("repository/{}", repository.name);
    html! {
        article.card.(standing(Some(repository))) id=(id) aria-labelledby={ (id) "/name" } {
            header {
                h3 id={ (id) "/name" } { (repository.name) }
                span.badges { (result_badge(repository.last_result)) (damage(repository)) }
            }
            (failure_of(repository, clock))
            dl.facts { (past(repository, clock)) (stock(repository, clock)) (place(repository)) }
            (plots(repository, clock))
            (sessions(&repository.history, &id, clock))
        }
    }
}

/// The style of a card: a damaged repository is not in order, however the last session ended.
fn standing(repository: Option<&RepositoryView>) -> &'static str {
    match repository {
        Some(repository) if repository.integrity == Integrity::Damaged => class(Some(Outcome::Failed)),
        Some(repository) => class(repository.last_result),
        None => class(None),
    }
}

fn class(result: Option<Outcome>) -> &'static str {
    result.map_or("waiting", plot::class)
}

fn result_badge(result: Option<Outcome>) -> Markup {
    badge(class(result), result.map_or("No session yet", Outcome::as_str))
}

fn damage(repository: &RepositoryView) -> Markup {
    html! {
        @if repository.integrity == Integrity::Damaged { (badge("failed", "Damaged")) }
    }
}

/// The whole text of the failure, and since when there was no success: the two things a person who is woken needs.
fn failure_of(repository: &RepositoryView, clock: &Clock<'_>) -> Markup {
    let Some(failure) = &repository.failure else { return html! {} };
    let class = class(repository.last_result);
    html! {
        div.failure.(class) {
            p.reason {
                strong { (reason(failure)) }
                span.since {
                    @match repository.last_success {
                        Some(success) => { "last success " (clock.time(success)) },
                        None => "no session has succeeded so far",
                    }
                }
            }
            pre.message { (failure.message) }
        }
    }
}

/// `Wrong password`, from the metric label `wrong_password`.
pub(super) fn reason(failure: &Failure) -> String {
    let words = failure.reason.as_str().replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn next(restic: &ResticView, clock: &Clock<'_>) -> Markup {
    let first = restic.repository.as_ref().is_none_or(|repository| repository.last_backup.is_none());
    let name = if first && restic.running.is_none() { "First session" } else { "Next session" };
    fact(
        name,
        &html! {
            @match restic.next_run {
                _ if restic.paused => "paused",
                None => "none is due",
                Some(next) if next > clock.now => { "due " (clock.time(next)) },
                Some(_) if restic.running.is_some() => "after this one",
                Some(next) => { "was due " (clock.time(next)) },
            }
        },
    )
}

fn has_past(repository: &RepositoryView) -> bool {
    repository.last_backup.is_some() || repository.snapshots.is_some() || !repository.history.is_empty()
}

fn past(repository: &RepositoryView, clock: &Clock<'_>) -> Markup {
    let (last, success) = (repository.last_backup, repository.last_success);
    let took = repository.history.last().filter(|point| Some(point.start) == last);
    html! {
        (fact("Last session", &html! {
            @match last {
                Some(last) => {
                    (clock.time(last))
                    @if let Some(point) = took { ", took " (words::duration(point.duration)) }
                },
                None => "none yet",
            }
        }))
        (fact("Last success", &html! {
            @match success { Some(success) => (clock.time(success)), None => "none yet" }
        }))
    }
}

fn stock(repository: &RepositoryView, clock: &Clock<'_>) -> Markup {
    html! {
        (fact("Snapshots", &html! {
            @match repository.snapshots { Some(count) => (words::grouped(count)), None => "not counted yet" }
        }))
        (fact("Size", &html! {
            @match repository.size_bytes {
                Some(bytes) => span title={ (words::grouped(bytes)) " bytes" } { (words::bytes(bytes)) },
                None => "not measured yet",
            }
        }))
        (fact("Integrity", &html! {
            @match repository.integrity {
                Integrity::Unknown => "not checked yet",
                Integrity::Ok => "ok",
                Integrity::Damaged => strong { "damaged" },
            }
            @if let Some(checked) = repository.last_check { ", checked " (clock.time(checked)) }
        }))
    }
}

fn place(repository: &RepositoryView) -> Markup {
    html! {
        div.wide {
            dt { "Repository" }
            dd { (repository.name) @if !repository.location.is_empty() { " at " code { (repository.location) } } }
        }
    }
}

fn plots(repository: &RepositoryView, clock: &Clock<'_>) -> Markup {
    html! {
        div.plots {
            (plot::durations(&repository.history, clock.zone))
            (plot::sizes(&repository.history, clock.zone))
        }
    }
}

fn groups(groups: &[GroupView], known: Option<&Failure>) -> Markup {
    html! {
        @if !groups.is_empty() {
            h4 { "File groups" }
            ul.groups {
                @for group in groups {
                    li {
                        p {
                            code.path { (group.path) }
                            @if let Some(result) = group.last_result { (badge(plot::class(result), result.as_str())) }
                            @for tag in &group.tags { span.tag { (tag) } }
                            span.retention { "keeps " (group.retention) }
                        }
                        // What the card already says at its top is not said twice.
                        @if let Some(failure) = group.failure.as_ref().filter(|failure| Some(*failure) != known) {
                            pre.message { (failure.message) }
                        }
                        (skipped(group))
                    }
                }
            }
        }
    }
}

fn skipped(group: &GroupView) -> Markup {
    html! {
        @if group.files_skipped > 0 {
            details open {
                summary { (words::count(group.files_skipped, "file", "files")) " could not be read" }
                ul.skipped {
                    @for file in &group.skipped { li { code { (file.path) } ": " (file.error) } }
                    @let listed = group.skipped.len() as u64;
                    @if group.files_skipped > listed && listed > 0 {
                        li { "and " (words::grouped(group.files_skipped - listed)) " more" }
                    }
                }
            }
        }
    }
}

fn ticks(restic: &ResticView) -> Markup {
    html! {
        @if restic.skipped_ticks > 0 {
            p.ticks {
                (words::count(restic.skipped_ticks, "tick", "ticks"))
                " of the schedule skipped since the start, because a session was still running."
            }
        }
        @if restic.late_ticks > 0 {
            p.ticks {
                (words::count(restic.late_ticks, "tick", "ticks"))
                " of the schedule served late since the start: the machine was suspended or overloaded."
            }
        }
    }
}

/// The plots in words: for who cannot see or point at them.
fn sessions(history: &[HistoryPoint], id: &str, clock: &Clock<'_>) -> Markup {
    html! {
        @if !history.is_empty() {
            details id={ (id) "/sessions" } {
                summary { "Last " (words::count(history.len().min(LISTED) as u64, "session", "sessions")) }
                div.table tabindex="0" role="region" aria-label="Sessions, newest first" {
                    table {
                        thead { tr {
                            th scope="col" { "Started" }
                            th scope="col" { "Result" }
                            th.number scope="col" { "Took" }
                            th.number scope="col" { "Added" }
                            th.number scope="col" { "Size" }
                        } }
                        tbody {
                            @for point in history.iter().rev().take(LISTED) {
                                tr {
                                    td { (clock.time(point.start)) }
                                    td { (badge(plot::class(point.outcome), point.outcome.as_str())) }
                                    td.number { (words::duration(point.duration)) }
                                    td.number { (measured(point.bytes_added)) }
                                    td.number { (measured(point.repository_bytes)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn measured(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "–".to_owned(), words::bytes)
}
