//! OpenStack Swift: its own four servers, with the passwords in the proxy's configuration.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::place::Place;
use crate::process::output;
use crate::storage::{Setup, Storage};

const USER: &str = "test:tester";
const KEY: &str = "stash-test-secret";

const SWIFT: &str = "[swift-hash]
swift_hash_path_suffix = t
swift_hash_path_prefix = t
[storage-policy:0]
name = Policy-0
default = yes
";

/// Starts them. The file system of the temporary folder must have user attributes.
pub async fn start() -> Result<Storage> {
    let mut setup = Setup::new()?;
    setup.file("swift.conf", SWIFT)?;
    setup.sub_folder("node/disk")?;
    let place = setup.place.clone();
    let memcached = place.free()?;
    setup
        .start("memcached", |command| {
            // It refuses to be root without being told whom to be instead, and then is that one.
            command.args(["-u", "root", "-U", "0", "-l", &memcached.ip().to_string()]);
            command.args(["-p", &memcached.port().to_string()]);
        })?
        .listens(memcached)
        .await?;
    for part in ["account", "container", "object"] {
        let address = place.free()?;
        let device = format!("r1z1-{address}/disk");
        ring(setup.folder.path(), part, &["create", "6", "1", "1"])?;
        ring(setup.folder.path(), part, &["add", &device, "1"])?;
        ring(setup.folder.path(), part, &["rebalance"])?;
        let configuration = setup.file(
            &format!("{part}.conf"),
            &storage_server(part, &place, address.port(), setup.folder.path()),
        )?;
        let process = setup.start(&format!("swift-{part}-server"), |command| {
            command.arg(&configuration);
        })?;
        process.listens(address).await?;
    }
    let address = place.free()?;
    let configuration = setup
        .file("proxy.conf", &proxy(&place, address.port(), &memcached.to_string(), setup.folder.path()))?;
    let process = setup.start("swift-proxy-server", |command| {
        command.arg(&configuration);
    })?;
    process.listens(address).await?;
    let endpoint = format!("http://{address}");
    let auth = format!("{endpoint}/auth/v1.0");
    let remote = [("type", "swift"), ("user", USER), ("key", KEY), ("auth", auth.as_str())];
    let storage = Storage {
        secret: BTreeMap::from([
            ("ST_AUTH", auth.clone()),
            ("ST_USER", USER.to_owned()),
            ("ST_KEY", KEY.to_owned()),
        ]),
        clients: BTreeMap::new(),
        restic: format!("swift:{}:", crate::storage::BUCKET),
        endpoint,
        processes: setup.processes,
        folder: setup.folder,
    };
    storage.with_bucket(&remote).await
}

/// Says where the data of one part are.
fn ring(folder: &Path, part: &str, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("swift-ring-builder");
    command.current_dir(folder).arg(format!("{part}.builder")).args(arguments);
    output(&mut command).map(drop)
}

/// What all four have.
fn general(place: &Place, port: u16, folder: &Path) -> String {
    format!(
        "[DEFAULT]\nbind_ip = {}\nbind_port = {port}\nworkers = 0\nuser = root\nswift_dir = {}\n",
        place.address(),
        folder.display()
    )
}

fn storage_server(part: &str, place: &Place, port: u16, folder: &Path) -> String {
    format!(
        "{}devices = {}/node\nmount_check = false\ndisable_fallocate = true\n\
         [pipeline:main]\npipeline = {part}-server\n[app:{part}-server]\nuse = egg:swift#{part}\n",
        general(place, port, folder),
        folder.display()
    )
}

fn proxy(place: &Place, port: u16, memcached: &str, folder: &Path) -> String {
    let mut text = general(place, port, folder);
    text += "[pipeline:main]
pipeline = catch_errors healthcheck cache tempauth dlo slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
";
    text += &format!(
        "[filter:tempauth]\nuse = egg:swift#tempauth\nuser_{} = {KEY} .admin\nstorage_url_scheme = http\n\
         [filter:cache]\nuse = egg:swift#memcache\nmemcache_servers = {memcached}\n",
        USER.replace(':', "_")
    );
    for filter in ["healthcheck", "catch_errors", "dlo", "slo"] {
        text += &format!("[filter:{filter}]\nuse = egg:swift#{filter}\n");
    }
    text
}
