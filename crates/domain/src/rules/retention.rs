//! Which snapshots a retention policy keeps, and why each one stays: the rule that deletes backups, as a value.
//!
//! The rules are those of `restic forget` (0.16 and later). Snapshots are taken newest first. `keepLast` keeps the
//! first n. A period rule (hour, day, ISO week, month, year) keeps a snapshot whose period differs from that of
//! the snapshot it kept before, until it has kept n; that is the newest snapshot of each of the newest n periods
//! that have one. The oldest snapshot of all is kept by every period rule that has not kept n by then, so that the
//! history becomes as long as the rule allows. Tag rules do not count. A snapshot stays when any rule keeps it.
//!
//! Two things protect from mistakes: a policy without any rule keeps everything, and a policy whose rules would keep
//! nothing (only tags, and no snapshot has them) keeps everything too; `restic` refuses to run it.

use jiff::Zoned;

use crate::objects::restic::RetentionPolicy;

/// The reason given for every snapshot when the policy has no rule.
pub const NO_POLICY: &str = "no policy";

/// The reason given for every snapshot when no rule keeps any.
pub const LAST_ONES: &str = "no rule keeps any snapshot, and the last ones are never all removed";

/// One snapshot of one host and path: the caller groups, since a rule counts within such a group only.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What the decision will name.
    pub id: String,
    /// When it was made, at the UTC offset that is recorded with it: hours, days and weeks are those of the clock
    /// on the wall where the backup ran.
    pub time: Zoned,
    pub tags: Vec<String>,
}

/// What becomes of one snapshot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Decision {
    pub id: String,
    /// Every rule that keeps it, in the words of `restic forget`: tags first, then from `last snapshot` to
    /// `yearly snapshot`. Empty: it is to be removed.
    pub keep: Vec<String>,
}

/// A number that is the same for two snapshots exactly when they are of one period. `position` counts from the
/// newest.
type Period = fn(time: &Zoned, position: usize) -> i64;

/// A rule that keeps a number of snapshots, with its state while the list is walked.
struct Counted {
    left: u64,
    period: Period,
    newest_kept: Option<i64>,
    reason: &'static str,
}

/// True when the policy has no rule: every count is 0 or negative and there are no tags.
///
/// A negative count is no rule. In particular -1 does not mean "unlimited" as it does inside restic; validation
/// refuses it before.
#[must_use]
pub fn keeps_everything(policy: &RetentionPolicy) -> bool {
    counted_rules(policy).is_empty() && policy.keep_tags.is_empty()
}

/// Decides about every snapshot of one host and path. The answer is ordered newest first; snapshots of the same
/// instant are ordered by id, so that the order of the argument does not matter.
#[must_use]
pub fn apply(policy: &RetentionPolicy, candidates: &[Candidate]) -> Vec<Decision> {
    let mut newest_first: Vec<&Candidate> = candidates.iter().collect();
    newest_first.sort_by(|a, b| b.time.timestamp().cmp(&a.time.timestamp()).then_with(|| a.id.cmp(&b.id)));

    if keeps_everything(policy) {
        return keep_all(&newest_first, NO_POLICY);
    }
    let mut counted = counted_rules(policy);
    let mut decisions = Vec::with_capacity(newest_first.len());
    for (position, candidate) in newest_first.iter().enumerate() {
        let oldest = position + 1 == newest_first.len();
        let tags = policy.keep_tags.iter().filter_map(|list| tag_reason(list, candidate));
        let counts = counted.iter_mut().filter_map(|rule| rule.reason(candidate, position, oldest));
        decisions.push(Decision { id: candidate.id.clone(), keep: tags.chain(counts).collect() });
    }
    if decisions.iter().all(|decision| decision.keep.is_empty()) {
        return keep_all(&newest_first, LAST_ONES);
    }
    decisions
}

fn keep_all(candidates: &[&Candidate], reason: &str) -> Vec<Decision> {
    candidates.iter().map(|c| Decision { id: c.id.clone(), keep: vec![reason.to_owned()] }).collect()
}

/// The counting rules that are set, in the order in which restic names them.
fn counted_rules(policy: &RetentionPolicy) -> Vec<Counted> {
    let rules: [(i64, Period, &'static str); 6] = [
        (policy.keep_last, |_, position| i64::try_from(position).unwrap_or(i64::MAX), "last snapshot"),
        (policy.keep_hourly, |time, _| day(time) * 100 + i64::from(time.hour()), "hourly snapshot"),
        (policy.keep_daily, |time, _| day(time), "daily snapshot"),
        (policy.keep_weekly, |time, _| week(time), "weekly snapshot"),
        (policy.keep_monthly, |time, _| month(time), "monthly snapshot"),
        (policy.keep_yearly, |time, _| i64::from(time.year()), "yearly snapshot"),
    ];
    rules
        .into_iter()
        .filter_map(|(count, period, reason)| {
            let left = u64::try_from(count).ok().filter(|count| *count > 0)?;
            Some(Counted { left, period, newest_kept: None, reason })
        })
        .collect()
}

impl Counted {
    /// The reason to keep the candidate, if this rule does.
    fn reason(&mut self, candidate: &Candidate, position: usize, oldest: bool) -> Option<String> {
        if self.left == 0 {
            return None;
        }
        let period = (self.period)(&candidate.time, position);
        let new_period = self.newest_kept != Some(period);
        if !new_period && !oldest {
            return None;
        }
        self.left -= 1;
        self.newest_kept = Some(period);
        Some(if new_period { self.reason.to_owned() } else { format!("oldest {}", self.reason) })
    }
}

fn month(time: &Zoned) -> i64 {
    i64::from(time.year()) * 100 + i64::from(time.month())
}

fn day(time: &Zoned) -> i64 {
    month(time) * 100 + i64::from(time.day())
}

/// ISO 8601 weeks: they begin on Monday, and the days around New Year may belong to a week of the other year.
fn week(time: &Zoned) -> i64 {
    let week = time.date().iso_week_date();
    i64::from(week.year()) * 100 + i64::from(week.week())
}

/// The reason to keep the candidate for one entry of `keepTags`: a comma separated list of tags, all of which it
/// must have. A list that begins with an empty tag also keeps what has no tags at all, as in restic.
fn tag_reason(list: &str, candidate: &Candidate) -> Option<String> {
    let wanted: Vec<&str> = list.split(',').map(str::trim).collect();
    let untagged = candidate.tags.is_empty() && wanted.first() == Some(&"");
    let has_all = wanted.iter().all(|tag| candidate.tags.iter().any(|own| own == tag));
    (untagged || has_all).then(|| format!("has tags [{}]", wanted.join(", ")))
}
