//! Spelled, refused and shown as by the original.

use super::*;
use clap::{CommandFactory, Parser};

#[derive(Debug, Parser)]
struct Alone {
    #[command(flatten)]
    args: PushgatewayArgs,
}

fn parse(flags: &[&str]) -> Result<PushgatewayArgs, String> {
    let parsed = Alone::try_parse_from([&["x"], flags].concat());
    parsed.map(|alone| alone.args).map_err(|error| error.to_string())
}

#[test]
fn without_flags_it_is_as_the_libraries_say() {
    let (ours, default) = (parse(&[]).unwrap().config(), Config::default());
    assert_eq!((ours.limits, ours.serving), (default.limits, default.serving));
    assert_eq!(ours.drain_timeout, default.drain_timeout);
    assert_eq!(ours.persistence_interval, default.persistence_interval);
    assert_eq!((ours.persistence_file, ours.expire_after, ours.route_prefix), (None, None, None));
}

#[test]
fn every_flag_is_shown_by_the_status_api() {
    let shown = parse(&[]).unwrap().config().flags;
    let command = Alone::command();
    let longs = command.get_arguments().filter_map(|arg| arg.get_long());
    let longs: Vec<&str> =
        longs.filter(|long| !long.starts_with("no-") && *long != "version" && *long != "help").collect();
    assert_eq!(longs.len(), shown.len());
    assert!(longs.iter().all(|long| shown.contains_key(*long)), "{shown:?}");
}

#[test]
fn values_are_shown_as_the_original_spells_them() {
    let flags = [
        "--web.listen-address=:1",
        "--web.listen-address",
        "[::1]:2",
        "--persistence.interval=90s",
        "--web.external-url=http://ann:secret@example.com/a/b",
        "--web.enable-lifecycle",
        "--log.level=WARN",
    ];
    let shown = parse(&flags).unwrap().config().flags;
    for (name, value) in [
        ("web.listen-address", ":1,[::1]:2"),
        ("persistence.interval", "1m30s"),
        ("web.external-url", "http://ann:xxxxx@example.com/a/b"),
        ("web.route-prefix", "/a/b"),
        ("web.enable-lifecycle", "true"),
        ("web.enable-admin-api", "false"),
        ("log.level", "warn"),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
}

#[test]
fn switches_have_four_spellings_and_are_said_once() {
    let is_on = |flags: &[&str]| parse(flags).map(|args| args.config().enable_admin_api);
    assert_eq!(is_on(&["--web.enable-admin-api"]), Ok(true));
    assert_eq!(is_on(&["--web.enable-admin-api=true"]), Ok(true));
    assert_eq!(is_on(&["--web.enable-admin-api=false"]), Ok(false));
    assert_eq!(is_on(&["--no-web.enable-admin-api"]), Ok(false));
    assert!(is_on(&["--web.enable-admin-api", "--web.enable-admin-api"]).is_err());
    assert!(is_on(&["--web.enable-admin-api", "--no-web.enable-admin-api"]).is_err());
    assert!(is_on(&["--web.enable-admin-api", "true"]).is_err(), "a stray word");
}

#[test]
fn what_cannot_be_is_refused() {
    for flag in [
        "--persistence.interval=5",
        "--web.header-timeout=0s",
        "--web.telemetry-path=metrics",
        "--web.max-header-bytes=100",
        "--web.max-headers=30000",
        "--web.max-streams=0",
        "--log.level=loud",
        "--log.format=xml",
        "--web.max-body-bytes=-1",
    ] {
        assert!(parse(&[flag]).is_err(), "{flag}");
    }
}
