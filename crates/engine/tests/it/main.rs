//! The engine seen from outside: against real files, real faults and the real restic.

mod backup;
mod cancel;
mod check;
mod compatibility;
mod damage;
mod fixture;
mod forget;
mod init;
mod prune;
mod restore;
mod storage;
mod unreadable;
