//! Selection, and the two spellings of a selector.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelectorRequirement, Time};
use proptest::prelude::*;

use super::*;
use crate::objects::restic::ResticSpec;

fn labels(text: &str) -> BTreeMap<String, String> {
    text.split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn fields(operator: &str, values: &[&str]) -> LabelSelector {
    let values = (!values.is_empty()).then(|| values.iter().map(ToString::to_string).collect());
    let requirement = LabelSelectorRequirement { key: "a".to_owned(), operator: operator.to_owned(), values };
    LabelSelector { match_expressions: Some(vec![requirement]), ..LabelSelector::default() }
}

fn restic(name: &str, selector: LabelSelector) -> Restic {
    Restic::new(name, ResticSpec { selector, ..ResticSpec::default() })
}

fn by_label(name: &str, label: &str) -> Restic {
    let match_labels = Some(labels(label));
    restic(name, LabelSelector { match_labels, ..LabelSelector::default() })
}

#[test]
fn all_four_operators_and_labels_match_as_in_kubernetes() {
    for (operator, values, matching, others) in [
        ("In", &["x", "y"][..], &["a=x", "a=y,b=z"][..], &["a=z", "b=x", ""][..]),
        ("NotIn", &["x"], &["a=y", "b=x", ""], &["a=x"]),
        ("Exists", &[], &["a=x", "a="], &["b=x", ""]),
        ("DoesNotExist", &[], &["b=x", ""], &["a=x", "a="]),
    ] {
        let selector = selector("", &fields(operator, values)).unwrap();
        for text in matching {
            assert!(selector.matches(&labels(text)), "{operator}: {text}");
        }
        for text in others {
            assert!(!selector.matches(&labels(text)), "{operator}: {text}");
        }
    }
}

#[test]
fn labels_and_expressions_must_all_match() {
    let mut both = fields("NotIn", &["x"]);
    both.match_labels = Some(labels("app=web"));
    let selector = selector("", &both).unwrap();
    assert!(selector.matches(&labels("app=web,a=y")));
    assert!(!selector.matches(&labels("app=web,a=x")));
    assert!(!selector.matches(&labels("a=y")));
}

#[test]
fn a_workload_gets_no_restic_one_or_a_conflict() {
    let mut leaving = by_label("leaving", "app=web");
    leaving.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
    let restics = [
        by_label("web", "app=web"),
        by_label("also-web", "app=web"),
        by_label("db", "app=db"),
        restic("all", LabelSelector::default()),
        restic("broken", fields("Is", &["x"])),
        leaving,
    ];
    let [web, also_web, db, ..] = &restics;
    assert_eq!(select(&restics, &labels("app=cache")), Selection::None);
    assert_eq!(select(&restics, &labels("")), Selection::None);
    assert_eq!(select(&restics, &labels("app=db")), Selection::One(db));
    assert_eq!(select(&restics, &labels("app=web")), Selection::Conflict(vec![web, also_web]));
}

#[test]
fn the_text_form_is_that_of_kubectl() {
    for (text, printed) in [
        ("", ""),
        (" a = b ,c!=d, e in (x,y),!f,g", "a=b,c!=d,e in (x,y),!f,g"),
        ("a==b", "a=b"),
        ("a=", "a="),
        ("a notin (x)", "a notin (x)"),
        ("a in(y,x,)", "a in (,x,y)"),
        ("a in (,), b notin (,)", "a=,b!="),
        ("in in (in),notin", "in in (in),notin"),
        ("example.org/a=b", "example.org/a=b"),
    ] {
        assert_eq!(parse(text).unwrap().to_string(), printed, "{text}");
    }
}

#[test]
fn what_is_wrong_with_a_text_is_said() {
    for (text, problem) in [
        ("a=b,", "it ends where a key is due"),
        ("=b", "`=` cannot be the key of a label"),
        ("a b", "`b` is not an operator"),
        ("a>1", "`a>1` cannot be the key of a label"),
        ("a=b c=d", "expected `,` before `c`"),
        ("a=-b", "`-b` cannot be the value of a label"),
        ("a in b", "`in` and `notin` need a list in parentheses"),
        ("a in ()", "the list in parentheses is empty"),
        ("a in (b", "the list is not closed with `)`"),
        ("a in (b c)", "expected `,` or `)` before `c`"),
        ("!", "it ends where a key is due"),
        (")", "`)` cannot be the key of a label"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.problem, problem, "{text}");
        assert!(error.to_string().starts_with(&format!("selector `{text}`: ")), "{error}");
    }
}

fn any_expression() -> impl Strategy<Value = Expression> {
    let key = || "[a-z][a-zA-Z0-9._-]{0,5}[a-z]|in|notin|example\\.org/in";
    let value = || "|[a-z0-9]([a-zA-Z0-9._-]{0,5}[a-z])?";
    let values = || proptest::collection::btree_set(value(), 1..4);
    prop_oneof![
        (key(), values()).prop_map(|(key, values)| is_in(key, values)),
        (key(), values()).prop_map(|(key, values)| not_in(key, values)),
        (key(), value()).prop_map(|(key, value)| Expression::Equal(key, value)),
        (key(), value()).prop_map(|(key, value)| Expression::NotEqual(key, value)),
        key().prop_map(Expression::Exists),
        key().prop_map(Expression::DoesNotExist),
    ]
}

proptest! {
    #[test]
    fn a_printed_selector_reads_as_itself(expressions in proptest::collection::vec(any_expression(), 0..5)) {
        let selector: Selector = expressions.into_iter().collect();
        prop_assert_eq!(parse(&selector.to_string()).unwrap(), selector);
    }

    /// Whatever is read prints to a text that reads the same.
    #[test]
    fn any_text_is_read_or_refused(text in "[a-c!=,() in]{0,20}") {
        if let Ok(selector) = parse(&text) {
            prop_assert_eq!(parse(&selector.to_string()).unwrap(), selector);
        }
    }

    /// Both spellings select the same.
    #[test]
    fn fields_and_text_agree(
        expressions in proptest::collection::vec(any_expression(), 1..4),
        labels in proptest::collection::btree_map("[a-c]|in", "[a-c]?", 0..4),
    ) {
        let text: Selector = expressions.into_iter().collect();
        let fields: LabelSelector = text.clone().into();
        // Two `key=value` of one key have only one place in matchLabels.
        let keys = text.clone().into_iter().filter(|expression| matches!(expression, Expression::Equal(..)));
        prop_assume!(fields.match_labels.as_ref().map_or(0, BTreeMap::len) == keys.count());
        let from_fields = selector("", &fields).unwrap();
        prop_assert_eq!(from_fields.matches(&labels), text.matches(&labels));
    }
}
