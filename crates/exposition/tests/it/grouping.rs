//! Grouping keys and their URL paths.

use exposition::grouping::KeyError;
use exposition::{GroupingKey, Labels, Names};
use proptest::prelude::*;

fn labels(path: &str) -> Vec<(String, String)> {
    GroupingKey::from_path(path).unwrap().labels().clone().into_iter().collect()
}

fn refusal(path: &str) -> String {
    GroupingKey::from_path(path).unwrap_err().to_string()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn paths_are_read_in_all_their_spellings() {
    let cases: [(&str, &[(&str, &str)]); 15] = [
        ("/metrics/job/j", &[("job", "j")]),
        ("/metrics/job/j/", &[("job", "j")]),
        ("/metrics/job/j/x/1", &[("job", "j"), ("x", "1")]),
        ("/metrics/job/j/instance/", &[("instance", ""), ("job", "j")]),
        ("/metrics/job/j/x@base64/=", &[("job", "j"), ("x", "")]),
        ("/metrics/job/j/x@base64/===", &[("job", "j"), ("x", "")]),
        ("/metrics/job/j/x@base64/L3Zhci90bXA=", &[("job", "j"), ("x", "/var/tmp")]),
        ("/metrics/job/j/x@base64/L3Zhci90bXA", &[("job", "j"), ("x", "/var/tmp")]),
        ("/metrics/job/j/x@base64/Zm-", &[("job", "j"), ("x", "fo")]),
        ("/metrics/job/j/x@base64/Zm%0D%0A8", &[("job", "j"), ("x", "fo")]),
        ("/metrics/job@base64/YS9i", &[("job", "a/b")]),
        ("/metrics/job%40base64/YS9i", &[("job", "a/b")]),
        ("/metrics/job/j%2Fx%2F1", &[("job", "j"), ("x", "1")]),
        ("/metrics/job/j/x/1/x/2/job/other", &[("job", "j"), ("x", "2")]),
        ("/metrics/job/%C3%A4%20+/x/a%00b", &[("job", "ä +"), ("x", "a\0b")]),
    ];
    for (path, expected) in cases {
        assert_eq!(labels(path), pairs(expected), "{path}");
    }
}

#[test]
fn paths_are_refused_in_the_words_of_the_original() {
    assert_eq!(refusal("/metrics/job/j/x"), r#"odd number of components in label string "/x""#);
    assert_eq!(refusal("/metrics/job/a%2Fb"), r#"odd number of components in label string "/b""#);
    assert_eq!(refusal("/metrics/job/j/a-b/1"), r#"improper label name "a-b""#);
    assert_eq!(refusal("/metrics/job/j/__x/1"), r#"improper label name "__x""#);
    assert_eq!(refusal("/metrics/job/j/@base64/MQ"), r#"improper label name """#);
    assert_eq!(refusal("/metrics/job/j/x@base64@base64/MQ"), r#"improper label name "x@base64""#);
    assert!(refusal("/metrics/job@base64/a+b").starts_with("invalid base64 encoding in job name \"a+b\": "));
    assert!(
        refusal("/metrics/job/j/x@base64/a+b").starts_with("invalid base64 encoding for label x=\"a+b\": ")
    );
    assert_eq!(refusal("/metrics/job@base64/="), "job name is required");
    assert_eq!(refusal("/metrics/job/"), "job name is required");
    assert!(matches!(GroupingKey::from_path("/metrics"), Err(KeyError::NotAGroup { .. })));
    assert!(matches!(GroupingKey::from_path("/metrics/job"), Err(KeyError::NotAGroup { .. })));
}

#[test]
fn values_that_are_not_utf8_are_refused() {
    assert!(matches!(GroupingKey::from_path("/metrics/job/%FF"), Err(KeyError::NotUtf8 { .. })));
    assert!(matches!(GroupingKey::from_path("/metrics/job/j/x/%FF"), Err(KeyError::NotUtf8 { .. })));
    assert!(matches!(GroupingKey::from_path("/metrics/job/j/x@base64/_w"), Err(KeyError::NotUtf8 { .. })));
}

#[test]
fn keys_need_a_job_and_proper_names() {
    assert_eq!(GroupingKey::new("", Labels::new()), Err(KeyError::JobMissing));
    assert_eq!(GroupingKey::new("j", [("a b", "")]), Err(KeyError::ImproperName { name: "a b".to_owned() }));
    assert_eq!(GroupingKey::new("j", [("job", "other")]).unwrap().job(), "j");
}

#[test]
fn paths_are_plain_where_they_can_be() {
    let key = GroupingKey::new("app-1", [("namespace", "a.b"), ("empty", ""), ("path", "/data")]).unwrap();
    assert_eq!(key.to_path(), "/metrics/job/app-1/empty@base64/=/namespace/a.b/path@base64/L2RhdGE");
    let key = GroupingKey::new("..", Labels::new()).unwrap();
    assert_eq!(key.to_path(), "/metrics/job@base64/Li4");
}

proptest! {
    #[test]
    fn every_key_comes_back_from_its_path(
        job in "[^\\PC]{1,8}|.{1,8}",
        labels in prop::collection::btree_map("[a-zA-Z][a-zA-Z0-9_]{0,8}", ".{0,12}", 0..4),
    ) {
        let key = GroupingKey::new(job, labels).unwrap();
        let path = key.to_path();
        prop_assert!(path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%'));
        prop_assert!(!path.contains("//"));
        prop_assert_eq!(GroupingKey::from_path(&path), Ok(key));
    }

    #[test]
    fn no_path_is_too_strange(path in "/metrics/job[@/a-z0-9=%+-]{0,24}") {
        // Whatever comes out, it is an answer, and a key has a path again.
        if let Ok(key) = GroupingKey::from_path(&path) {
            prop_assert_eq!(GroupingKey::from_path(&key.to_path()), Ok(key));
        }
    }
}

#[test]
fn names_of_any_kind_are_read_in_every_spelling_where_they_are_allowed() {
    let read = |path: &str| GroupingKey::from_decoded_path_with(path.as_bytes(), Names::Utf8);
    let key = GroupingKey::new_with("j", [("a.b", "1"), ("größe", "")], Names::Utf8).unwrap();
    for path in [
        "/metrics/job/j/a.b/1/größe/",
        "/metrics/job/j/U__a_2e_b/1/U__gr_f6__df_e/",
        "/metrics/job/j/größe@base64/=/a.b@base64/MQ",
    ] {
        assert_eq!(read(path).as_ref(), Ok(&key), "{path}");
    }
    assert_eq!(key.to_path(), "/metrics/job/j/U__a_2e_b/1/U__gr_f6__df_e@base64/=");
    assert_eq!(read(&key.to_path()).as_ref(), Ok(&key));
    // Without that choice they are names like others, or none.
    assert!(GroupingKey::from_path("/metrics/job/j/U__a_2e_b/1").unwrap().labels().contains_key("U__a_2e_b"));
    assert!(matches!(GroupingKey::from_path("/metrics/job/j/a.b/1"), Err(KeyError::ImproperName { .. })));
    assert!(matches!(GroupingKey::new("j", [("a.b", "1")]), Err(KeyError::ImproperName { .. })));
}

#[test]
fn a_name_that_looks_escaped_survives_its_path() {
    let key = GroupingKey::new_with("j", [("U__a_2e_b", "1"), ("U__x", "2")], Names::Utf8).unwrap();
    let path = key.to_path_with(Names::Utf8);
    assert_eq!(path, "/metrics/job/j/U__U____a__2e__b/1/U__U____x/2");
    assert_eq!(GroupingKey::from_decoded_path_with(path.as_bytes(), Names::Utf8).as_ref(), Ok(&key));
    assert_eq!(key.to_path(), "/metrics/job/j/U__a_2e_b/1/U__x/2");
    assert_eq!(GroupingKey::from_path(&key.to_path()), Ok(key));
}

#[test]
fn names_that_some_readers_could_not_tell_apart_are_no_key() {
    let read = |path: &str| GroupingKey::from_decoded_path_with(path.as_bytes(), Names::Utf8);
    for path in ["/metrics/job/j/a.b/1/a_b/2", "/metrics/job/j/a.b/1/a-b/2", "/metrics/job/j/--name--/1"] {
        assert_eq!(read(path), Err(KeyError::AmbiguousNames), "{path}");
    }
    for path in
        ["/metrics/job/j/__a/1", "/metrics/job/j/U______a/1", "/metrics/job/j//1", "/metrics/job/j/U__/1"]
    {
        assert!(matches!(read(path), Err(KeyError::ImproperName { .. })), "{path}");
    }
    read("/metrics/job/j/ä/1/a.b/1/c.b/2").unwrap();
}
