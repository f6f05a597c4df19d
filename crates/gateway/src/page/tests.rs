//! What the documents say, and how large they become.

use exposition::{Family, GroupingKey, Kind, Sample, Value};

use super::*;
use crate::PushMode;

fn gateway(config: Config) -> Gateway {
    Gateway::open(config).unwrap()
}

fn push(gateway: &Gateway, key: &GroupingKey, families: Vec<Family>) {
    gateway.push(key.clone(), families, PushMode::Merge).unwrap();
}

fn key(job: &str, labels: &[(&str, &str)]) -> GroupingKey {
    GroupingKey::new(job, labels.iter().copied()).unwrap()
}

/// Makes the last push of a group fail.
fn fail(gateway: &Gateway, key: &GroupingKey) {
    let mut late = Family::gauge("late", "").with([("x", "1")], 1.0);
    late.samples.iter_mut().for_each(|sample| sample.timestamp = Some(1));
    assert!(gateway.push(key.clone(), vec![late], PushMode::Merge).is_err());
}

fn one(name: &str) -> Family {
    Family::gauge(name, "").with([("x", "1")], 1.0)
}

#[track_caller]
fn shown(gateway: &Gateway, query: &str) -> String {
    let (code, document) = of(gateway, query);
    assert_eq!(code, StatusCode::OK, "{query}: {document}");
    document
}

fn of(gateway: &Gateway, query: &str) -> (StatusCode, String) {
    let (head, ()) = http::Request::get("http://gateway.example:9091/").body(()).unwrap().into_parts();
    render(gateway, query, help::address(&gateway.0.config, &head))
}

/// Jobs in the order of the list.
fn jobs(document: &str) -> Vec<&str> {
    let groups = document.split("<li id=\"group:job/").skip(1);
    groups.filter_map(|group| group.split(['"', '/']).next()).collect()
}

#[test]
fn groups_whose_last_push_failed_are_listed_first() {
    let gateway = gateway(Config::default());
    for job in ["b", "c", "a", "d"] {
        push(&gateway, &key(job, &[("zone", "1"), ("instance", "i")]), vec![one("m")]);
    }
    fail(&gateway, &key("c", &[("zone", "1"), ("instance", "i")]));
    let document = shown(&gateway, "");
    assert_eq!(jobs(&document), ["c", "a", "b", "d"]);
    assert_eq!(document.matches("Last push failed!").count(), 1);
    assert!(document.contains("1 whose last push failed"));
    assert_eq!(jobs(&shown(&gateway, "order=labels")), ["a", "b", "c", "d"]);
    assert_eq!(jobs(&shown(&gateway, "order=newest")), ["d", "a", "c", "b"]);
    assert_eq!(jobs(&shown(&gateway, "order=oldest")), ["b", "c", "a", "d"]);
    assert_eq!(jobs(&shown(&gateway, "failed=1")), ["c"]);
    assert_eq!(jobs(&shown(&gateway, "q=job%3Da")), ["a"]);
    let order = ["job", "instance", "zone"].map(|name| document.find(&format!("<bdi>{name}</bdi>")));
    assert!(order.is_sorted() && order.iter().all(Option::is_some), "{order:?}");
}

#[test]
fn ten_thousand_groups_are_a_small_page_and_none_is_lost() {
    let gateway = gateway(Config::default());
    let series = |session: Family, n: i32| session.with([("n", n.to_string())], f64::from(n));
    let session = (0..31).fold(Family::gauge("backup_session_seconds", ""), series);
    for number in 0..10_000 {
        let (namespace, instance) = (format!("namespace-{}", number % 100), format!("pod-{number:05}"));
        push(
            &gateway,
            &key("backup", &[("namespace", &namespace), ("instance", &instance)]),
            vec![session.clone()],
        );
    }
    let document = shown(&gateway, "");
    assert!(document.len() < 300_000, "{} bytes", document.len());
    assert_eq!(jobs(&document).len(), groups::PER_PAGE);
    assert!(document.contains("10,000 groups"));
    let pages = 10_000 / groups::PER_PAGE;
    let last = shown(&gateway, &format!("page={pages}"));
    assert!(last.contains("pod-09999") && !last.contains("rel=\"next\""));
    assert_eq!(jobs(&shown(&gateway, "page=5000")), jobs(&last), "behind the last page is the last one");
    let found = shown(&gateway, "q=namespace%3Dnamespace-7&page=2");
    assert!(found.contains("100 groups fit") && found.contains("Delete these 100"));
    assert_eq!(jobs(&found).len(), 50);
}

#[test]
fn a_group_of_many_families_and_a_family_of_many_series_come_in_pages() {
    let gateway = gateway(Config::default());
    let key = key("j", &[]);
    let mut many = Family::gauge("a_many", "Help & more.");
    for number in 0..5_000 {
        many = many.with([("n", format!("{number:04}"))], f64::from(number));
    }
    let mut families: Vec<_> = (0..1_000).map(|number| one(&format!("m{number:04}"))).collect();
    families.push(many);
    push(&gateway, &key, families);
    let document = shown(&gateway, "group=job/j");
    assert!(document.len() < 300_000, "{} bytes", document.len());
    assert!(document.contains("families 1 to 200 of 1,003") && document.contains("All 5,000 series"));
    let next = shown(&gateway, "group=job/j&from=1000");
    assert!(next.contains("families 1,001 to 1,003 of 1,003") && next.contains("push_time_seconds"));
    let first = shown(&gateway, "group=job/j&family=a_many");
    assert!(first.len() < 300_000, "{} bytes", first.len());
    assert!(first.contains("series 1 to 1,000 of 5,000") && first.contains("Help &amp; more."));
    assert!(shown(&gateway, "group=job/j&family=a_many&from=4000").contains("<bdi>4999</bdi>"));
    assert!(shown(&gateway, "group=job/j&family=a_many&from=99999").contains("No more series"));
}

#[test]
fn what_is_not_there_is_said() {
    let gateway = gateway(Config::default());
    push(&gateway, &key("j", &[]), vec![one("m")]);
    for (query, code) in [
        ("group=job/k", 404),
        ("group=job/j&family=missing", 404),
        ("delete=group&group=job/k", 404),
        ("group=nonsense", 400),
        ("delete=group&group=job/j/x", 400),
        ("delete=matching&q=anything", 400),
        ("delete=matching&q=", 400),
        ("delete=x", 400),
        ("view=x", 400),
        ("delete=all", 403),
    ] {
        let (found, document) = of(&gateway, query);
        assert_eq!(found.as_u16(), code, "{query}");
        assert!(document.contains("All groups") && !document.contains("<form method=\"post\""), "{query}");
    }
}

#[test]
fn it_asks_before_it_deletes() {
    let gateway = gateway(Config { enable_admin_api: true, ..Config::default() });
    for number in 0..20 {
        push(&gateway, &key("j", &[("n", &number.to_string())]), vec![one("m")]);
    }
    let document = shown(&gateway, "delete=group&group=job/j/n/3&back=page%3D2");
    assert!(document.contains("Delete this group?") && document.contains("3 families, 3 series"));
    assert!(document.contains("name=\"back\" value=\"page=2\""));
    let document = shown(&gateway, "delete=matching&q=job%3Dj");
    assert!(document.contains("Delete 20 groups?") && document.contains("and 10 more"));
    assert!(shown(&gateway, "delete=all").contains("Delete all 20 groups?"));
    assert_eq!(gateway.snapshot().group_count(), 20);
}

#[test]
fn every_link_has_the_external_prefix() {
    let config = Config {
        route_prefix: Some("/inside".into()),
        external_url: "https://example.com/outside".into(),
        enable_admin_api: true,
        ..Config::default()
    };
    let gateway = gateway(config);
    push(&gateway, &key("j", &[("a", "b")]), vec![one("m")]);
    for query in ["", "group=job/j/a/b", "group=job/j/a/b&family=m", "delete=all", "view=status", "view=help"]
    {
        let document = shown(&gateway, query);
        for attribute in ["href=\"", "src=\"", "action=\""] {
            let links: Vec<&str> = document.split(attribute).skip(1).collect();
            assert!(attribute != "href=\"" || links.len() > 5);
            for link in links {
                let is_own = link.starts_with("/outside/") || link.starts_with("data:");
                assert!(is_own, "{query}: {}", link.get(..60).unwrap_or(link));
            }
        }
        assert!(!document.contains("inside"));
    }
    assert!(
        shown(&gateway, "view=help").contains("https://example.com/outside/metrics/job/some_job/instance")
    );
}

#[test]
fn the_status_says_what_is_set_and_kept() {
    let file = "/var/lib/groups".into();
    let config = Config {
        persistence_file: Some(file),
        flags: [("web.enable-admin-api".to_owned(), "true".to_owned())].into(),
        version: "1.2.3<".into(),
        ..Config::default()
    };
    let document = shown(&gateway(config), "view=status");
    for words in [
        "1.2.3&lt;",
        "/var/lib/groups",
        "none since the start",
        "web.enable-admin-api",
        "64 MiB",
        "250,000",
        "5m",
        "never",
    ] {
        assert!(document.contains(words), "{words} is missing");
    }
    let document = shown(&gateway(Config::default()), "view=status");
    assert!(document.contains("kept in memory only") && document.contains("None since the start."));
}

#[test]
fn other_pages_are_linked() {
    let other = crate::OtherPage { name: "Back & forth".into(), href: "/else".into() };
    let document = shown(&gateway(Config { other_pages: vec![other], ..Config::default() }), "");
    assert!(document.contains("<a href=\"/else\">Back &amp; forth</a>"));
}

#[test]
fn nothing_of_strangers_is_markup() {
    const EVIL: &str = "\"'><script>evil()</script><img src=x onerror=evil()>&amp;\u{202e}";
    let gateway = gateway(Config { enable_utf8_names: true, ..Config::default() });
    let key = key(EVIL, &[("l", EVIL)]);
    let mut family = Family::new(EVIL, EVIL, Kind::Gauge);
    family.samples.push(Sample::new([("own", EVIL)], Value::Number(f64::NAN)));
    let mut named = Family::new("m", "", Kind::Gauge);
    named.samples.push(Sample::new([("x<script>", "")], Value::Number(1.0)));
    push(&gateway, &key, vec![family, named]);
    let path = query::path_of(&key);
    let links = Links::new(String::new());
    let addresses = [
        String::new(),
        links.group(&path, 0),
        links.family(&path, EVIL, 0),
        links.groups(&query::Listing { filter: EVIL.into(), ..query::Listing::default() }),
        links.label("l", EVIL),
        links.confirm(&query::Target::Group(path.clone()), &query::Listing::default()),
        links.confirm(&query::Target::Matching(filter::term("l", EVIL)), &query::Listing::default()),
    ];
    for address in addresses {
        let document = shown(&gateway, address.split_once('?').map_or("", |(_, query)| query));
        assert_eq!(document.matches("<script").count(), 1, "{address}");
        assert!(!document.contains("<img"), "{address}");
        assert!(document.contains("&lt;script&gt;") || address.is_empty(), "{address}");
    }
    let (_, document) = of(&gateway, "group=%3Cscript%3E&family=%3Cimg%3E&from=%22%3E");
    assert!(!document.contains("<script>") && !document.contains("<img"));
}
