//! Verdicts of the parser on single lines.
