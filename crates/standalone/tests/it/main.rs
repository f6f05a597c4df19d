//! Standalone mode from outside.

mod page;
