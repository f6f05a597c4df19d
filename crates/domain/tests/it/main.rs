//! Black-box tests of the domain, in one binary.

mod objects;
