//! The program behind `/opt/emqx/bin/emqx`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let words = std::env::args_os().skip(1).filter_map(|word| word.into_string().ok());
    // A variable that is no text is none of EMQX's.
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    ExitCode::from(bear_standin::run(words, variables))
}
