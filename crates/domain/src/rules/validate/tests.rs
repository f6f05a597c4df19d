//! Refusals, proved.
