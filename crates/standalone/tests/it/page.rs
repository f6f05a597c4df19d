//! The page in a real browser: what people see, that it stays current, and that it asks nobody else for anything.

mod sample;
mod server;

use browser::Browser;
use jiff::SignedDuration;
use serde_json::json;
use server::Server;
use standalone::page::model::PageModel;

/// Nothing was refused, missing or broken, and nothing was asked of another origin; the page did refresh itself.
fn assert_quiet(browser: &Browser, server: &Server) {
    let log = browser.log("browser");
    assert!(log.is_empty(), "the console is not empty: {log:#?}");
    let requests = browser.requests();
    assert!(
        requests.iter().any(|url| url.ends_with("/page/state")),
        "requests are not recorded: {requests:?}"
    );
    let foreign: Vec<_> = requests.iter().filter(|url| !url.starts_with(&server.origin())).collect();
    assert!(foreign.is_empty(), "requests to somebody else: {foreign:?}");
}

#[test]
fn everything_is_there_and_nobody_else_is_asked() {
    let server = Server::start(sample::busy());
    let browser = Browser::start();
    browser.open(&server.origin());
    let text = browser.text();
    for words in [
        "Backups of backup-host",
        "1 of 4 backups failed, 1 of 4 not in order, 1 object refused, 1 recovery failed",
        "demo/website",
        "Last success",
        "2 hours 5 minutes ago",
        "the password of repository host-mail is not the one in Secret demo/mail-key",
        "keeps last 5, daily 7; then prune",
        "/srv/mail/spool/lock: permission denied (os error 13)",
        "41 %",
        "First session",
        "Paused",
        "2 ticks of the schedule skipped",
        "broken.yaml",
        "What to do: Give the Restic another name",
        "no snapshot of /srv/website/uploads",
    ] {
        assert!(text.contains(words), "{words:?} is not on the page:\n{text}");
    }
    assert!(browser.title().starts_with("1 of 4 backups failed"), "{}", browser.title());
    browser.until(
        "a refresh",
        "performance.getEntriesByType('resource').some(e => e.name.endsWith('/page/state'))",
    );
    assert_quiet(&browser, &server);
}

#[test]
fn the_policy_of_the_page_stops_code_that_is_not_ours() {
    let server = Server::start(sample::busy());
    let browser = Browser::start();
    browser.open(&server.origin());
    browser.script(
        "const s = document.createElement('script'); s.textContent = 'window.broken = true'; document.body.append(s);
         const i = document.createElement('img'); i.src = 'http://127.0.0.1:1/x.png'; document.body.append(i);",
    );
    assert_eq!(browser.script("return window.broken"), json!(null));
    browser.until_logged(&["script-src", "img-src"]);
}

#[test]
fn every_answer_says_what_a_browser_may_do_with_it() {
    let server = Server::start(sample::busy());
    let browser = Browser::start();
    browser.open(&server.origin());
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/page/state", "text/html; charset=utf-8"),
        ("/page/style.css", "text/css; charset=utf-8"),
        ("/page/live.js", "text/javascript; charset=utf-8"),
        ("/page/morph.js", "text/javascript; charset=utf-8"),
        ("/page/icon.svg", "image/svg+xml"),
    ] {
        let names = "['content-type', 'x-content-type-options', 'cache-control', 'x-frame-options']";
        let script = format!("return fetch('{path}').then(r => {names}.map(name => r.headers.get(name)))");
        assert_eq!(browser.script(&script), json!([kind, "nosniff", "no-store", "DENY"]), "{path}");
        let script = format!("return fetch('{path}').then(r => r.headers.get('content-security-policy'))");
        let policy = browser.script(&script);
        let policy = policy.as_str().unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
    }
}

#[test]
fn the_page_follows_the_state_and_leaves_the_reader_alone() {
    let server = Server::start(sample::busy());
    let browser = Browser::start();
    browser.open(&server.origin());
    browser.script(
        "window.marker = 'not reloaded';
         document.querySelector('details[id]').open = true;
         const message = document.querySelector('pre.message');
         getSelection().selectAllChildren(message);
         window.scrollTo(0, 300);",
    );
    let selected = browser.script("return getSelection().toString()");
    assert_ne!(selected, json!(""));

    let progress = |percent: u8| format!("document.querySelector('progress').value === {percent}");
    browser.until("the first progress", &progress(41));
    for (bytes, percent) in [(60, 60), (99, 99)] {
        server.change(|model| {
            if let Some(running) = &mut model.restics[0].running {
                running.bytes_done = bytes << 20;
                running.bytes_total = Some(100 << 20);
                running.current_file = Some(format!("/srv/website/at-{bytes}.html"));
            }
        });
        browser.until("progress to move", &progress(percent));
        assert!(browser.text().contains(&format!("/srv/website/at-{bytes}.html")));
    }
    assert_eq!(browser.script("return window.scrollY"), 300);
    server.change(|model| {
        model.now += SignedDuration::from_mins(3);
        model.restics[0].running = None;
        sample::succeed(model);
    });
    browser.until("the new verdict", "document.title.startsWith('All 4 backups are in order')");
    browser.until("the end of progress", "document.querySelector('progress') === null");
    assert!(browser.text().contains("2 hours 8 minutes ago"));
    assert_eq!(browser.script("return window.marker"), "not reloaded");
    assert_eq!(browser.script("return document.querySelector('details[id]').open"), true);
    assert_quiet(&browser, &server);
}

#[test]
fn a_selection_survives_a_refresh() {
    let server = Server::start(sample::busy());
    let browser = Browser::start();
    browser.open(&server.origin());
    browser.script("getSelection().selectAllChildren(document.querySelector('.failure pre.message'))");
    let selected = browser.script("return getSelection().toString()");
    assert!(selected.as_str().is_some_and(|text| text.contains("the password of repository")), "{selected}");
    server.change(|model| model.now += SignedDuration::from_mins(1));
    browser.until("the refresh", "document.body.innerText.includes('2 hours 6 minutes ago')");
    assert_eq!(browser.script("return getSelection().toString()"), selected);
}

#[test]
fn a_process_that_is_gone_is_said_and_one_that_is_back_is_seen() {
    let mut server = Server::start(sample::busy());
    let browser = Browser::start();
    browser.open(&server.origin());
    let banner = "document.getElementById('connection')";
    assert_eq!(browser.script(&format!("return {banner}.hidden")), true);
    server.stop();
    browser.until(
        "the loss to be said",
        &format!("{banner}.innerText.startsWith('Connection lost: the process')"),
    );
    assert!(browser.text().contains("demo/website"), "what was known stays on the page");
    server.change(sample::succeed);
    server.restart();
    browser.until("the page to recover", &format!("{banner}.hidden"));
    browser.until("the new state", "document.title.startsWith('All 4 backups are in order')");
}

#[test]
fn another_version_of_the_program_brings_its_own_page() {
    let server = Server::start(sample::busy());
    let browser = Browser::start();
    browser.open(&server.origin());
    browser.script("window.marker = 'old'");
    server.change(|model| model.version = "1.0.0".into());
    browser.until(
        "the reload",
        "window.marker === undefined && document.body.innerText.includes('Stash 1.0.0')",
    );
}

#[test]
fn without_javascript_the_page_is_whole_and_reloads_itself() {
    let server = Server::start(sample::busy());
    let browser = Browser::start();
    browser.disable_javascript();
    browser.open(&server.origin());
    assert!(browser.text().contains("the password of repository host-mail"));
    server.change(sample::succeed);
    browser.until("the reload", "document.title.startsWith('All 4 backups are in order')");
    assert!(!browser.requests().iter().any(|url| url.ends_with("/page/state")), "no script ran");
}

#[test]
fn it_is_legible_in_light_and_dark_wide_and_narrow() {
    let now = sample::now();
    let states = [
        (
            "empty",
            PageModel { host: "backup-host".into(), folder: "/etc/stash".into(), ..PageModel::empty(now) },
        ),
        ("first", sample::first()),
        ("busy", sample::busy()),
    ];
    let browser = Browser::start();
    for (state, model) in states {
        let server = Server::start(model);
        for scheme in ["light", "dark"] {
            browser.prefer(scheme);
            let mut pictures = Vec::new();
            for width in [1200, 400] {
                browser.resize(width);
                browser.open(&server.origin());
                assert_eq!(
                    browser.script("return document.documentElement.scrollWidth"),
                    width,
                    "{state}, {scheme}, {width} px: the page is wider than the window"
                );
                let illegible = browser.illegible();
                assert_eq!(
                    illegible,
                    json!([]),
                    "{state}, {scheme}, {width} px: text of too little contrast"
                );
                pictures.push(
                    browser.picture(env!("CARGO_TARGET_TMPDIR"), &format!("page-{state}-{scheme}-{width}")),
                );
            }
            assert!(pictures.iter().all(|picture| picture.starts_with(b"\x89PNG") && picture.len() > 5_000));
            let ground = browser.script("return getComputedStyle(document.body).backgroundColor");
            let dark = ground.as_str().is_some_and(|colour| colour.starts_with("rgb(1"));
            assert_eq!(dark, scheme == "dark", "{ground}");
        }
    }
}

#[test]
fn it_can_be_heard_and_walked_by_keyboard() {
    let server = Server::start(sample::busy());
    let browser = Browser::start();
    browser.open(&server.origin());
    assert_eq!(browser.inaccessible(), json!([]));
    let astray = "[...document.querySelectorAll('.places a')].filter(e => !document.getElementById(e.getAttribute('href').slice(1)))";
    let astray = browser.script(&format!("return {astray}.map(e => e.outerHTML)"));
    assert_eq!(astray, json!([]), "links of the verdict lead nowhere");
    browser.press_tab();
    let focused = browser.script("return document.activeElement.textContent");
    assert_eq!(focused, "demo/mail", "the first stop is what is wrong");
}
