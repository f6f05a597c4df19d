//! Selection, proved.
