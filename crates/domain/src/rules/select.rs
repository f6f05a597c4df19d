//! Which Restic takes which workload, and the two spellings of a label selector: fields and text.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube_core::{Expression, Selector, SelectorExt as _};

use super::names::{is_label_key, is_label_value};
use super::validate::Refusal;
use crate::objects::restic::Restic;

/// The Restics of one namespace that select one workload.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection<'a> {
    /// It is not backed up.
    None,
    /// It is backed up by this one.
    One(&'a Restic),
    /// Nobody can tell which one is meant, so none is applied.
    Conflict(Vec<&'a Restic>),
}

/// Chooses among the Restics of the workload's namespace by the workload's own labels. A Restic whose selector is
/// refused, or that is being deleted, selects nothing.
#[must_use]
pub fn select<'a>(
    restics: impl IntoIterator<Item = &'a Restic>,
    labels: &BTreeMap<String, String>,
) -> Selection<'a> {
    let mut matching: Vec<&Restic> = restics
        .into_iter()
        .filter(|restic| restic.metadata.deletion_timestamp.is_none())
        .filter(|restic| selector("", &restic.spec.selector).is_ok_and(|selector| selector.matches(labels)))
        .collect();
    match (matching.pop(), matching.is_empty()) {
        (None, _) => Selection::None,
        (Some(only), true) => Selection::One(only),
        (Some(last), false) => {
            matching.push(last);
            Selection::Conflict(matching)
        }
    }
}

/// The selector of a spec, ready to match; `field` is where it stands, for the refusals.
///
/// # Errors
/// Every problem: an empty selector (it would match everything), an unknown operator, values where none or some
/// are due, a key or value that no label can have.
pub fn selector(field: &str, selector: &LabelSelector) -> Result<Selector, Vec<Refusal>> {
    let labels = selector.match_labels.iter().flatten();
    let requirements = selector.match_expressions.iter().flatten();
    let mut refusals = Vec::new();
    let mut expressions = Vec::new();
    for (key, value) in labels {
        check_key(&format!("{field}.matchLabels"), key, &mut refusals);
        check_value(&format!("{field}.matchLabels[{key}]"), value, &mut refusals);
        expressions.push(Expression::Equal(key.clone(), value.clone()));
    }
    for (index, requirement) in requirements.enumerate() {
        let field = format!("{field}.matchExpressions[{index}]");
        let key = requirement.key.clone();
        let values: BTreeSet<String> = requirement.values.iter().flatten().cloned().collect();
        check_key(&format!("{field}.key"), &key, &mut refusals);
        for value in &values {
            check_value(&format!("{field}.values"), value, &mut refusals);
        }
        let operator = requirement.operator.as_str();
        match (operator, values.is_empty()) {
            ("In" | "NotIn", true) => refusals.push(Refusal::new(
                format!("{field}.values"),
                format!("is empty, but operator {operator} compares with values"),
                "list at least one value, or use Exists or DoesNotExist",
            )),
            ("Exists" | "DoesNotExist", false) => refusals.push(Refusal::new(
                format!("{field}.values"),
                format!("has values, but operator {operator} compares with none"),
                "remove the values, or use In or NotIn",
            )),
            ("In", false) => expressions.push(is_in(key, values)),
            ("NotIn", false) => expressions.push(not_in(key, values)),
            ("Exists", true) => expressions.push(Expression::Exists(key)),
            ("DoesNotExist", true) => expressions.push(Expression::DoesNotExist(key)),
            _ => refusals.push(Refusal::new(
                format!("{field}.operator"),
                format!("`{operator}` is not an operator"),
                "use In, NotIn, Exists or DoesNotExist",
            )),
        }
    }
    if expressions.is_empty() && refusals.is_empty() {
        refusals.push(Refusal::new(
            field,
            "is empty and would select everything",
            "set matchLabels or matchExpressions",
        ));
    }
    if refusals.is_empty() { Ok(expressions.into_iter().collect()) } else { Err(refusals) }
}

/// Among the values. The set of only the empty value would print as `in ()`, which nothing can read.
fn is_in(key: String, values: BTreeSet<String>) -> Expression {
    if only_empty(&values) { Expression::Equal(key, String::new()) } else { Expression::In(key, values) }
}

/// Not among the values; see [`is_in`].
fn not_in(key: String, values: BTreeSet<String>) -> Expression {
    if only_empty(&values) {
        Expression::NotEqual(key, String::new())
    } else {
        Expression::NotIn(key, values)
    }
}

fn only_empty(values: &BTreeSet<String>) -> bool {
    values.len() == 1 && values.contains("")
}

fn check_key(field: &str, key: &str, refusals: &mut Vec<Refusal>) {
    if !is_label_key(key) {
        refusals.push(Refusal::new(
            field,
            format!("`{key}` cannot be the key of a label"),
            "use at most 63 letters, digits, `-`, `_` and `.`, optionally after a DNS name and `/`",
        ));
    }
}

fn check_value(field: &str, value: &str, refusals: &mut Vec<Refusal>) {
    if !is_label_value(value) {
        refusals.push(Refusal::new(
            field,
            format!("`{value}` cannot be the value of a label"),
            "use at most 63 letters, digits, `-`, `_` and `.`",
        ));
    }
}

/// Why a textual selector cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("selector `{selector}`: {problem}; write for example `app=web,tier!=cache,env in (prod,test),!old`")]
pub struct SelectorError {
    /// The whole text.
    pub selector: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Reads the text form of a selector, as `kubectl --selector` takes it: `a=b`, `a==b`, `a!=b`, `a in (b,c)`,
/// `a notin (b,c)`, `a`, `!a`, joined by commas. An empty text selects everything. Printing the result gives a
/// text that reads as the same selector.
///
/// # Errors
/// The text is none of these, or names a key or value that no label can have.
pub fn parse(text: &str) -> Result<Selector, SelectorError> {
    let error = |problem| SelectorError { selector: text.to_owned(), problem };
    let mut tokens = Tokens(text);
    let mut expressions = Vec::new();
    if tokens.peek().is_some() {
        loop {
            expressions.push(requirement(&mut tokens).map_err(error)?);
            match tokens.next() {
                None => break,
                Some(",") => {}
                Some(other) => return Err(error(format!("expected `,` before `{other}`"))),
            }
        }
    }
    Ok(expressions.into_iter().collect())
}

fn requirement(tokens: &mut Tokens<'_>) -> Result<Expression, String> {
    if tokens.peek() == Some("!") {
        tokens.next();
        return Ok(Expression::DoesNotExist(key(tokens)?));
    }
    let key = key(tokens)?;
    match tokens.peek() {
        None | Some(",") => Ok(Expression::Exists(key)),
        operator => {
            tokens.next();
            match operator {
                Some("=" | "==") => Ok(Expression::Equal(key, value(tokens)?)),
                Some("!=") => Ok(Expression::NotEqual(key, value(tokens)?)),
                Some("in") => Ok(is_in(key, values(tokens)?)),
                Some("notin") => Ok(not_in(key, values(tokens)?)),
                other => Err(format!("`{}` is not an operator", other.unwrap_or_default())),
            }
        }
    }
}

fn key(tokens: &mut Tokens<'_>) -> Result<String, String> {
    match tokens.next() {
        Some(key) if is_label_key(key) => Ok(key.to_owned()),
        Some(other) => Err(format!("`{other}` cannot be the key of a label")),
        None => Err("it ends where a key is due".to_owned()),
    }
}

/// A value may be missing: `a=` compares with the empty value.
fn value(tokens: &mut Tokens<'_>) -> Result<String, String> {
    match tokens.peek() {
        None | Some("," | ")") => Ok(String::new()),
        Some(value) if is_label_value(value) => {
            tokens.next();
            Ok(value.to_owned())
        }
        Some(other) => Err(format!("`{other}` cannot be the value of a label")),
    }
}

fn values(tokens: &mut Tokens<'_>) -> Result<BTreeSet<String>, String> {
    if tokens.next() != Some("(") {
        return Err("`in` and `notin` need a list in parentheses".to_owned());
    }
    if tokens.peek() == Some(")") {
        return Err("the list in parentheses is empty".to_owned());
    }
    let mut values = BTreeSet::new();
    loop {
        values.insert(value(tokens)?);
        match tokens.next() {
            Some(",") => {}
            Some(")") => return Ok(values),
            Some(other) => return Err(format!("expected `,` or `)` before `{other}`")),
            None => return Err("the list is not closed with `)`".to_owned()),
        }
    }
}

/// The words and signs of a selector, without the blanks between them.
struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    /// The next one, and the text after it.
    fn split(&self) -> Option<(&'a str, &'a str)> {
        let text = self.0.trim_start();
        let first = text.chars().next()?;
        let length = match first {
            '=' | '!' => ["==", "!="].iter().find(|sign| text.starts_with(**sign)).map_or(1, |_| 2),
            '(' | ')' | ',' => 1,
            _ => text.find(|c: char| c.is_whitespace() || "=!(),".contains(c)).unwrap_or(text.len()),
        };
        text.split_at_checked(length)
    }

    fn peek(&self) -> Option<&'a str> {
        self.split().map(|(token, _)| token)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (token, rest) = self.split()?;
        self.0 = rest;
        Some(token)
    }
}

#[cfg(test)]
mod tests;
