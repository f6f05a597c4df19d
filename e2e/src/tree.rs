//! Files to be lost and brought back: of every kind and mode that an ordinary user can make, and a way to tell whether
//! they are the same again, byte by byte.

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;

use crate::namespace::Namespace;
use crate::pod;

/// The folder with the files, where the claim is mounted. It is not the mount itself, which belongs to nobody of the
/// pod, so that nobody could give it back its time.
pub const PATH: &str = "/data/tree";

/// Where the claim is mounted.
pub const MOUNT: &str = "/data";

/// Writes the files, different ones for each `seed`.
const FILL: &str = r#"
rm -rf /data/tree
mkdir -p /data/tree/folder/deeper /data/tree/empty-folder
cd /data/tree
echo "seed $SEED" > text
: > empty
head -c 300000 /dev/zero | tr '\0' 'x' > folder/runs
i=0; while [ $i -lt 2000 ]; do echo "$SEED $i $((i * 7919 % 104729))"; i=$((i + 1)); done > folder/deeper/lines
echo script > run; chmod 750 run
echo secret > 'name with blanks'; chmod 600 'name with blanks'
echo umlaut > 'größe'
ln -s folder/runs link
ln -s /nowhere dangling
ln text hard-link
chmod 711 folder; chmod 1770 empty-folder
touch -d '2001-02-03 04:05:06' text folder/runs
touch -d '2011-12-13 14:15:16' folder/deeper
sync
"#;

/// One line for each file: name, type and mode, owner, time, target of a link; then one with the hash of each content.
const TELL: &str = r#"
cd /data
find tree | sort | while IFS= read -r name; do
  echo "$name $(stat -c '%f %u %g %Y' "$name") $(readlink "$name" || true)"
done
find tree -type f | sort | while IFS= read -r name; do sha256sum "$name"; done
"#;

impl Namespace {
    /// Runs a script in a pod with claims mounted, and returns what it said. The pod goes.
    pub async fn shell(&self, script: &str, claims: &[(&str, &str)]) -> Result<String> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("shell-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.create::<Pod>(pod::script(&name, script, claims)).await?;
        let said = self.pod_succeeded(&name).await?;
        self.kill_pod(&name).await?;
        Ok(said)
    }

    /// Fills a claim with files, which differ with the seed, and returns what [`Namespace::tree`] says of them.
    pub async fn fill_tree(&self, claim: &str, seed: u32) -> Result<String> {
        let script = format!("SEED={seed}\n{FILL}\n{TELL}");
        self.shell(&script, &[(claim, MOUNT)]).await
    }

    /// What is in a claim: equal texts mean equal files.
    pub async fn tree(&self, claim: &str) -> Result<String> {
        self.shell(TELL, &[(claim, MOUNT)]).await
    }

    /// Loses everything.
    pub async fn wipe_tree(&self, claim: &str) -> Result<()> {
        let script = "rm -rf /data/tree; test ! -e /data/tree";
        self.shell(script, &[(claim, MOUNT)]).await.map(drop)
    }
}
