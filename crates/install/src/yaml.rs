//! The objects as the YAML that kubectl takes.

use serde_json::Value;

/// An object cannot be written: a defect of ours.
#[derive(Debug, thiserror::Error)]
#[error("{object} cannot be written as YAML: {reason}")]
pub struct YamlError {
    object: String,
    reason: String,
}

/// One object, or a part of one.
///
/// # Errors
/// It cannot be written as YAML.
pub fn document(object: &Value) -> Result<String, YamlError> {
    let text = serde_saphyr::to_string(object).map_err(|error| YamlError {
        object: format!("{} {}", object["kind"], object["metadata"]["name"]),
        reason: error.to_string(),
    })?;
    Ok(format!("{}\n", text.trim_end()))
}

/// All of them, separated as in a file.
///
/// # Errors
/// One cannot be written as YAML.
pub fn documents(objects: &[Value]) -> Result<String, YamlError> {
    let documents = objects.iter().map(document).collect::<Result<Vec<_>, _>>()?;
    Ok(documents.join("---\n"))
}
