//! What the gateway is meant to reach beside the reference, and whether this run says so.

use super::Size;
use super::figures::{Figures, number};

/// One goal in one run.
struct Goal {
    what: String,
    /// `None` when it was not measured: the reference was left out, or a size.
    value: Option<f64>,
    bound: Bound,
}

#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// Scrapes must not slow pushes: what two runs of the same thing may differ by. Quantiles below this many
/// milliseconds are too near to the clock and the scheduler to be compared.
const SAME: f64 = 1.25;
const TOO_SMALL_MS: f64 = 2.0;

/// Prints a line for each goal; true when none is missed.
pub(super) fn print(sizes: &[Size]) -> bool {
    println!("\ngoals");
    let mut all_met = true;
    for goal in goals(sizes) {
        let (met, sign, bound) = match goal.bound {
            Bound::AtLeast(bound) => (goal.value.map(|value| value >= bound), ">=", bound),
            Bound::AtMost(bound) => (goal.value.map(|value| value <= bound), "<=", bound),
        };
        let verdict = match met {
            Some(true) => "PASS",
            Some(false) => "FAIL",
            None => "-",
        };
        all_met &= met != Some(false);
        println!("{verdict:<4} {:<62} {:>10} {sign} {}", goal.what, number(goal.value), number(Some(bound)));
    }
    all_met
}

fn goals(sizes: &[Size]) -> Vec<Goal> {
    use Bound::{AtLeast, AtMost};
    let mut goals = Vec::new();
    for size in sizes {
        let groups = size.groups;
        let mut goal = |what: &str, value: Option<f64>, bound: Bound| {
            goals.push(Goal { what: format!("{groups} groups: {what}"), value, bound });
        };
        let ours = |name: &str| get(&size.ours, name);
        let ratio = |name: &str| Some(ours(name)? / get(size.theirs.as_ref()?, name)?);
        match groups {
            100..1000 => goal("pushes a second / reference", ratio("push rate"), AtLeast(40.0)),
            1000..10_000 => goal("pushes a second / reference", ratio("push rate"), AtLeast(500.0)),
            10_000.. => goal("pushes a second / reference", ratio("push rate"), AtLeast(10_000.0)),
            _ => {}
        }
        goal("pushes a second", ours("push rate"), AtLeast(3000.0));
        goal("push p99, ms", ours("push p99"), AtMost(20.0));
        goal("CPU of a push, ms", ours("push cpu"), AtMost(0.4));
        let slower = ours("scraped push p99")
            .zip(ours("push p99"))
            .map(|(with, without)| if with <= TOO_SMALL_MS { 1.0 } else { with / without.max(TOO_SMALL_MS) });
        goal("push p99 with scrapes / without", slower, AtMost(SAME));
        if groups >= 1000 {
            goal("CPU of a scrape / reference", ratio("text cpu"), AtMost(0.2));
        }
        goal("scrape until the first byte, ms", ours("text first"), AtMost(20.0));
        goal("RSS filled / reference", ratio("filled"), AtMost(0.35));
        goal("RSS peak / filled", ours("peak share"), AtMost(1.5));
        if groups >= 10_000 {
            goal("RSS filled, MiB", ours("filled"), AtMost(200.0));
        }
        goal("ready after a restart, ms", ours("ready"), AtMost(500.0));
    }
    goals.push(Goal {
        what: "pushes a second, most / least over the sizes".to_owned(),
        value: spread(sizes),
        bound: AtMost(1.2),
    });
    goals
}

fn get(figures: &Figures, name: &str) -> Option<f64> {
    figures.get(name).copied()
}

/// How much pushing depends on what is stored; `None` with fewer than two sizes.
fn spread(sizes: &[Size]) -> Option<f64> {
    let rates: Vec<f64> = sizes.iter().filter_map(|size| get(&size.ours, "push rate")).collect();
    let least = rates.iter().copied().reduce(f64::min)?;
    let most = rates.iter().copied().reduce(f64::max)?;
    (rates.len() > 1).then_some(most / least)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(groups: usize, ours: &[(&'static str, f64)], theirs: Option<&[(&'static str, f64)]>) -> Size {
        let figures = |pairs: &[(&'static str, f64)]| pairs.iter().copied().collect::<Figures>();
        Size { groups, ours: figures(ours), theirs: theirs.map(figures) }
    }

    #[test]
    fn what_was_not_measured_is_not_missed() {
        assert!(print(&[size(100, &[("push rate", 5000.0)], None)]));
        assert!(!print(&[size(100, &[("push rate", 5000.0)], Some(&[("push rate", 1000.0)]))]));
    }

    #[test]
    fn pushes_that_depend_on_the_store_are_found() {
        let sizes = [size(100, &[("push rate", 6000.0)], None), size(1000, &[("push rate", 4000.0)], None)];
        assert_eq!(spread(&sizes), Some(1.5));
        assert_eq!(spread(&sizes[..1]), None);
    }
}
