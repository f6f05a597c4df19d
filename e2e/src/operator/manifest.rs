//! The manifest that ships, made fit for a test: another namespace, our image, more flags. Nothing else of it changes.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::image;

/// What ships.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/operator.yaml");
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The namespace that the bindings name.
const NAMESPACE: &str = "namespace: stash\n";
/// The image that ships, as a test names it.
const IMAGE: &str = "appscode/stash:";

/// The manifest with this namespace in its bindings, our own image, and these flags: each takes the place of one of the
/// same name, or is added.
pub(super) fn text(namespace: &str, flags: &[&str]) -> Result<String> {
    let shipped = read()?;
    let (registry, tag) = image::STASH.split_once("/stash:").context("our image is called otherwise")?;
    let replaced = [
        (NAMESPACE.to_owned(), format!("namespace: {namespace}\n")),
        (format!("image: {IMAGE}{VERSION}"), format!("image: {}", image::STASH)),
        ("- --docker-registry=appscode".to_owned(), format!("- --docker-registry={registry}")),
        (format!("- --image-tag={VERSION}"), format!("- --image-tag={tag}")),
    ];
    let mut text = shipped;
    for (from, to) in replaced {
        ensure!(text.contains(&from), "deploy/operator.yaml does not say `{from}`");
        text = text.replace(&from, &to);
    }
    for flag in flags {
        text = with_flag(&text, flag)?;
    }
    Ok(text)
}

fn with_flag(text: &str, flag: &str) -> Result<String> {
    const FIRST: &str = "        - run\n";
    ensure!(text.contains(FIRST), "deploy/operator.yaml has no argument `run`");
    let name = flag.split('=').next().unwrap_or(flag);
    let is_old = |line: &&str| {
        line.trim_start().strip_prefix("- ").is_some_and(|argument| {
            argument == name || argument.strip_prefix(name).is_some_and(|rest| rest.starts_with('='))
        })
    };
    let kept: String = text.lines().filter(|line| !is_old(line)).flat_map(|line| [line, "\n"]).collect();
    Ok(kept.replace(FIRST, &format!("{FIRST}        - {flag}\n")))
}

fn read() -> Result<String> {
    std::fs::read_to_string(Path::new(FILE)).context("reading deploy/operator.yaml")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn objects(text: &str) -> Vec<Value> {
        serde_saphyr::from_multiple(text).unwrap()
    }

    fn object(kind: &str, name: &str) -> Value {
        let is_it = |object: &Value| object["kind"] == kind && object["metadata"]["name"] == name;
        objects(&read().unwrap())
            .into_iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("there is no {kind} {name}"))
    }

    fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
        let found = list.as_array().unwrap().iter().find(|entry| entry["name"] == name);
        found.unwrap_or_else(|| panic!("there is no `{name}` in {list}"))
    }

    #[test]
    fn containers_and_ports_are_called_as_the_monitoring_overview_says() {
        let deployment = object("Deployment", "stash-operator");
        let containers = &deployment["spec"]["template"]["spec"]["containers"];
        assert_eq!(named(&named(containers, "operator")["ports"], "api")["containerPort"], 8443);
        assert_eq!(named(&named(containers, "pushgateway")["ports"], "pushgateway")["containerPort"], 56789);
        let service = object("Service", "stash-operator");
        let ports = &service["spec"]["ports"];
        let port = |name| (named(ports, name)["port"].clone(), named(ports, name)["targetPort"].clone());
        assert_eq!(port("api"), (json!(443), json!(8443)));
        assert_eq!(port("pushgateway"), (json!(56789), json!(56789)));
        // Prometheus keeps the Service by this label, and takes the endpoints by the names above.
        assert_eq!(service["metadata"]["labels"]["app"], "stash");
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        for (label, value) in service["spec"]["selector"].as_object().unwrap() {
            assert_eq!(&labels[label], value, "the Service leads to no pod");
        }
    }

    #[test]
    fn every_object_is_labelled_and_none_names_a_namespace() {
        for object in objects(&read().unwrap()) {
            let (kind, metadata) = (&object["kind"], &object["metadata"]);
            assert!(metadata.get("namespace").is_none(), "{kind}");
            let is_for_users = metadata["name"].as_str().unwrap().starts_with("appscode:");
            assert!(is_for_users || metadata["labels"]["app"] == "stash", "{kind}");
            assert_eq!(is_for_users, metadata["labels"].to_string().contains("aggregate-to-"), "{kind}");
        }
    }

    #[test]
    fn the_version_is_that_of_this_release_wherever_it_stands() {
        let text = read().unwrap();
        let image = format!("image: {IMAGE}{VERSION}");
        assert_eq!(text.matches(&image).count(), 2, "operator and gateway");
        assert_eq!(text.matches(VERSION).count(), 3, "and the flag for sidecars");
    }

    #[test]
    fn its_pods_are_fit_for_the_restricted_standard() {
        let deployment = object("Deployment", "stash-operator");
        let pod = &deployment["spec"]["template"]["spec"];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        for container in pod["containers"].as_array().unwrap() {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false);
            assert_eq!(context["readOnlyRootFilesystem"], true);
            assert_eq!(context["capabilities"], json!({ "drop": ["ALL"] }));
        }
    }

    #[test]
    fn a_test_changes_image_namespace_and_flags_and_nothing_else() {
        let text = text("elsewhere", &["--schedule-jitter=0s", "--v=9"]).unwrap();
        let before = objects(&read().unwrap());
        let after = objects(&text);
        let said = serde_json::to_string(&after).unwrap();
        assert!(!said.contains(VERSION) && !said.contains("\"namespace\":\"stash\""), "{said}");
        assert_eq!(before.len(), after.len());
        let deployment = after.iter().find(|object| object["kind"] == "Deployment").unwrap();
        let containers = &deployment["spec"]["template"]["spec"]["containers"];
        let arguments = named(containers, "operator")["args"].as_array().unwrap();
        let says = |argument: &str| arguments.iter().any(|known| known == argument);
        assert!(says("--schedule-jitter=0s") && says("--v=9") && !says("--v=3"), "{arguments:?}");
        assert!(says("--docker-registry=localhost") && says("--image-tag=dev"), "{arguments:?}");
        assert_eq!(arguments[0], "run");
    }
}
