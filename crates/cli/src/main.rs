//! The program `chaffinch`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(chaffinch_cli::main_with(std::env::args_os()))
}
