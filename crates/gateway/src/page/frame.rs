//! The document around every view: its head, the way to the other views, and what is at the end of each.

use look::words;
use maud::{DOCTYPE, Markup, html};

use super::query::View;
use super::{Scene, Shown, asset};

const NAME: &str = "Push gateway";

/// The icon, in the document: there is nothing else to ask for.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' \
    height='16' rx='3' fill='%231f5c9c'/%3E%3Cpath d='M8 12V4M4.5 7.5 8 4l3.5 3.5' fill='none' stroke='%23fff' \
    stroke-width='2' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E";

pub(super) fn document(scene: &Scene<'_>, view: &View, shown: &Shown) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (shown.title) " – " (NAME) }
                link rel="icon" type="image/svg+xml" href=(ICON);
                link rel="stylesheet" href=(asset::address(asset::STYLE, &scene.links));
                script src=(asset::address(asset::SCRIPT, &scene.links)) type="module" {}
            }
            body {
                p #connection role="alert" hidden {}
                main {
                    header.page {
                        h1 { (NAME) }
                        (navigation(scene, view))
                    }
                    (shown.content)
                    (footer(scene))
                }
                dialog #dialog aria-labelledby="confirm-title" {}
            }
        }
    }
    .into_string()
}

fn navigation(scene: &Scene<'_>, view: &View) -> Markup {
    let is_groups = !matches!(view, View::State | View::Help | View::Unknown(_));
    let entry = |href: String, name: &str, current: bool| {
        html! { li { a href=(href) aria-current=[current.then_some("page")] { (name) } } }
    };
    html! {
        nav aria-label="Views" {
            ul {
                (entry(scene.links.home(), "Groups", is_groups))
                (entry(scene.links.view("status"), "Status", *view == View::State))
                (entry(scene.links.view("help"), "Help", *view == View::Help))
                @for other in &scene.config.other_pages { (entry(other.href.clone(), &other.name, false)) }
            }
        }
    }
}

fn footer(scene: &Scene<'_>) -> Markup {
    let metrics = format!("/{}", scene.config.telemetry_path.trim_matches('/'));
    html! {
        footer {
            span {
                "As of "
                time datetime=(scene.clock.now) { (words::absolute(scene.clock.now, scene.clock.zone)) }
            }
            // Shown by the script, which does it.
            label.needs-script hidden { input #refresh type="checkbox"; " Refresh every 10 seconds" }
            a href=(scene.links.below(&metrics)) { "Metrics" }
            span { "Version " (scene.config.version) }
        }
    }
}

/// A view that is only a sentence, and the way back.
pub(super) fn sorry(heading: &str, why: &str, scene: &Scene<'_>) -> Markup {
    html! {
        section {
            h2 { (heading) }
            div.card.waiting {
                p { (why) }
                p.actions { a href=(scene.links.home()) { "All groups" } }
            }
        }
    }
}

/// A status as a word, a sign and a colour, so that no one of them has to be seen.
pub(super) fn badge(class: &str, sign: &str, words: &str) -> Markup {
    html! { span.badge.(class) { span.sign aria-hidden="true" { (sign) } (words) } }
}
