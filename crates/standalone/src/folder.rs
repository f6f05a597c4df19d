//! The objects of a folder: every YAML document of it, parsed, resolved, validated, or refused with a reason.
//!
//! A file that cannot be used leaves its last good objects in force until it is mended or removed: a half-saved edit
//! must not stop a backup.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::objects::recovery::RecoverySpec;
use domain::objects::repository::Repository;
use domain::objects::restic::ResticSpec;
use domain::report::{Failure, FailureReason};
use domain::rules::schema::{self, Object};
use domain::rules::validate::{self, Mode, Refusal};
use domain::secret::SecretData;
use jiff::Timestamp;

use crate::host::Host;

/// Namespace of objects that name none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Name and namespace of an object.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Key {
    /// Namespace; `default` where the object names none.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Key {
    /// A key from its parts; an empty namespace is `default`.
    #[must_use]
    pub fn new(namespace: Option<&str>, name: &str) -> Self {
        let namespace = namespace.filter(|text| !text.is_empty()).unwrap_or(DEFAULT_NAMESPACE);
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// An object and the file it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Sourced<T> {
    /// File name inside the folder.
    pub file: String,
    /// The object.
    pub value: T,
}

/// Something in the folder that is not in force, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// File name inside the folder.
    pub file: String,
    /// Kind and name, when it got that far.
    pub object: Option<(String, Key)>,
    /// What is wrong and what to do.
    pub failure: Failure,
    /// Whether an earlier version of the object is still in force.
    pub earlier_in_force: bool,
}

/// Everything a folder says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desired {
    /// Valid Restics.
    pub restics: BTreeMap<Key, Sourced<ResticSpec>>,
    /// Valid Recoveries.
    pub recoveries: BTreeMap<Key, Sourced<RecoverySpec>>,
    /// Hand-written Repositories.
    pub repositories: BTreeMap<Key, Sourced<Repository>>,
    /// Storage Secrets.
    pub secrets: BTreeMap<Key, Sourced<SecretData>>,
    /// What is not in force.
    pub problems: Vec<Problem>,
}

/// The folder itself cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the folder {}: {source}; give a folder with YAML files of Restic, Recovery, Repository and Secret objects", folder.display())]
pub struct FolderError {
    folder: PathBuf,
    source: std::io::Error,
}

/// Reads every `*.yaml`, `*.yml` and `*.json` file directly in the host's folder.
///
/// # Errors
/// When the folder cannot be listed. What is wrong with a single file is a [`Problem`] of the result.
pub fn load(host: &Host, now: Timestamp) -> Result<Desired, FolderError> {
    let refuse = |source| FolderError { folder: host.folder().to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(host.folder()).map_err(refuse)? {
        let path = entry.map_err(refuse)?.path();
        let wanted = path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if wanted && !hidden && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    let mut gathered = Gathered::default();
    for path in &files {
        read_file(path, host, now, &mut gathered);
    }
    Ok(gathered.into_desired())
}

impl Desired {
    /// Takes over from `before` what came from files that have a problem now.
    #[must_use]
    pub fn keeping(mut self, before: &Desired) -> Self {
        let broken: Vec<String> = self.problems.iter().map(|problem| problem.file.clone()).collect();
        carry(&mut self.restics, &before.restics, &broken);
        carry(&mut self.recoveries, &before.recoveries, &broken);
        carry(&mut self.repositories, &before.repositories, &broken);
        carry(&mut self.secrets, &before.secrets, &broken);
        for problem in &mut self.problems {
            problem.earlier_in_force = match &problem.object {
                Some((kind, key)) => match kind.as_str() {
                    "Restic" => self.restics.contains_key(key),
                    "Recovery" => self.recoveries.contains_key(key),
                    "Repository" => self.repositories.contains_key(key),
                    _ => self.secrets.contains_key(key),
                },
                None => self.restics.values().any(|restic| restic.file == problem.file),
            };
        }
        self
    }
}

fn carry<T: Clone>(
    now: &mut BTreeMap<Key, Sourced<T>>,
    before: &BTreeMap<Key, Sourced<T>>,
    broken: &[String],
) {
    for (key, old) in before {
        if broken.contains(&old.file) && !now.contains_key(key) {
            now.insert(key.clone(), old.clone());
        }
    }
}

/// Objects by key, all that were found: more than one of a key is refused at the end.
#[derive(Default)]
struct Gathered {
    restics: Vec<(Key, Sourced<ResticSpec>)>,
    recoveries: Vec<(Key, Sourced<RecoverySpec>)>,
    repositories: Vec<(Key, Sourced<Repository>)>,
    secrets: Vec<(Key, Sourced<SecretData>)>,
    problems: Vec<Problem>,
}

impl Gathered {
    fn into_desired(mut self) -> Desired {
        let mut problems = std::mem::take(&mut self.problems);
        Desired {
            restics: unique("Restic", self.restics, &mut problems),
            recoveries: unique("Recovery", self.recoveries, &mut problems),
            repositories: unique("Repository", self.repositories, &mut problems),
            secrets: unique("Secret", self.secrets, &mut problems),
            problems,
        }
    }
}

/// Two objects of one name: which of them is meant is not ours to guess, so neither is in force.
fn unique<T>(
    kind: &str,
    all: Vec<(Key, Sourced<T>)>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<Key, Sourced<T>> {
    let mut by_key: BTreeMap<Key, Vec<Sourced<T>>> = BTreeMap::new();
    for (key, object) in all {
        by_key.entry(key).or_default().push(object);
    }
    let mut out = BTreeMap::new();
    for (key, mut objects) in by_key {
        if objects.len() == 1 {
            out.extend(objects.pop().map(|object| (key, object)));
            continue;
        }
        let files: Vec<&str> = objects.iter().map(|object| object.file.as_str()).collect();
        let message = format!(
            "{kind} {key} is written {} times (in {}), so none of them is in force; rename or remove all but one",
            files.len(),
            files.join(", ")
        );
        for object in &objects {
            let failure = Failure { reason: FailureReason::InvalidSpec, message: message.clone() };
            let object_name = Some((kind.to_owned(), key.clone()));
            let problem =
                Problem { file: object.file.clone(), object: object_name, failure, earlier_in_force: false };
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    out
}

fn read_file(path: &Path, host: &Host, now: Timestamp, gathered: &mut Gathered) {
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let refuse = |message: String| Problem {
        file: file.clone(),
        object: None,
        failure: Failure { reason: FailureReason::InvalidSpec, message },
        earlier_in_force: false,
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("cannot read {file}: {error}; make it readable UTF-8 text");
            return gathered.problems.push(refuse(message));
        }
    };
    let documents: Vec<serde_json::Value> = match serde_saphyr::from_multiple(&text) {
        Ok(documents) => documents,
        Err(error) => {
            let message =
                format!("{file} is not YAML: {}; mend it at that place", one_line(&error.to_string()));
            return gathered.problems.push(refuse(message));
        }
    };
    for (index, document) in documents.into_iter().enumerate() {
        if document.is_null() {
            continue;
        }
        take(document, &file, index + 1, host, now, gathered);
    }
}

fn take(
    document: serde_json::Value,
    file: &str,
    number: usize,
    host: &Host,
    now: Timestamp,
    gathered: &mut Gathered,
) {
    let name_of = named(&document);
    let refuse = |gathered: &mut Gathered, refusals: &[Refusal]| {
        let object = name_of.clone();
        let what = match &object {
            Some((kind, key)) => format!("{kind} {key} in {file}"),
            None => format!("document {number} of {file}"),
        };
        let list: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        let failure = Failure {
            reason: FailureReason::InvalidSpec,
            message: format!("{what} is refused: {}", list.join("; ")),
        };
        gathered.problems.push(Problem { file: file.to_owned(), object, failure, earlier_in_force: false });
    };
    let object = match schema::parse_object(document) {
        Ok(object) => object,
        Err(refusals) => return refuse(gathered, &refusals),
    };
    match object {
        Object::Restic(mut restic) => {
            let key =
                Key::new(restic.metadata.namespace.as_deref(), restic.metadata.name.as_deref().unwrap_or(""));
            host.resolve_restic(&mut restic.spec);
            let mut refusals = validate::restic(&restic, Mode::Standalone, now);
            refusals.extend(host.refuse_restic(&key, &restic.spec));
            if !refusals.is_empty() {
                return refuse(gathered, &refusals);
            }
            gathered.restics.push((key, Sourced { file: file.to_owned(), value: restic.spec }));
        }
        Object::Recovery(mut recovery) => {
            let key = Key::new(
                recovery.metadata.namespace.as_deref(),
                recovery.metadata.name.as_deref().unwrap_or(""),
            );
            host.resolve_recovery(&mut recovery.spec, &key.namespace);
            let refusals = validate::recovery(&recovery, Mode::Standalone);
            if !refusals.is_empty() {
                return refuse(gathered, &refusals);
            }
            gathered.recoveries.push((key, Sourced { file: file.to_owned(), value: recovery.spec }));
        }
        Object::Repository(mut repository) => {
            let key = Key::new(
                repository.metadata.namespace.as_deref(),
                repository.metadata.name.as_deref().unwrap_or(""),
            );
            host.resolve_backend(&mut repository.spec.backend);
            let refusals = validate::repository(&repository, Mode::Standalone);
            if !refusals.is_empty() {
                return refuse(gathered, &refusals);
            }
            gathered.repositories.push((key, Sourced { file: file.to_owned(), value: *repository }));
        }
        Object::Secret(secret) => {
            let key = Key::new(secret.namespace.as_deref(), &secret.name);
            gathered.secrets.push((key, Sourced { file: file.to_owned(), value: secret.data }));
        }
        Object::Other { kind, .. } => {
            tracing::info!(file, document = number, kind, "not an object of Stash, left alone");
        }
    }
}

/// Kind and key of a document, as far as it tells them: also an object that is refused has a name.
fn named(document: &serde_json::Value) -> Option<(String, Key)> {
    let kind = document.get("kind")?.as_str()?;
    let metadata = document.get("metadata")?;
    let name = metadata.get("name")?.as_str()?;
    let namespace = metadata.get("namespace").and_then(serde_json::Value::as_str);
    Some((kind.to_owned(), Key::new(namespace, name)))
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
