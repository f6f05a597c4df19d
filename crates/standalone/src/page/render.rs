//! The page as HTML, made on the server, so that it is whole without JavaScript.
//!
//! `maud` escapes everything that is spliced in: names, paths and errors come from users and from storages.

mod backups;
mod recoveries;
mod verdict;

use jiff::Timestamp;
use look::{Clock, words};
use maud::{DOCTYPE, Markup, html};

use super::model::{PageModel, ProblemView, RunningView};
use verdict::Verdict;

/// Seconds within which something that is due or has happened makes the page refresh more often.
const NEAR: i64 = 60;

/// The whole page. It loads `/page/style.css`, `/page/live.js` (with `/page/morph.js`) and `/page/icon.svg` from its own origin, and nothing
/// else; without JavaScript it reloads itself every ten seconds.
#[must_use]
pub fn document(model: &PageModel) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title(model)) }
                link rel="icon" type="image/svg+xml" href="/page/icon.svg";
                link rel="stylesheet" href="/page/style.css";
                script src="/page/live.js" type="module" {}
                noscript { meta http-equiv="refresh" content="10"; }
            }
            body {
                p #connection role="alert" hidden {}
                (state(model))
            }
        }
    }
    .into_string()
}

/// What changes: the `<main>` element of the page, as `/page/state` serves it and `live.js` puts it in place.
///
/// Its attributes speak to `live.js`: `data-title` is the new title of the document, `data-refresh` the milliseconds
/// until the next request, `data-version` the program's version (another one than before reloads the page).
#[must_use]
pub fn fragment(model: &PageModel) -> String {
    state(model).into_string()
}

fn state(model: &PageModel) -> Markup {
    let clock = Clock { now: model.now, zone: &model.zone };
    let verdict = Verdict::of(model);
    html! {
        main #state data-title=(title(model)) data-refresh=(refresh(model)) data-version=(model.version) {
            header.page {
                h1 { "Backups of " span.host { (model.host) } }
                p.origin { "from " code { (model.folder) } }
            }
            (verdict.render())
            @if !model.problems.is_empty() { (problems(&model.problems)) }
            section #backups aria-labelledby="backups-title" {
                h2 #backups-title { "Backups" }
                @if model.restics.is_empty() {
                    (nothing_to_back_up(model))
                } @else {
                    @for restic in &model.restics { (backups::restic(restic, &clock)) }
                }
            }
            @if !model.other_repositories.is_empty() {
                section #repositories aria-labelledby="repositories-title" {
                    h2 #repositories-title { "Other repositories" }
                    @for repository in &model.other_repositories { (backups::lone_repository(repository, &clock)) }
                }
            }
            section #recoveries aria-labelledby="recoveries-title" {
                h2 #recoveries-title { "Recoveries" }
                @if model.recoveries.is_empty() {
                    p.nothing {
                        "None. To restore, put a Recovery into " code { (model.folder) }
                        "; it starts by itself and shows here."
                    }
                } @else {
                    @for recovery in &model.recoveries { (recoveries::recovery(recovery, &clock)) }
                }
            }
            footer {
                span { "As of " time datetime=(model.now) { (words::absolute(model.now, &model.zone)) } }
                a href="/metrics" { "Metrics" }
                a href="/status" { "Push gateway" }
                span { "Stash " (model.version) }
            }
        }
    }
}

fn title(model: &PageModel) -> String {
    format!("{} – Stash on {}", Verdict::of(model).headline, model.host)
}

/// Milliseconds until `live.js` should ask again: often while something moves.
fn refresh(model: &PageModel) -> u32 {
    let running = model.restics.iter().any(|restic| restic.running.is_some())
        || model.recoveries.iter().any(|recovery| recovery.running.is_some());
    let near = |time: Timestamp| time.duration_since(model.now).as_secs().abs() < NEAR;
    let due = model.restics.iter().filter_map(|restic| restic.next_run).any(near);
    match (running, due) {
        (true, _) => 500,
        (false, true) => 1000,
        (false, false) => 2000,
    }
}

fn nothing_to_back_up(model: &PageModel) -> Markup {
    html! {
        div.card.waiting {
            p.nothing {
                @if model.problems.is_empty() {
                    "There is no Restic in " code { (model.folder) } " yet. Put a YAML file with a Restic and its \
                     Secret there: it is read at once, and its first session shows here."
                } @else {
                    "No Restic in " code { (model.folder) } " is accepted. Correct what was refused above: it is read \
                     again at once, and its first session shows here."
                }
            }
        }
    }
}

fn problems(problems: &[ProblemView]) -> Markup {
    html! {
        section #problems aria-labelledby="problems-title" {
            h2 #problems-title { "Refused" }
            p.lead { "These are not backed up or restored until they are corrected; files are read again when they change." }
            @for problem in problems {
                article.card.failed {
                    header {
                        h3 {
                            @if let Some(object) = &problem.object { (object) " in " }
                            code { (problem.file) }
                        }
                        (badge("failed", "Refused"))
                    }
                    pre.message { (problem.problem) }
                    @if !problem.remedy.is_empty() {
                        p.remedy { strong { "What to do: " } (problem.remedy) }
                    }
                }
            }
        }
    }
}

/// A status as a word, a sign and a colour, so that no one of them has to be seen.
fn badge(class: &str, word: &str) -> Markup {
    let sign = match class {
        "succeeded" => "✓",
        "failed" => "✕",
        "incomplete" => "!",
        "running" => "▸",
        "paused" => "‖",
        "cancelled" => "–",
        _ => "○",
    };
    html! {
        span.badge.(class) { span.sign aria-hidden="true" { (sign) } (word) }
    }
}

fn progress(running: &RunningView, what: &str, clock: &Clock<'_>) -> Markup {
    let percent = running.percent();
    html! {
        div.progress {
            p.phase {
                strong { (running.phase) }
                @if let Some(path) = &running.path { " " code { (path) } }
                span.since { "started " (clock.time(running.started)) }
            }
            @match percent {
                Some(percent) => progress max="100" value=(percent) aria-label={ "Progress of " (what) } {},
                None => progress aria-label={ "Progress of " (what) } {},
            }
            p.amounts {
                @if let Some(percent) = percent { span.percent { (percent) " %" } }
                span {
                    (words::grouped(running.files_done))
                    @match running.files_total {
                        Some(total) => { " of " (words::count(total, "file", "files")) },
                        None => { @if running.files_done == 1 { " file" } @else { " files" } },
                    }
                }
                span {
                    (words::bytes(running.bytes_done))
                    @if let Some(total) = running.bytes_total { " of " (words::bytes(total)) }
                }
            }
            // Always there, so that the page does not jump between two files.
            p.file {
                @match &running.current_file {
                    Some(file) => code title=(file) { (file) },
                    None => "\u{a0}",
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
