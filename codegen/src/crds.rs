//! The custom resource definitions, one file each, where Helm looks for them.

use anyhow::{Context, Result};

use crate::Files;

const HEADER: &str = "# Made by `cargo xtask codegen` from crates/domain/src/objects. Do not edit.\n";

pub(super) fn files() -> Result<Files> {
    domain::crds::crds()
        .into_iter()
        .map(|crd| {
            let plural = &crd.spec.names.plural;
            // By way of JSON, which leaves out what is not set just as the API server's own YAML does.
            let value = serde_json::to_value(&crd)?;
            let yaml =
                serde_saphyr::to_string(&value).with_context(|| format!("writing the CRD of {plural}"))?;
            Ok((format!("charts/stash/crds/{plural}.yaml").into(), format!("{HEADER}{}\n", yaml.trim_end())))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_as_the_same_definition() {
        let files = files().unwrap();
        let crds = domain::crds::crds();
        assert_eq!(files.len(), crds.len());
        for crd in crds {
            let plural = &crd.spec.names.plural;
            let yaml = &files[std::path::Path::new(&format!("charts/stash/crds/{plural}.yaml"))];
            let read: serde_json::Value = serde_saphyr::from_str(yaml).unwrap();
            assert_eq!(read, serde_json::to_value(&crd).unwrap(), "{plural}");
        }
    }
}
