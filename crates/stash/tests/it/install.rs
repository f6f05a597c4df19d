//! Script, command and chart install the same.

mod chart;
mod cluster;
mod known;
mod refusals;
mod render;
mod same;
mod script;
