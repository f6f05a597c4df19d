//! Put bytes into a restic repository and get them back.
