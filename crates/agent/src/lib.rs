//! Everything that runs beside the workload: schedule, session, report, push.
