//! `stash recover`: one recovery session now.

use clap::Args;
use domain::report::{Failure, FailureReason};
use standalone::folder::Key;

use super::folder::DirArgs;
use crate::console::Terminal;
use crate::exit::{Exit, Reasoned};

/// Run a Recovery now, also one that has ended before.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  stash recover --dir examples/quickstart --recovery-name quickstart")]
pub(crate) struct RecoverArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// The Recovery to run.
    #[arg(long, value_name = "NAME")]
    recovery_name: String,
    /// Namespace of the Recovery.
    #[arg(long, value_name = "NAMESPACE", default_value = "default")]
    namespace: String,
}

pub(crate) async fn execute(args: RecoverArgs, console: Terminal) -> anyhow::Result<Exit> {
    let (ready, desired) = args.dir.worker(console)?;
    super::cancel_on_signal(&ready.worker.cancel);
    let key = Key::new(Some(&args.namespace), &args.recovery_name);
    let Some(recovery) = desired.recoveries.get(&key) else {
        return Err(Reasoned(Failure {
            reason: FailureReason::InvalidSpec,
            message: format!(
                "the folder has no usable Recovery {key}; it has: {}",
                super::listed(desired.recoveries.keys())
            ),
        })
        .into());
    };
    let report = ready.worker.recover(&desired, &key, &recovery.value).await;
    standalone::once::keep(&ready)?;
    Ok(Exit::of_outcome(report.outcome, report.failure.map(|failure| failure.reason)))
}
