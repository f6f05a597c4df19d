//! One card per Recovery: how far it has come, path by path.

use domain::objects::recovery::RecoveryPhase;
use look::{Clock, words};
use maud::{Markup, html};

use super::backups::reason;
use super::{badge, progress};
use crate::page::model::{RecoveredPath, RecoveryView};

pub(super) fn recovery(recovery: &RecoveryView, clock: &Clock<'_>) -> Markup {
    let id = format!("recovery/{}/{}", recovery.namespace, recovery.name);
    let name = format!("{}/{}", recovery.namespace, recovery.name);
    let (class, word) = phase(recovery.phase);
    html! {
        article.card.(class) id=(id) aria-labelledby={ (id) "/name" } {
            header {
                h3 id={ (id) "/name" } { span.namespace { (recovery.namespace) "/" } (recovery.name) }
                span.badges { (badge(class, word)) }
            }
            @if let Some(running) = &recovery.running { (progress(running, &name, clock)) }
            @if let Some(failure) = &recovery.failure {
                div.failure.failed {
                    p.reason { strong { (reason(failure)) } }
                    pre.message { (failure.message) }
                }
            }
            @if let Some(message) = &recovery.message { p.lead { (message) } }
            dl.facts {
                div { dt { "From repository" } dd { (recovery.repository) } }
                div {
                    dt { "Snapshot" }
                    dd { @match &recovery.snapshot { Some(name) => code { (name) }, None => "the latest of each path" } }
                }
                @if let Some(started) = recovery.started {
                    div { dt { "Started" } dd { (clock.time(started)) } }
                }
                @if let Some(ended) = recovery.ended {
                    div {
                        dt { "Ended" }
                        dd {
                            (clock.time(ended))
                            @if let Some(took) = recovery.started.and_then(|started| ended.duration_since(started).try_into().ok()) {
                                ", took " (words::duration(took))
                            }
                        }
                    }
                }
            }
            @if !recovery.paths.is_empty() {
                h4 { "Paths" }
                ul.groups { @for path in &recovery.paths { (recovered(path)) } }
            }
        }
    }
}

fn recovered(path: &RecoveredPath) -> Markup {
    let (class, word) = phase(path.phase);
    html! {
        li {
            p {
                code.path { (path.path) }
                (badge(class, word))
                @if let Some(files) = path.files { span { (words::count(files, "file", "files")) } }
                @if let Some(bytes) = path.bytes { span { (words::bytes(bytes)) } }
                @if let Some(took) = path.duration { span { "took " (words::duration(took)) } }
                @if let Some(snapshot) = &path.snapshot { span { "from " code { (snapshot) } } }
            }
            @if let Some(error) = &path.error { pre.message { (error) } }
        }
    }
}

/// Style class and word of a phase.
fn phase(phase: RecoveryPhase) -> (&'static str, &'static str) {
    match phase {
        RecoveryPhase::Pending => ("waiting", "Pending"),
        RecoveryPhase::Running => ("running", "Running"),
        RecoveryPhase::Succeeded => ("succeeded", "Succeeded"),
        RecoveryPhase::Failed => ("failed", "Failed"),
        RecoveryPhase::Unknown => ("cancelled", "Unknown"),
    }
}
