//! `deploy/stash.sh`: a template, and in it functions that print the objects with shell variables in them.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use install::{Agent, Image, Monitoring, Options, Part, Parts, names, objects_of, uninstall_job};
use serde_json::Value;

use super::lines::{Line, lines};
use super::placeholder;

const TEMPLATE: &str = include_str!("stash.sh");
const UNINSTALL: &str = include_str!("uninstall.sh");
/// Where the functions go that print the objects.
const OBJECTS_HERE: &str = "# THE OBJECTS\n";
/// Where the functions go that take them away.
const UNINSTALL_HERE: &str = "# TAKING IT AWAY\n";
/// The variables that may stand in the objects.
const VARIABLES: [&str; 8] = [
    "NAMESPACE",
    "PROMETHEUS_NAMESPACE",
    "REGISTRY",
    "TAG",
    "PULL_POLICY",
    "PULL_SECRET",
    "SERVICE_ACCOUNT",
    "MONITOR_LABELS",
];

/// Options in which every value is the name of a variable.
pub(super) fn options() -> Options {
    Options {
        image: Image {
            registry: placeholder("REGISTRY"),
            tag: placeholder("TAG"),
            pull_policy: placeholder("PULL_POLICY"),
            pull_secret: Some(placeholder("PULL_SECRET")),
        },
        monitoring: Monitoring {
            agent: Agent::CoreosOperator,
            backup: true,
            operator: true,
            prometheus_namespace: Some(placeholder("PROMETHEUS_NAMESPACE")),
            labels: [(placeholder("MONITOR_LABELS"), String::new())].into(),
        },
        ..Options::new(placeholder("NAMESPACE"))
    }
}

pub(super) fn text() -> Result<String> {
    for place in [OBJECTS_HERE, UNINSTALL_HERE] {
        ensure!(TEMPLATE.matches(place).count() == 1, "the template says {place:?} once");
    }
    // Without the two lines that say what the file is.
    let uninstall: Vec<&str> = UNINSTALL.lines().skip(2).collect();
    let options = options();
    let account = |mut object: Value, pointer: &str| {
        if let Some(name) = object.pointer_mut(pointer) {
            *name = Value::String(placeholder("SERVICE_ACCOUNT"));
        }
        object
    };
    let manifest = lines(&|parts: &Parts| {
        let all = objects_of(&options, parts).into_iter();
        all.map(|object| account(object, "/spec/template/spec/serviceAccountName")).collect()
    })?;
    let job = lines(&|parts: &Parts| {
        vec![account(uninstall_job(&options, parts), "/spec/template/spec/serviceAccountName")]
    })?;
    let functions = format!("{}\n{}", function("manifest", &manifest)?, function("uninstall_job", &job)?);
    let constants = [
        ("@OPERATOR@", names::OPERATOR),
        ("@CERTIFICATE_SECRET@", names::CERTIFICATE_SECRET),
        ("@AUTH_DELEGATOR@", names::AUTH_DELEGATOR),
        ("@CA@", names::CA),
        ("@SERVICE_MONITOR@", names::SERVICE_MONITOR),
        ("@USER_EDIT@", names::USER_EDIT),
        ("@USER_VIEW@", names::USER_VIEW),
        ("@WEBHOOKS@", names::WEBHOOKS),
        ("@API_SERVICE@", names::API_SERVICE),
        ("@UNINSTALL_JOB@", names::UNINSTALL_JOB),
        ("@GROUP@", names::GROUP),
        ("@PLURALS@", &names::KINDS.map(|(plural, _)| plural).join(" ")),
        ("@VERSION@", install::VERSION),
        ("@REGISTRY@", install::DEFAULT_REGISTRY),
        ("@COMPONENT@", &format!("{}={}", names::COMPONENT.0, names::COMPONENT.1)),
    ];
    let mut text = TEMPLATE
        .replace(OBJECTS_HERE, &functions)
        .replace(UNINSTALL_HERE, &format!("{}\n", uninstall.join("\n")));
    for (name, value) in constants {
        ensure!(text.contains(name), "the template does not use {name}");
        text = text.replace(name, value);
    }
    Ok(text)
}

/// A function that prints the lines whose parts are all on.
fn function(name: &str, lines: &[Line]) -> Result<String> {
    let mut text = format!("{name}() {{\n");
    for run in lines.chunk_by(|one, other| one.parts == other.parts) {
        let parts: Vec<String> =
            run.iter().flat_map(|line| &line.parts).map(|part| format!("\"${}\"", variable(*part))).collect();
        let parts = &parts[..parts.len() / run.len()];
        if !parts.is_empty() {
            writeln!(text, "    if on {}; then", parts.join(" "))?;
        }
        writeln!(text, "    cat <<YAML")?;
        for line in run {
            writeln!(text, "{}", with_variables(&line.text)?)?;
        }
        writeln!(text, "YAML")?;
        if !parts.is_empty() {
            writeln!(text, "    fi")?;
        }
    }
    text.push_str("}\n");
    Ok(text)
}

/// The variable of the script that says whether a part is there.
fn variable(part: Part) -> &'static str {
    match part {
        Part::Rbac => "RBAC",
        Part::PullSecret => "HAS_PULL_SECRET",
        Part::ControlPlane => "CONTROL_PLANE",
        Part::Critical => "CRITICAL",
        Part::Tolerations => "TOLERATIONS",
        Part::MutatingWebhook => "MUTATING",
        Part::ValidatingWebhook => "VALIDATING",
        Part::Annotations => "ANNOTATIONS",
        Part::ServiceMonitor => "SERVICE_MONITOR",
        Part::Backup => "MONITOR_BACKUP",
        Part::Operator => "MONITOR_OPERATOR",
        Part::Authority => "AUTHORITY",
    }
}

/// A line with variables in the place of their names. A value that is nothing else is quoted: a namespace may be a
/// number.
fn with_variables(line: &str) -> Result<String> {
    ensure!(!line.contains(['$', '`', '\\']), "the shell would read {line:?} in its own way");
    if line.contains(&placeholder("MONITOR_LABELS")) {
        return Ok("${MONITOR_LABELS}".to_owned());
    }
    let mut text = line.to_owned();
    for name in VARIABLES {
        let (from, to) = (placeholder(name), format!("${{{name}}}"));
        let is_whole = [": ", "- "].iter().any(|before| line.ends_with(&format!("{before}{from}")));
        text = text.replace(&from, &if is_whole { format!("\"{to}\"") } else { to });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_quoted_and_a_part_of_one_is_not() {
        assert_eq!(with_variables("  namespace: __NAMESPACE__").unwrap(), "  namespace: \"${NAMESPACE}\"");
        let image = "  image: __REGISTRY__/stash:__TAG__";
        assert_eq!(with_variables(image).unwrap(), "  image: ${REGISTRY}/stash:${TAG}");
        assert!(with_variables("x: $(reboot)").is_err());
    }

    #[test]
    fn no_placeholder_is_left_in_the_script() {
        let text = text().unwrap();
        for name in VARIABLES {
            assert!(!text.contains(&placeholder(name)), "{name}");
        }
        assert!(!text.contains("@OPERATOR@"));
    }
}
