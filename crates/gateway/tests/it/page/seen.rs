//! What people see and do in a real browser, with and without JavaScript.

use browser::Browser;
use gateway::Config;
use serde_json::json;

use super::sample;
use super::site::Site;

fn start(config: Config) -> (Site, Browser) {
    let site = Site::start(config);
    (site, Browser::start())
}

/// Nothing was refused, missing or broken, and nothing was asked of another origin.
#[track_caller]
fn assert_quiet(browser: &Browser, site: &Site) {
    let log = browser.log("browser");
    assert!(log.is_empty(), "the console is not empty: {log:#?}");
    let requests = browser.requests();
    assert!(!requests.is_empty(), "requests are not recorded");
    let foreign: Vec<_> = requests.iter().filter(|url| !url.starts_with(&site.address("/"))).collect();
    assert!(foreign.is_empty(), "requests to somebody else: {foreign:?}");
}

#[track_caller]
fn assert_says(browser: &Browser, all: &[&str]) {
    let text = browser.text();
    for words in all {
        assert!(text.contains(words), "{words:?} is not on the page:\n{text}");
    }
}

/// The card of a group, by a word in its key.
fn card(word: &str) -> String {
    format!("details.card[data-key*={word}]")
}

#[test]
fn a_group_unfolds_in_its_place_and_stays_open_over_a_reload() {
    let (site, browser) = start(Config::default());
    sample::ordinary(&site);
    browser.open(&site.address("/"));
    assert_says(
        &browser,
        &[
            "6 groups",
            "2 whose last push failed",
            "Last push failed!",
            "never succeeded",
            "demo-website",
            "batch-7",
        ],
    );
    assert!(!browser.text().contains("restic_session_success"), "families are loaded on demand");

    let import = card("nightly-import");
    browser.click(&format!("{import} > summary"));
    let family = format!("{import} details.family[data-key=import_chunk_seconds]");
    browser.until("the families", &format!("document.querySelector('{family}')"));
    assert_says(
        &browser,
        &[
            "import_exit_code",
            "1,804 observations",
            "3 series",
            "/metrics/job/nightly-import/instance/batch-7/path@base64/",
        ],
    );
    browser.click(&format!("{family} > summary"));
    assert_says(&browser, &["How long each chunk took", "(0.1, 0.25]", "894", "sum 402.75, mean 0.2233"]);
    assert_eq!(browser.script(&format!("return document.querySelectorAll('{family} svg rect').length")), 7);

    browser.open(&site.address("/"));
    browser.until("what was open", &format!("document.querySelector('{family}')?.open"));
    assert_eq!(browser.script("return document.querySelectorAll('details[open]').length"), 2);
    browser.click(&format!("{import} > summary"));
    browser.until("it to close", &format!("!document.querySelector('{import}').open"));
    browser.open(&site.address("/"));
    assert_eq!(browser.script("return document.querySelectorAll('details[open]').length"), 0);
    assert_quiet(&browser, &site);
}

#[test]
fn groups_are_found_by_their_labels_and_turned_over_in_pages() {
    let (site, browser) = start(Config::default());
    for number in 0..120 {
        let namespace = format!("ns {}", number % 2);
        site.put("backup", &[("instance", &format!("pod-{number:03}")), ("namespace", &namespace)], "m 1\n");
    }
    browser.open(&site.address("/"));
    let cards = "return document.querySelectorAll('details.card').length";
    assert_eq!(browser.script(cards), 50);
    assert_says(&browser, &["120 groups", "pod-000", "Next"]);
    browser.click("a[rel=next]");
    browser.until("the second page", "document.body.innerText.includes('pod-050')");
    browser.click("a[rel=next]");
    browser.until("the third page", "document.body.innerText.includes('pod-119')");
    assert_eq!(browser.script(cards), 20);
    assert_eq!(browser.script("return document.querySelector('a[rel=next]')"), json!(null));

    browser.script("document.getElementById('q').value = 'POD-1 namespace=\"ns 1\"'");
    browser.click("form.filter button");
    browser.until("the filter", "document.body.innerText.includes('10 groups fit')");
    assert_eq!(browser.script(cards), 10);
    assert_eq!(browser.script("return document.getElementById('q').value"), "POD-1 namespace=\"ns 1\"");
    assert_eq!(browser.script("return document.querySelector('p.found a.delete')"), json!(null));

    browser.script("const order = document.getElementById('order'); order.value = 'newest'; order.dispatchEvent(new Event('change', { bubbles: true }))");
    browser.until("the order", "location.search.includes('order=newest')");
    assert_eq!(
        browser.script("return document.querySelector('.list .label:nth-child(2) > bdi').textContent"),
        "pod-119"
    );
    assert_quiet(&browser, &site);
}

#[test]
fn a_group_is_deleted_after_it_was_confirmed() {
    let (site, browser) = start(Config::default());
    sample::ordinary(&site);
    browser.open(&site.address("/?q=demo"));
    let wiki = card("demo-wiki");
    browser.click(&format!("{wiki} > summary"));
    browser.until("the families", &format!("document.querySelector('{wiki} .families')"));
    let delete = format!("{wiki} a.delete");
    browser.click(&delete);
    browser.until("the question", "document.getElementById('dialog').open");
    assert_says(&browser, &["Delete this group?", "It cannot be undone."]);
    browser.until("the focus", "document.activeElement.className === 'cancel'");
    browser.press_escape();
    browser.until("the end of the question", "!document.getElementById('dialog').open");
    browser.click(&delete);
    browser.until("the question", "document.getElementById('dialog').open");
    browser.click("#dialog .cancel");
    browser.until("the end of the question", "!document.getElementById('dialog').open");
    assert_eq!(site.jobs().len(), 6);

    browser.click(&delete);
    browser.until("the question", "document.getElementById('dialog').open");
    browser.click("#dialog button.danger");
    browser.until("the notice", "document.querySelector('.notice')?.innerText === '1 group deleted.'");
    assert!(!site.jobs().contains(&"demo-wiki".to_owned()) && site.jobs().len() == 5);
    assert_eq!(
        browser.script("return location.pathname + location.search"),
        "/status?q=demo",
        "back where it began"
    );
    assert_quiet(&browser, &site);
}

#[test]
fn groups_are_deleted_by_a_label_they_share() {
    let (site, browser) = start(Config::default());
    sample::ordinary(&site);
    browser.open(&site.address("/?q=namespace%3Ddemo"));
    browser.click("p.found a.delete");
    browser.until("the question", "document.getElementById('dialog').open");
    assert_says(&browser, &["Delete 5 groups?", "All groups with", "demo-website"]);
    browser.click("#dialog button.danger");
    browser.until("the notice", "document.querySelector('.notice')?.innerText === '5 groups deleted.'");
    assert_eq!(site.jobs(), ["nightly-import"]);
}

#[test]
fn without_javascript_everything_is_there() {
    let (site, browser) = start(Config::default());
    sample::ordinary(&site);
    browser.disable_javascript();
    browser.open(&site.address("/"));
    let import = card("nightly-import");
    browser.click(&format!("{import} > summary"));
    assert_says(&browser, &["6 families, 8 series", "Delete group…"]);
    assert!(!browser.text().contains("Refresh every"), "what needs the script is hidden");
    browser.click(&format!("{import} a.more"));
    browser.until("the group", "document.querySelector('#group .families')");
    browser.click("details.family[data-key=import_rows_total] > summary");
    assert_says(&browser, &["All groups", "Rows by what became of them", "inserted", "1204331"]);
    browser.click("#group a.delete");
    browser.until("the question", "document.getElementById('confirm')");
    browser.click("#confirm button.danger");
    browser.until("the notice", "document.querySelector('.notice')?.innerText === '1 group deleted.'");
    assert!(!site.jobs().contains(&"nightly-import".to_owned()) && site.jobs().len() == 5);
    browser.click("nav li:nth-child(3) a");
    browser.until("the help", "document.body.innerText.includes('honor_labels')");
    assert_says(&browser, &[&site.address("/metrics/job/some_job/instance/some_instance")]);
    assert!(!browser.text().contains("Copy"));
    assert_quiet(&browser, &site);
}

#[test]
fn everything_is_deleted_only_where_that_is_enabled() {
    let (site, browser) = start(Config::default());
    sample::ordinary(&site);
    browser.open(&site.address("/"));
    assert!(!browser.text().contains("Delete all"));
    let site = Site::start(Config { enable_admin_api: true, ..Config::default() });
    sample::ordinary(&site);
    browser.open(&site.address("/"));
    assert_says(&browser, &["Delete all 6 groups…"]);
    browser.click(".actions.end a.delete");
    browser.until("the question", "document.getElementById('dialog').open");
    assert_says(&browser, &["Delete all 6 groups?", "Nothing of what was pushed will be left"]);
    browser.click("#dialog button.danger");
    browser.until("the notice", "document.querySelector('.notice')?.innerText === '6 groups deleted.'");
    assert_says(&browser, &["0 groups", "Nothing has been pushed yet."]);
    assert!(site.jobs().is_empty());
}

#[test]
fn another_site_cannot_delete_through_the_reader() {
    let (site, browser) = start(Config { enable_admin_api: true, ..Config::default() });
    sample::ordinary(&site);
    let other = Site::start(Config::default());
    // A page of another origin without a policy: the metrics, which are no document of ours.
    browser.open(&other.address("/metrics"));
    browser.script(&format!(
        "const form = document.createElement('form'); form.method = 'post'; form.action = '{}';
         const field = document.createElement('input'); field.name = 'delete'; field.value = 'all'; form.append(field);
         document.body.append(form); form.submit()",
        site.address("/status/delete"),
    ));
    browser.until("the refusal", "document.body.innerText.includes('The form was not sent by this page')");
    assert_eq!(site.jobs().len(), 6);
}

#[test]
fn hostile_content_is_text() {
    let (site, browser) = start(Config::default());
    sample::hostile(&site);
    browser.open(&site.address("/"));
    browser.click("details.card > summary");
    browser.until("the families", "document.querySelector('.families')");
    browser.script("document.querySelectorAll('details').forEach(details => { details.open = true })");
    assert_says(
        &browser,
        &[
            "<script>window.broken = true</script>",
            "\\u{202e}",
            "javascript:window.broken=true",
            "more characters",
            "ü😀",
        ],
    );
    let harmless = |browser: &Browser| {
        assert_eq!(browser.script("return window.broken"), json!(null));
        assert_eq!(
            browser.script("return document.querySelectorAll('img, main script, [onerror]').length"),
            0
        );
        assert_eq!(browser.script("return [...document.querySelectorAll('[href]')].filter(e => e.protocol === 'javascript:').length"), 0);
        assert_quiet(browser, &site);
    };
    harmless(&browser);
    browser.click("a.delete");
    browser.until("the question", "document.getElementById('dialog').open");
    harmless(&browser);
    browser.click("#dialog button.danger");
    browser.until("the notice", "document.querySelector('.notice')?.innerText === '1 group deleted.'");
    assert!(site.jobs().is_empty(), "its address leads to it, whatever is in it");
}

#[test]
fn it_refreshes_in_place_while_that_is_wanted() {
    let (site, browser) = start(Config::default());
    site.put("first", &[], "m 1\n");
    browser.open(&site.address("/"));
    browser.click(&format!("{} > summary", card("first")));
    browser.until("the families", "document.querySelector('.families')");
    browser.script("window.marker = 'not reloaded'");
    site.put("another", &[], "m 1\n");
    site.put("first", &[], "m 2\nadded 3\n");
    browser.click("#refresh");
    browser.until("the new group", "document.body.innerText.includes('another')");
    assert_says(&browser, &["2 groups", "added"]);
    assert_eq!(browser.script("return window.marker"), "not reloaded");
    assert_eq!(
        browser.script("return [...document.querySelectorAll('details.card[open]')].map(e => e.dataset.key)"),
        json!(["job/first"])
    );
    browser.open(&site.address("/"));
    assert_eq!(browser.script("return document.getElementById('refresh').checked"), true);
    browser.click("#refresh");
    browser.open(&site.address("/"));
    assert_eq!(browser.script("return document.getElementById('refresh').checked"), false);
    assert_quiet(&browser, &site);
}
