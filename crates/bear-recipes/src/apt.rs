//! Packages by apt: the shell code that recipes share.

pub(crate) const CODE: &str = include_str!("sh/apt.sh");
