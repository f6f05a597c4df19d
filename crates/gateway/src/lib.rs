//! Keep the last push of each group and show it.
