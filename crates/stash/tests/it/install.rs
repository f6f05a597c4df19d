//! Script, command and chart install the same.

mod chart;
mod refusals;
mod render;
mod same;
mod script;
