//! How the page looks in a real browser: colours, widths, and for those who hear it or use the keyboard alone.

use browser::Browser;
use gateway::{Config, OtherPage};
use serde_json::json;

use super::sample;
use super::site::Site;

/// Pictures for people to look at.
const PICTURES: &str = env!("CARGO_TARGET_TMPDIR");

#[test]
fn it_is_legible_in_light_and_dark_wide_and_narrow() {
    let browser = Browser::start();
    let site = Site::start(Config {
        enable_admin_api: true,
        flags: [
            ("web.enable-admin-api".to_owned(), "true".to_owned()),
            ("persistence.interval".to_owned(), "5m0s".to_owned()),
        ]
        .into(),
        other_pages: vec![OtherPage { name: "Backups".into(), href: "/else".into() }],
        ..Config::default()
    });
    let empty = Site::start(Config::default());
    sample::ordinary(&site);
    let hostile = Site::start(Config::default());
    sample::hostile(&hostile);
    let group = "group=job/nightly-import/instance/batch-7/path@base64/L3Zhci9saWIvaW1wb3J0LzIwMjY";
    let views = [
        ("empty", &empty, "/".to_owned()),
        ("groups", &site, "/".to_owned()),
        ("found", &site, "/?q=namespace%3Ddemo".to_owned()),
        ("group", &site, format!("/?{group}")),
        ("family", &site, format!("/?{group}&family=import_chunk_seconds")),
        ("confirm", &site, format!("/?delete=group&{group}")),
        ("status", &site, "/?view=status".to_owned()),
        ("help", &site, "/?view=help".to_owned()),
        ("hostile", &hostile, "/".to_owned()),
    ];
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        for width in [1200, 400] {
            browser.resize(width);
            for (name, site, path) in &views {
                browser.open(&site.address(path));
                let unfolded = "[...document.querySelectorAll('details.card')].filter(card => /import|evil/.test(card.dataset.key))";
                browser.script(&format!("{unfolded}.forEach(card => {{ card.open = true }})"));
                browser.until(
                    "the families",
                    &format!("{unfolded}.every(card => card.querySelector('.families'))"),
                );
                let families = "details.family:not([data-key=import_rows_total], [data-key*=push])";
                browser.script(&format!(
                    "document.querySelectorAll('{families}').forEach(family => {{ family.open = true }})"
                ));
                let place = format!("{name}, {scheme}, {width} px");
                let wide = browser.script("return document.documentElement.scrollWidth");
                assert_eq!(wide, width, "{place}: the page is wider than the window");
                assert_eq!(browser.illegible(), json!([]), "{place}: text of too little contrast");
                let picture = browser.picture(PICTURES, &format!("gateway-{name}-{scheme}-{width}"));
                assert!(picture.starts_with(b"\x89PNG") && picture.len() > 5_000, "{place}");
            }
            let ground = browser.script("return getComputedStyle(document.body).backgroundColor");
            assert_eq!(
                ground.as_str().is_some_and(|colour| colour.starts_with("rgb(1")),
                scheme == "dark",
                "{ground}"
            );
        }
    }
}

#[test]
fn it_can_be_heard_and_walked_by_keyboard() {
    let browser = Browser::start();
    let site = Site::start(Config { enable_admin_api: true, ..Config::default() });
    sample::ordinary(&site);
    for path in [
        "/",
        "/?view=status",
        "/?view=help",
        "/?group=job/nightly-import/instance/batch-7/path@base64/L3Zhci9saWIvaW1wb3J0LzIwMjY",
    ] {
        browser.open(&site.address(path));
        assert_eq!(browser.inaccessible(), json!([]), "{path}");
    }
    browser.open(&site.address("/?q=nightly"));
    browser.script("document.querySelector('.found a').focus()");
    browser.press_tab();
    browser.until("the group's turn", "document.activeElement.matches('details.card > summary')");
    browser.press_enter();
    browser.until("the families", "document.querySelector('.families')");
    browser.press_tab();
    browser.until("the family's turn", "document.activeElement.matches('details.family > summary')");
}
