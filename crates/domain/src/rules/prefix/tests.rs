//! Prefixes, proved.
