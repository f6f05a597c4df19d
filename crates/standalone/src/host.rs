//! What objects made for a cluster mean on a plain host: its paths, its volumes, its name.
//!
//! The workload of a standalone Restic is the host itself. `hostPath` is the one volume source that exists here; a
//! relative path counts from the folder of the YAML files, so that a folder can be moved as a whole.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use agent::recover::{PathPlan, RecoveryPlan};
use agent::session::{BackupPlan, GroupPlan, Listing};
use domain::location::Location;
use domain::objects::backend::{Backend, LocalSpec};
use domain::objects::recovery::RecoverySpec;
use domain::objects::repository::{Repository, RepositorySpec};
use domain::objects::restic::ResticSpec;
use domain::objects::workload::{Workload, WorkloadError, WorkloadKind};
use domain::report::{Failure, FailureReason, SessionIdentity, SessionKind};
use domain::rules::validate::Refusal;
use domain::rules::{names, prefix};
use engine::{Environment, Which};

use crate::folder::{Desired, Key};

mod secrets;
mod volumes;

pub use secrets::credentials;
use volumes::{target, volume_root};

/// This host, and the folder it reads.
#[derive(Clone, Debug)]
pub struct Host {
    name: String,
    folder: PathBuf,
}

/// A Repository as a recovery finds it: hand-written, or the one a Restic of the folder fills.
#[derive(Clone, Debug)]
pub struct FoundRepository {
    /// Whose backups it holds.
    pub workload: Workload,
    /// Where it lives.
    pub location: Location,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Namespace of its Secret.
    pub namespace: String,
    /// Name of its Secret.
    pub secret: String,
    /// The Restic of the folder that fills it.
    pub filled_by: Option<Key>,
}

impl Host {
    /// A host of this name over this folder, which should be absolute.
    ///
    /// # Errors
    /// When the name cannot be a part of a repository's path.
    pub fn new(name: String, folder: PathBuf) -> Result<Self, WorkloadError> {
        // Any Restic will do: what is checked is the name of the host.
        Workload::host(&name, "restic")?;
        Ok(Self { name, folder })
    }

    /// Its name: the hostname of its snapshots.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder with its objects.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The workload that a Restic of this folder backs up.
    fn workload(&self, restic: &str) -> Result<Workload, Failure> {
        Workload::host(&self.name, restic).map_err(|error| Failure {
            reason: FailureReason::InvalidSpec,
            message: format!("Restic {restic} cannot be backed up on host {}: {error}", self.name),
        })
    }

    /// Makes every path of a Restic absolute.
    pub fn resolve_restic(&self, spec: &mut ResticSpec) {
        for group in &mut spec.file_groups {
            self.resolve(&mut group.path);
        }
        self.resolve_backend(&mut spec.backend);
    }

    /// Makes every path of a Recovery absolute. Its Repository is looked for in its own namespace by default.
    pub fn resolve_recovery(&self, spec: &mut RecoverySpec, namespace: &str) {
        spec.paths.iter_mut().for_each(|path| self.resolve(path));
        for volume in &mut spec.recovered_volumes {
            self.resolve(&mut volume.mount_path);
            self.resolve_volume(volume);
        }
        spec.repository.namespace.get_or_insert_with(|| namespace.to_owned());
    }

    /// Makes the path of a `local` backend absolute.
    pub fn resolve_backend(&self, backend: &mut Backend) {
        if let Some(local) = &mut backend.local {
            self.resolve_volume(local);
        }
    }

    fn resolve_volume(&self, volume: &mut LocalSpec) {
        if let Some(host_path) = &mut volume.volume_source.host_path {
            self.resolve(&mut host_path.path);
        }
    }

    /// Absolute and without `.` and `..`, so that two spellings of one place are one.
    fn resolve(&self, path: &mut String) {
        if path.is_empty() {
            return;
        }
        let mut clean = PathBuf::new();
        for component in self.folder.join(&*path).components() {
            match component {
                Component::CurDir => {}
                Component::ParentDir => {
                    clean.pop();
                }
                other => clean.push(other),
            }
        }
        *path = clean.to_string_lossy().into_owned();
    }

    /// Refusals that only a host can tell: a repository inside what it backs up, or the other way round.
    #[must_use]
    pub fn refuse_restic(&self, key: &Key, spec: &ResticSpec) -> Vec<Refusal> {
        let located = self.workload(&key.name).and_then(|workload| self.location(&spec.backend, &workload));
        let Ok(Location::Local(repository)) = located else { return Vec::new() };
        let mut refusals = Vec::new();
        for (index, group) in spec.file_groups.iter().enumerate() {
            let path = Path::new(&group.path);
            if repository.starts_with(path) || path.starts_with(&repository) {
                refusals.push(Refusal {
                    field: format!("spec.fileGroups[{index}].path"),
                    problem: format!(
                        "{} and the repository {} lie inside one another, so each backup would back up the last",
                        group.path,
                        repository.display()
                    ),
                    remedy: "put the repository outside of what is backed up".to_owned(),
                });
            }
        }
        refusals
    }

    /// Whose session a backup of this Restic is.
    #[must_use]
    pub fn backup_identity(&self, key: &Key) -> SessionIdentity {
        SessionIdentity {
            session: SessionKind::Backup,
            namespace: key.namespace.clone(),
            config: key.name.clone(),
            kind: WorkloadKind::Host.as_str().to_owned(),
            app: self.name.clone(),
            repository: self
                .workload(&key.name)
                .map(|workload| names::repository(&workload))
                .unwrap_or_default(),
        }
    }

    /// Whose session a recovery is: the labels name the workload whose data comes back.
    #[must_use]
    pub fn recovery_identity(&self, desired: &Desired, key: &Key, spec: &RecoverySpec) -> SessionIdentity {
        let mut identity = self.backup_identity(key);
        identity.session = SessionKind::Recovery;
        identity.repository = spec.repository.name.clone().unwrap_or_default();
        if let Ok(found) = self.find_repository(desired, &repository_key(spec)) {
            found.workload.kind().as_str().clone_into(&mut identity.kind);
            found.workload.name().clone_into(&mut identity.app);
        }
        identity
    }

    /// What a backup session of this Restic needs.
    ///
    /// # Errors
    /// When the Secret is missing or lacks the password, or the backend is not to be had on a host.
    pub fn backup_plan(
        &self,
        desired: &Desired,
        key: &Key,
        spec: &ResticSpec,
    ) -> Result<BackupPlan, Failure> {
        let workload = self.workload(&key.name)?;
        let owner = format!("Restic {key}");
        let mut groups = Vec::new();
        for group in &spec.file_groups {
            let retention = spec
                .retention_policies
                .iter()
                .find(|policy| policy.name == group.retention_policy_name && !policy.name.is_empty());
            groups.push(GroupPlan {
                path: PathBuf::from(&group.path),
                tags: group.tags.clone(),
                retention: retention.cloned(),
            });
        }
        Ok(BackupPlan {
            location: self.location(&spec.backend, &workload)?,
            credentials: credentials(desired, &key.namespace, &spec.backend.storage_secret_name, &owner)?,
            environment: Environment::default(),
            host: names::snapshot_hostname(&workload).to_owned(),
            groups,
            listing: Listing::default(),
        })
    }

    /// What the session of this Recovery needs.
    ///
    /// # Errors
    /// When the Repository or its Secret is not to be found, or no volume is mounted over a path.
    pub fn recovery_plan(
        &self,
        desired: &Desired,
        key: &Key,
        spec: &RecoverySpec,
    ) -> Result<RecoveryPlan, Failure> {
        let found = self.find_repository(desired, &repository_key(spec))?;
        let owner = format!("Recovery {key}");
        let mut paths = Vec::new();
        for path in &spec.paths {
            paths.push(PathPlan {
                path: path.clone(),
                target: target(path, &spec.recovered_volumes, &owner)?,
            });
        }
        Ok(RecoveryPlan {
            location: found.location,
            credentials: credentials(desired, &found.namespace, &found.secret, &owner)?,
            environment: Environment::default(),
            host: names::snapshot_hostname(&found.workload).to_owned(),
            which: which(&spec.snapshot)?,
            paths,
        })
    }

    /// Every Repository a person can name: hand-written, or filled by a Restic.
    #[must_use]
    pub fn repositories(&self, desired: &Desired) -> Vec<Key> {
        let mut keys: Vec<Key> = desired.repositories.keys().cloned().collect();
        for restic in desired.restics.keys() {
            if let Ok(workload) = self.workload(&restic.name) {
                keys.push(Key::new(Some(&restic.namespace), &names::repository(&workload)));
            }
        }
        keys.sort();
        keys.dedup();
        keys
    }

    /// The Repository of this name.
    ///
    /// # Errors
    /// When neither a Repository object nor a Restic of the folder has that name, or it cannot be used here.
    pub fn find_repository(&self, desired: &Desired, key: &Key) -> Result<FoundRepository, Failure> {
        if let Some(written) = desired.repositories.get(key) {
            return self.written_repository(key, &written.value);
        }
        for (restic, object) in &desired.restics {
            let workload = self.workload(&restic.name)?;
            if restic.namespace == key.namespace && names::repository(&workload) == key.name {
                return Ok(FoundRepository {
                    location: self.location(&object.value.backend, &workload)?,
                    labels: names::repository_labels(&workload, &restic.name),
                    workload,
                    namespace: restic.namespace.clone(),
                    secret: object.value.backend.storage_secret_name.clone(),
                    filled_by: Some(restic.clone()),
                });
            }
        }
        Err(Failure {
            reason: FailureReason::RepositoryMissing,
            message: format!(
                "there is no Repository {key}: no Repository object of that name is in {}, and no Restic fills it \
                 (Restic NAME fills host.NAME); correct spec.repository or add the Repository",
                self.folder.display()
            ),
        })
    }

    fn written_repository(&self, key: &Key, repository: &Repository) -> Result<FoundRepository, Failure> {
        let refuse = |text: String| Failure {
            reason: FailureReason::InvalidSpec,
            message: format!("Repository {key} cannot be used: {text}"),
        };
        let labels = repository.metadata.labels.clone().unwrap_or_default();
        let annotations = repository.metadata.annotations.clone().unwrap_or_default();
        let workload =
            Workload::of_repository(&labels, &annotations).map_err(|error| refuse(error.to_string()))?;
        let backend = prefix::unresolved(&repository.spec.backend, &workload);
        Ok(FoundRepository {
            labels,
            location: self.location(&backend, &workload)?,
            workload,
            namespace: key.namespace.clone(),
            secret: repository.spec.backend.storage_secret_name.clone(),
            filled_by: None,
        })
    }

    /// Where the sessions of a Restic write, in restic's notation.
    #[must_use]
    pub fn backup_location(&self, key: &Key, spec: &ResticSpec) -> Option<String> {
        let workload = self.workload(&key.name).ok()?;
        self.location(&spec.backend, &workload).ok().map(|location| location.to_string())
    }

    /// The Repository object that the sessions of a Restic keep; none when the Restic has no workload here.
    #[must_use]
    pub fn repository_object(&self, key: &Key, spec: &ResticSpec) -> Option<Repository> {
        let workload = self.workload(&key.name).ok()?;
        let backend = prefix::resolved(&spec.backend, &workload);
        let mut repository = Repository::new(
            &names::repository(&workload),
            RepositorySpec { backend, ..RepositorySpec::default() },
        );
        repository.metadata.namespace = Some(key.namespace.clone());
        repository.metadata.labels = Some(names::repository_labels(&workload, &key.name));
        let annotations = names::repository_annotations(&workload, &key.name);
        repository.metadata.annotations = (!annotations.is_empty()).then_some(annotations);
        Some(repository)
    }

    fn location(&self, backend: &Backend, workload: &Workload) -> Result<Location, Failure> {
        let root = match &backend.local {
            Some(local) => Some(volume_root(local).ok_or_else(|| {
                Failure {
                    reason: FailureReason::Unsupported,
                    message:
                        "spec.backend.local names a volume that only a cluster can mount; without one, use \
                          `hostPath: {path: …}` with a folder of this host"
                            .to_owned(),
                }
            })?),
            None => None,
        };
        prefix::location(backend, workload, root.as_deref()).map_err(|error| Failure {
            reason: FailureReason::InvalidSpec,
            message: format!("spec.backend cannot be used: {error}"),
        })
    }
}

/// The Repository a Recovery names.
#[must_use]
pub fn repository_key(spec: &RecoverySpec) -> Key {
    Key::new(spec.repository.namespace.as_deref(), spec.repository.name.as_deref().unwrap_or_default())
}

fn which(snapshot: &str) -> Result<Which, Failure> {
    if snapshot.is_empty() {
        return Ok(Which::Latest);
    }
    names::parse_snapshot(snapshot)
        .map(|(_, id)| Which::Id(id.to_owned()))
        .map_err(|error| Failure { reason: FailureReason::InvalidSpec, message: error.to_string() })
}
