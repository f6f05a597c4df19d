//! Names, proved.
