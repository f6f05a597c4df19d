//! What is done about certificates, at chosen times.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::certificates::settle;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const BEGIN: i64 = 1_800_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn names() -> Vec<String> {
    crate::certificates::names("stash-operator", "kube-system")
}

/// The content after its first making.
fn fresh(now: i64) -> Content {
    settle(&Content::default(), at(now), &names()).unwrap().content
}

fn planned(content: &Content, now: i64) -> Plan {
    plan(content, at(now), &names())
}

/// Whether a client that knows only these authorities takes the certificate.
fn is_taken(served: &Content, authorities: &str, now: i64) -> bool {
    let seen = Content { authorities: authorities.to_owned(), ..served.clone() };
    leaf(&seen, now, &names()).is_ok()
}

#[test]
fn nothing_becomes_an_authority_and_a_certificate_with_all_names() {
    let settled = settle(&Content::default(), at(BEGIN), &names()).unwrap();
    assert_eq!(
        settled.made,
        [Plan::Authority(Flaw::Missing(AUTHORITIES)), Plan::Leaf(Flaw::Missing(CERTIFICATE))]
    );
    let content = settled.content;
    assert_eq!(planned(&content, BEGIN), Plan::Keep { until: settled.until });
    let other = [names(), vec!["stash-operator.other.svc".to_owned()]].concat();
    assert!(matches!(plan(&content, at(BEGIN), &other), Plan::Leaf(Flaw::Refused { .. })));
    let authority = Validity::of(&certificates(&content.authorities)[0]).unwrap();
    assert_eq!((authority.from, authority.to), (BEGIN - HOUR, BEGIN + 3650 * DAY));
    let leaf = Validity::of(&certificates(&content.certificate)[0]).unwrap();
    assert_eq!((leaf.from, leaf.to), (BEGIN - HOUR, BEGIN + 365 * DAY));
}

#[test]
fn a_certificate_is_renewed_at_two_thirds_of_its_life_and_not_before() {
    let content = fresh(BEGIN);
    let Plan::Keep { until } = planned(&content, BEGIN) else { panic!("it is new") };
    let until = until.as_second();
    assert!((240 * DAY..245 * DAY).contains(&(until - BEGIN)));
    assert!(matches!(planned(&content, until - 1), Plan::Keep { .. }));
    assert_eq!(planned(&content, until), Plan::Leaf(Flaw::Due(CERTIFICATE)));
    let renewed = settle(&content, at(until), &names()).unwrap().content;
    assert_eq!(renewed.authorities, content.authorities);
    assert_eq!(renewed.authority_key, content.authority_key);
    assert_ne!(renewed.key, content.key);
}

/// Whoever was told of the authorities a month ago is still served a certificate that it trusts, for fifteen years of
/// renewals; and whoever learns of the new ones trusts what an operator that is behind still serves.
#[test]
fn nobody_is_without_trust_while_authorities_change() {
    let mut content = fresh(BEGIN);
    let (mut now, mut authorities) = (BEGIN, 0);
    while now < BEGIN + 15 * 365 * DAY {
        let before = content.clone();
        now += 30 * DAY;
        let settled = settle(&content, at(now), &names()).unwrap();
        authorities += settled.made.iter().filter(|plan| matches!(plan, Plan::Authority(_))).count();
        content = settled.content;
        assert!(is_taken(&content, &before.authorities, now), "by old clients, {} days", (now - BEGIN) / DAY);
        assert!(is_taken(&before, &content.authorities, now), "by new clients, {} days", (now - BEGIN) / DAY);
    }
    assert_eq!(authorities, 2);
}

#[test]
fn an_old_authority_stays_in_the_bundle_while_it_is_valid_and_then_goes() {
    let content = fresh(BEGIN);
    let due = BEGIN + 2434 * DAY;
    let rotated = settle(&content, at(due), &names()).unwrap().content;
    assert_eq!(certificates(&rotated.authorities).len(), 2);
    assert_eq!(certificates(&rotated.authorities)[1], certificates(&content.authorities)[0]);
    let again = settle(&rotated, at(due + 2434 * DAY), &names()).unwrap().content;
    assert_eq!(certificates(&again.authorities).len(), 2, "the first one is over");
}

#[test]
fn a_lost_key_of_the_authority_does_not_take_the_certificate_that_is_served() {
    let content = Content { authority_key: String::new(), ..fresh(BEGIN) };
    let settled = settle(&content, at(BEGIN + DAY), &names()).unwrap();
    assert_eq!(settled.made, [Plan::Authority(Flaw::Missing(AUTHORITY_KEY))]);
    assert_eq!(settled.content.certificate, content.certificate);
    assert!(settled.content.authorities.ends_with(&content.authorities));
}

#[test]
fn the_secret_of_an_earlier_installer_is_completed() {
    let other = fresh(BEGIN);
    let old = Content { certificate: other.certificate, key: other.key, ..Content::default() };
    let settled = settle(&old, at(BEGIN), &names()).unwrap();
    assert!(matches!(settled.made.as_slice(), [Plan::Authority(_), Plan::Leaf(Flaw::Refused { .. })]));
}

#[test]
fn keys_that_do_not_belong_to_their_certificates_are_found() {
    let (one, other) = (fresh(BEGIN), fresh(BEGIN));
    let mixed = Content { key: other.key.clone(), ..one.clone() };
    assert_eq!(planned(&mixed, BEGIN), Plan::Leaf(Flaw::NoPair(KEY, CERTIFICATE)));
    let mixed = Content { authority_key: other.authority_key, ..one.clone() };
    assert_eq!(planned(&mixed, BEGIN), Plan::Authority(Flaw::NoPair(AUTHORITY_KEY, AUTHORITIES)));
    let swapped = Content { authorities: one.certificate.clone(), authority_key: one.key.clone(), ..one };
    assert_eq!(planned(&swapped, BEGIN), Plan::Authority(Flaw::NoAuthority(AUTHORITIES)));
}

#[test]
fn a_service_with_a_long_name_gets_a_certificate() {
    let names = crate::certificates::names(&"s".repeat(63), &"n".repeat(63));
    let settled = settle(&Content::default(), at(BEGIN), &names).unwrap();
    assert!(matches!(plan(&settled.content, at(BEGIN), &names), Plan::Keep { .. }));
}

#[test]
fn a_name_that_no_client_can_connect_to_is_an_error_and_no_endless_work() {
    let error = settle(&Content::default(), at(BEGIN), &["not a name".to_owned()]).unwrap_err();
    assert!(error.to_string().contains("check the names"), "{error}");
}

#[test]
fn private_keys_do_not_print() {
    let content = fresh(BEGIN);
    let shown = format!("{content:?}");
    assert!(!shown.contains("PRIVATE"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the Secret holds and whenever one looks, there is soon nothing left to do, and clients of all names take
    /// what is then served.
    #[test]
    fn any_content_at_any_time_settles(
        made in BEGIN..BEGIN + 20 * 365 * DAY,
        later in -2 * DAY..12 * 365 * DAY,
        damage: [Option<(Index, String)>; 4],
    ) {
        let mut content = fresh(made);
        let fields = [&mut content.certificate, &mut content.key, &mut content.authorities, &mut content.authority_key];
        for (field, damage) in fields.into_iter().zip(damage) {
            if let Some((place, text)) = damage {
                let place = place.index(field.len());
                field.replace_range(place..=place, &text);
            }
        }
        let now = made + later;
        let settled = settle(&content, at(now), &names()).unwrap();
        prop_assert!(is_taken(&settled.content, &settled.content.authorities, now));
        let again = settle(&settled.content, at(now), &names()).unwrap();
        prop_assert_eq!(again.made, []);
        prop_assert!(settled.until > at(now));
        prop_assert!(certificates(&settled.content.authorities).len() <= 4);
    }

    #[test]
    fn rubbish_is_no_panic(certificate: String, key: String, authorities: String, authority_key: String) {
        let content = Content { certificate, key, authorities, authority_key };
        prop_assert!(matches!(planned(&content, BEGIN), Plan::Authority(_)));
    }
}
