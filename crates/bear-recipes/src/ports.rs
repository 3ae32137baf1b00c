//! Who listens on a port: the shell code that recipes share.

pub(crate) const CODE: &str = include_str!("sh/ports.sh");
