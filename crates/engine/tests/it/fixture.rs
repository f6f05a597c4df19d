//! A repository, a source and a restic to put beside the engine.

use engine::{
    BackupOutcome, BackupRequest, Cancel, Credentials, Environment, Error, FailureReason, Location, Quiet,
    Repository, RestoreOutcome, RestoreRequest, Which,
};
use rustix::fs::{FileType, Mode};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

pub(crate) const HOST: &str = "host-0";
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A folder of its own for one test. Removed at the end.
pub(crate) struct World {
    pub(crate) root: TempDir,
    restic: PathBuf,
}

impl World {
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new().prefix("stash-engine-").tempdir().expect("a temporary folder");
        fs::create_dir(root.path().join("source")).expect("a source");
        Self { root, restic: "restic".into() }
    }

    /// A world beside the oldest restic that people still run, and one beside a current one.
    #[expect(clippy::disallowed_methods, reason = "`cargo xtask test` says by the environment where it is")]
    pub(crate) fn beside_old_and_new_restic() -> [Self; 2] {
        let newer = std::env::var_os("STASH_TEST_RESTIC_NEW").expect(
            "STASH_TEST_RESTIC_NEW has to name a restic 0.17 or newer: run the tests by `cargo xtask test`",
        );
        [Self::new(), Self { restic: newer.into(), ..Self::new() }]
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.path("source")
    }

    pub(crate) fn repository_path(&self) -> PathBuf {
        self.path("repository")
    }

    pub(crate) fn location(&self) -> Location {
        Location::Local(self.repository_path())
    }

    /// Writes a file below the source.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.source().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, content).expect("a file");
        path
    }

    pub(crate) fn open(&self) -> Repository {
        self.open_with(&Cancel::default())
    }

    pub(crate) fn open_with(&self, cancel: &Cancel) -> Repository {
        engine::open_or_init(&self.location(), &credentials(), &Environment::default(), cancel)
            .expect("a repository")
            .0
    }

    pub(crate) fn request(&self) -> BackupRequest {
        BackupRequest { path: self.source(), host: HOST.to_owned(), tags: Vec::new(), time: None }
    }

    pub(crate) fn backup(&self, repository: &Repository) -> BackupOutcome {
        repository.backup(&self.request(), &Quiet).expect("a backup")
    }

    pub(crate) fn restore_request(&self, target: &str) -> RestoreRequest {
        RestoreRequest {
            host: HOST.to_owned(),
            path: self.source().display().to_string(),
            which: Which::Latest,
            target: self.path(target),
        }
    }

    pub(crate) fn restore(&self, repository: &Repository, target: &str) -> Result<RestoreOutcome, Error> {
        repository.restore(&self.restore_request(target), &Quiet)
    }

    /// Runs restic on the repository and expects it to succeed.
    pub(crate) fn restic(&self, arguments: &[&str]) -> String {
        let output = self.try_restic(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "restic {arguments:?}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    pub(crate) fn try_restic(&self, arguments: &[&str]) -> Output {
        Command::new(&self.restic)
            .args(["--no-cache", "--no-lock"])
            .args(arguments)
            .env("RESTIC_PASSWORD", PASSWORD)
            .env("RESTIC_REPOSITORY", self.repository_path())
            .output()
            .expect("the program restic is needed: install it, on Debian with `apt-get install restic`")
    }

    /// The files of one folder of the repository, in order.
    pub(crate) fn stored(&self, folder: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut pending = vec![self.repository_path().join(folder)];
        while let Some(folder) = pending.pop() {
            for entry in fs::read_dir(folder).expect("a folder of the repository") {
                let path = entry.expect("an entry").path();
                if path.is_dir() { pending.push(path) } else { files.push(path) }
            }
        }
        files.sort();
        files
    }
}

pub(crate) fn credentials() -> Credentials {
    Credentials { password: domain::secret::Secret::new(PASSWORD) }
}

/// Expects a failure of one kind, whose line is one line and names all of `words`.
#[track_caller]
pub(crate) fn expect<T>(result: Result<T, Error>, reason: FailureReason, words: &[&str]) -> String {
    let Err(error) = result else { unreachable!("it succeeded; {reason:?} was expected") };
    let line = error.to_string();
    assert_eq!(error.reason(), reason, "{line}");
    assert!(!line.contains('\n'), "more than one line: {line}");
    assert!(!line.contains(PASSWORD), "the password is in: {line}");
    for word in words {
        assert!(line.contains(word), "`{word}` is not in: {line}");
    }
    line
}

/// Bytes that neither compress nor repeat, the same for the same seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Flips one byte in the middle of a file.
pub(crate) fn corrupt(path: &Path) {
    let mut content = fs::read(path).expect("a file to damage");
    let middle = content.len() / 2;
    content[middle] ^= 0xff;
    fs::write(path, content).expect("a file to damage");
}

pub(crate) fn needs_root() {
    assert!(
        rustix::process::geteuid().is_root(),
        "this test makes devices, owners and mounts: run it as root"
    );
}

pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| unreachable!("{program} is needed: install it ({error})"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Everything a restore must bring back, one line per entry; hard links are named by their first name.
pub(crate) fn describe(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut lines = BTreeMap::new();
    let mut links: BTreeMap<u64, PathBuf> = BTreeMap::new();
    let mut paths = vec![root.to_owned()];
    let mut all = Vec::new();
    while let Some(path) = paths.pop() {
        if fs::symlink_metadata(&path).expect("metadata").is_dir() {
            paths.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        }
        all.push(path);
    }
    all.sort();
    for path in all {
        let below = path.strip_prefix(root).expect("below").to_owned();
        let metadata = fs::symlink_metadata(&path).expect("metadata");
        let kind = metadata.file_type();
        let what = if kind.is_dir() {
            "folder".to_owned()
        } else if kind.is_symlink() {
            format!("link to {:?}", fs::read_link(&path).expect("a link"))
        } else if kind.is_file() {
            let digest = Sha256::digest(fs::read(&path).expect("content"));
            let first = links.entry(metadata.ino()).or_insert_with(|| below.clone());
            format!("file {} {digest:?} as {}", metadata.len(), first.display())
        } else {
            format!("special {} {} {}", kind.is_fifo(), kind.is_socket(), metadata.rdev())
        };
        let attributes: BTreeMap<_, _> = xattr::list(&path)
            .expect("attributes")
            .map(|name| (name.clone(), xattr::get(&path, &name).expect("an attribute")))
            .collect();
        lines.insert(
            below,
            format!(
                "{what} {:o} {}:{} {}.{:09} {attributes:?}",
                metadata.mode(),
                metadata.uid(),
                metadata.gid(),
                metadata.mtime(),
                metadata.mtime_nsec(),
            ),
        );
    }
    lines
}

#[track_caller]
pub(crate) fn assert_same(expected: &BTreeMap<PathBuf, String>, actual: &BTreeMap<PathBuf, String>) {
    for (path, line) in expected {
        assert_eq!(Some(line), actual.get(path), "{}", path.display());
    }
    let extra: Vec<_> = actual.keys().filter(|path| !expected.contains_key(*path)).collect();
    assert!(extra.is_empty(), "not in the source: {extra:?}");
}

/// Fills a folder with one of everything a file system can hold.
pub(crate) fn menagerie(root: &Path) {
    needs_root();
    let at = |name: &str| root.join(name);
    fs::create_dir_all(at("deep/er/est")).expect("folders");
    fs::create_dir(at("empty folder")).expect("a folder");
    fs::write(at("empty"), "").expect("a file");
    fs::write(at("text"), "some text\n").expect("a file");
    fs::write(at("deep/er/est/noise"), noise(7, 3_000_000)).expect("a file");
    fs::write(at("quotes \" and \\ and \n newline"), "q").expect("a file");
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"not utf-8 \xff\xfe")), "n").expect("a file");
    fs::write(at("größe ☃"), "u").expect("a file");
    let sparse = fs::File::create(at("sparse")).expect("a file");
    sparse.set_len(5_000_000).expect("a hole");
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"middle", 2_500_000).expect("data");
    fs::hard_link(at("text"), at("another name")).expect("a hard link");
    fs::hard_link(at("text"), at("deep/third name")).expect("a hard link");
    for (name, target) in [("link", "text"), ("dangling", "no/where")] {
        std::os::unix::fs::symlink(target, at(name)).expect("a link");
    }
    let make = |name: &str, kind, device| {
        rustix::fs::mknodat(rustix::fs::CWD, at(name), kind, Mode::from_raw_mode(0o640), device)
            .expect("a special file");
    };
    make("fifo", FileType::Fifo, 0);
    make("char device", FileType::CharacterDevice, rustix::fs::makedev(1, 3));
    make("block device", FileType::BlockDevice, rustix::fs::makedev(7, 99));
    for (name, mode) in [("text", 0o4755), ("deep", 0o1777), ("deep/er", 0o2750), ("empty", 0o000)] {
        rustix::fs::chmod(at(name), Mode::from_raw_mode(mode)).expect("a mode");
    }
    for (name, uid, gid) in [("sparse", 77, 88), ("deep/er", 1000, 2000), ("link", 5, 6), ("", 33, 44)] {
        std::os::unix::fs::lchown(at(name), Some(uid), Some(gid)).expect("an owner");
    }
    rustix::fs::chmod(at("deep/er"), Mode::from_raw_mode(0o2750)).expect("a mode");
    for (name, value) in [("text", &b"value"[..]), ("deep", b"\x00\x01"), ("empty folder", b"")] {
        xattr::set(at(name), "user.stash", value).expect("an attribute; the file system must have them");
    }
    rustix::fs::chmod(root, Mode::from_raw_mode(0o750)).expect("a mode");
    // Times last, folders after what is in them.
    let all: Vec<PathBuf> = describe(root).into_keys().rev().collect();
    for (number, below) in all.iter().enumerate() {
        let step = i64::try_from(number).expect("a small number");
        let seconds = [-300_000_000, 1_500_000_000, 2_300_000_000][number % 3] + step;
        let time = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: 123_456_789 };
        let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
        let path = if below.as_os_str().is_empty() { root.to_owned() } else { root.join(below) };
        rustix::fs::utimensat(rustix::fs::CWD, path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
            .expect("times");
    }
}
