//! What a failed test leaves: the state of its pods, what happened to them, what they said. Secrets are not shown.

use k8s_openapi::api::core::v1::{Event, Pod};
use kube::ResourceExt;
use kube::api::{ListParams, LogParams};

use crate::namespace::{Namespace, told};

/// Lines of a container's log.
const LINES: i64 = 100;

/// Prints it to standard error. What cannot be had is said and left out: the test's own error must not be lost.
pub async fn print(space: &Namespace) {
    let name = &space.name;
    eprintln!("--- what is in {name}");
    let pods = match space.api::<Pod>().list(&ListParams::default()).await {
        Ok(pods) => pods.items,
        Err(error) => {
            eprintln!("the pods cannot be had: {error}");
            Vec::new()
        }
    };
    for pod in &pods {
        eprintln!("pod {}: {}", pod.name_any(), told(pod));
    }
    print_events(space).await;
    for pod in &pods {
        print_logs(space, pod).await;
    }
    eprintln!("--- end of {name}");
}

async fn print_events(space: &Namespace) {
    let events = match space.api::<Event>().list(&ListParams::default()).await {
        Ok(events) => events.items,
        Err(error) => {
            eprintln!("the events cannot be had: {error}");
            return;
        }
    };
    let mut lines: Vec<(String, String)> = events
        .iter()
        .map(|event| {
            let moment = event.last_timestamp.as_ref().map(|time| time.0.to_string());
            let moment = moment.or_else(|| event.event_time.as_ref().map(|time| time.0.to_string()));
            let object = &event.involved_object;
            let line = format!(
                "{} {}/{} {}: {}",
                event.type_.as_deref().unwrap_or_default(),
                object.kind.as_deref().unwrap_or_default(),
                object.name.as_deref().unwrap_or_default(),
                event.reason.as_deref().unwrap_or_default(),
                event.message.as_deref().unwrap_or_default()
            );
            (moment.unwrap_or_default(), line)
        })
        .collect();
    lines.sort();
    for (moment, line) in lines {
        eprintln!("event {moment} {line}");
    }
}

async fn print_logs(space: &Namespace, pod: &Pod) {
    let containers = pod.spec.iter().flat_map(|spec| {
        spec.init_containers.iter().flatten().chain(&spec.containers).map(|container| container.name.clone())
    });
    let restarts = |name: &str| {
        let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
        statuses.filter(|status| status.name == name).map(|status| status.restart_count).sum::<i32>()
    };
    for container in containers {
        for previous in [true, false] {
            if previous && restarts(&container) == 0 {
                continue;
            }
            let options = LogParams {
                container: Some(container.clone()),
                tail_lines: Some(LINES),
                previous,
                ..LogParams::default()
            };
            let which = if previous { ", before its last restart" } else { "" };
            let name = pod.name_any();
            match space.api::<Pod>().logs(&name, &options).await {
                Ok(text) => eprintln!("log of {name}/{container}{which}:\n{}", text.trim_end()),
                Err(error) => eprintln!("log of {name}/{container}{which} cannot be had: {error}"),
            }
        }
    }
}
