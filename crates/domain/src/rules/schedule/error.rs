//! Why a schedule is refused, in words that tell what to write instead.

use crate::rules::go_duration;

/// Why a text is no schedule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ScheduleError {
    /// Neither five nor six fields; 0 for an empty text.
    #[error(
        "the schedule has {found} fields: write five, \"minute hour day-of-month month day-of-week\" \
         (for example \"30 2 * * *\"), six with seconds in front, or a descriptor such as \"@daily\""
    )]
    FieldCount { found: usize },
    /// A field that cannot be read.
    #[error("{field} of the schedule is {value:?}, but {problem}")]
    Field { field: &'static str, value: String, problem: FieldProblem },
    /// Something with `@` that is not known.
    #[error(
        "{text:?} is no schedule: write @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, \
         in lower case, or \"@every <duration>\", for example \"@every 1h30m\""
    )]
    UnknownDescriptor { text: String },
    /// The duration after `@every`.
    #[error("the interval of @every cannot be used: {source}")]
    Every { source: go_duration::Error },
    /// The zone of the prefix.
    #[error(
        "the time zone {name:?} of the schedule is not known: write a name of the IANA database, for example \
         \"TZ=Europe/Berlin 30 2 * * *\", or leave the prefix out"
    )]
    UnknownZone { name: String },
    /// No month of the schedule has a day of the schedule.
    #[error(
        "the schedule never fires: no month of {month:?} has a day of {day_of_month:?}; change the day of month \
         or the month"
    )]
    NeverFires { day_of_month: String, month: String },
}

/// What is wrong with one field.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FieldProblem {
    /// Only commas.
    #[error("it names no value: write * for every value")]
    Empty,
    /// Not a number, or not a name where names are allowed.
    #[error("{part:?} is {expected}")]
    NotANumber { part: String, expected: &'static str },
    /// Below or above what the field can be.
    #[error("{part} is out of range: use {min} to {max}{hint}")]
    OutOfRange { part: String, min: u8, max: u8, hint: &'static str },
    /// `5-3`.
    #[error("the range {part:?} goes backwards: write two ranges, separated by a comma")]
    Backwards { part: String },
    /// `1-2-3`.
    #[error("{part:?} has more than one \"-\": write one range as first-last")]
    TooManyHyphens { part: String },
    /// `1/2/3`.
    #[error("{part:?} has more than one \"/\": write one step as range/step")]
    TooManySlashes { part: String },
    /// `*/0`, which would go on for ever.
    #[error("the step of {part:?} is 0: use 1 or more")]
    ZeroStep { part: String },
    /// `*-5`.
    #[error("{part:?} mixes \"*\" with a range: write either")]
    StarInRange { part: String },
}

/// Why a Kubernetes CronJob cannot express a schedule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KubernetesCronError {
    /// CronJobs have no seconds.
    #[error(
        "a Kubernetes CronJob cannot fire at second {seconds:?} of a minute: write five fields, or 0 for the seconds"
    )]
    Seconds { seconds: String },
    /// The same text would mean other days there.
    #[error(
        "a Kubernetes CronJob cannot fire on days that match both day of month {day_of_month:?} and day of week \
         {day_of_week:?}: write * for one of the two"
    )]
    Days { day_of_month: String, day_of_week: String },
}
