//! What a scrape of the operator tells of Stash: the state of objects, read from what is known of the cluster at that
//! moment, and the operator's own work.

mod late;
mod state;
mod work;

use std::time::Duration;

use domain::rules::metrics::{Kind as Listed, Metric};
use exposition::{Kind, Value};

pub(crate) use work::{Key, Look, Work};

use crate::world::World;

/// Everything, for one scrape. Repositories are checked every `check_interval`; zero is never.
pub(crate) fn collect(world: &World, work: &Work, check_interval: Duration) -> Vec<exposition::Family> {
    let mut families = Families::default();
    // Half of it would look like objects that are gone.
    if world.is_known_now() {
        state::of_objects(&mut families, world, check_interval);
    }
    work.collect(&mut families);
    families.done()
}

/// Families in the making, of listed metrics.
#[derive(Default)]
pub(crate) struct Families(exposition::Families);

impl Families {
    pub(crate) fn add<'a>(
        &mut self,
        metric: &Metric,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: impl Into<Value>,
    ) {
        let kind = match metric.kind {
            Listed::Gauge => Kind::Gauge,
            Listed::Counter => Kind::Counter,
            Listed::Histogram => Kind::Histogram,
        };
        self.0.add(metric.name, metric.help, kind, labels, value.into());
    }

    pub(crate) fn done(self) -> Vec<exposition::Family> {
        self.0.done()
    }
}
