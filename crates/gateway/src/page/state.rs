//! The state of the gateway: since when it runs, what it holds, whether it can keep that, what it takes.

use std::time::Duration;

use exposition::{Family, Value};
use look::words;
use maud::{Markup, html};

use super::{Scene, Shown, labels};

pub(super) fn render(scene: &Scene<'_>) -> Shown {
    let content = html! {
        (process(scene))
        (persistence(scene))
        (limits(scene))
        (refused(scene))
        (flags(scene))
    };
    Shown::new("Status", content)
}

/// A duration that somebody chose: no more digits than it has.
fn set(duration: Duration) -> String {
    let whole = duration.subsec_nanos() == 0 && duration < Duration::from_secs(60);
    if whole { format!("{}s", duration.as_secs()) } else { words::duration(duration) }
}

fn section(id: &str, heading: &str, content: &Markup) -> Markup {
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (heading) }
            div.card { (content) }
        }
    }
}

/// Names and values in a grid.
fn facts(facts: &[(&str, Markup)]) -> Markup {
    html! { dl.facts { @for (name, value) in facts { div { dt { (name) } dd { (value) } } } } }
}

fn process(scene: &Scene<'_>) -> Markup {
    let (store, started) = (scene.store, scene.gateway.0.started);
    let oldest = store.groups().filter_map(|(_, group)| group.times.pushed).min();
    let failed = store.groups().filter(|(_, group)| !group.times.last_push_succeeded()).count();
    let number = |number: usize| html! { (words::grouped(number as u64)) };
    let content = facts(&[
        (
            "Started",
            html! { (scene.clock.time(started)) " " span.quiet { (words::absolute(started, scene.clock.zone)) } },
        ),
        ("Version", html! { (scene.config.version) }),
        ("Built for", html! { (std::env::consts::OS) " " (std::env::consts::ARCH) }),
        ("Groups", number(store.group_count())),
        ("Series", number(store.series_count())),
        ("Families", number(store.families().count())),
        ("Last push failed", html! { (words::count(failed as u64, "group", "groups")) }),
        ("Oldest push", html! { @match oldest { Some(oldest) => (scene.clock.time(oldest)), None => "–" } }),
    ]);
    section("process", "Process", &content)
}

fn persistence(scene: &Scene<'_>) -> Markup {
    let config = scene.config;
    let content = match &config.persistence_file {
        None => html! { p { "Off: groups are kept in memory only, and are gone when the process ends." } },
        Some(file) => {
            let saves = scene.gateway.0.keeper.stats();
            let number = |number: u64| html! { @if number > 0 { strong.failed.toned { (words::grouped(number)) } } @else { "0" } };
            facts(&[
                ("File", html! { code { (labels::full(&file.display().to_string())) } }),
                ("Saved after changes, at most every", html! { (set(config.persistence_interval)) }),
                (
                    "Last save",
                    html! {
                        @match saves.last_save {
                            Some(time) => (scene.clock.time(time)),
                            None => "none since the start",
                        }
                    },
                ),
                (
                    "Size",
                    html! { @if saves.last_save.is_some() { (words::bytes(saves.bytes)) } @else { "–" } },
                ),
                ("Saves that failed", number(saves.errors)),
                ("Damaged files moved aside", number(saves.damaged)),
            ])
        }
    };
    section("persistence", "Persistence", &content)
}

fn limits(scene: &Scene<'_>) -> Markup {
    let (config, limits) = (scene.config, scene.config.limits);
    let bytes = |bytes: usize| html! { (words::bytes(bytes as u64)) };
    let switch = |on: bool| html! { @if on { "on" } @else { "off" } };
    let content = facts(&[
        ("Body of a push", bytes(limits.body_bytes)),
        ("Body, unpacked", bytes(limits.unpacked_bytes)),
        ("Series of a push", html! { (words::grouped(limits.series as u64)) }),
        ("Memory for pushes", bytes(limits.memory_bytes)),
        ("Waits for memory", html! { (set(limits.memory_wait)) }),
        (
            "Groups expire",
            html! {
                @match config.expire_after {
                    Some(after) => { (set(after)) " after their last push" },
                    None => "never",
                }
            },
        ),
        ("Consistency check", switch(!config.disable_consistency_check)),
        ("UTF-8 names", switch(config.enable_utf8_names)),
        ("Admin API", switch(config.enable_admin_api)),
        ("Lifecycle API", switch(config.enable_lifecycle)),
    ]);
    section("limits", "Limits and switches", &content)
}

/// Pushes that were refused since the start: the family that is scraped, so that both say the same.
fn refused(scene: &Scene<'_>) -> Markup {
    let own = scene.gateway.own_families(scene.store);
    let family = own.into_iter().find(|family| family.name == "pushgateway_pushes_rejected_total");
    let rows: Vec<_> = family.iter().flat_map(reasons).collect();
    let content = html! {
        @if rows.is_empty() {
            p { "None since the start." }
        } @else {
            div.table tabindex="0" role="region" aria-labelledby="refused" {
                table {
                    thead { tr { th scope="col" { "Reason" } th.number scope="col" { "Pushes" } } }
                    tbody {
                        @for (reason, count) in rows { tr { th scope="row" { (reason) } td.number { (words::grouped(count)) } } }
                    }
                }
            }
        }
    };
    section("refused", "Refused pushes", &content)
}

fn reasons(family: &Family) -> impl Iterator<Item = (&str, u64)> {
    family.samples.iter().filter_map(|sample| match sample.value {
        Value::Number(count) => Some((sample.labels.get("reason")?.as_str(), count as u64)),
        _ => None,
    })
}

fn flags(scene: &Scene<'_>) -> Markup {
    let content = html! {
        @if scene.config.flags.is_empty() {
            p { "None: the gateway is a part of a larger program." }
        } @else {
            div.table tabindex="0" role="region" aria-labelledby="flags" {
                table {
                    thead { tr { th scope="col" { "Flag" } th scope="col" { "Value" } } }
                    tbody {
                        @for (name, value) in &scene.config.flags {
                            tr { th scope="row" { code { (name) } } td { code { (labels::full(value)) } } }
                        }
                    }
                }
            }
        }
    };
    section("flags", "Flags", &content)
}
