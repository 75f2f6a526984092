//! The program: sets up the process, and introduces the command line to its neighbours. Everything else is in the library.

mod rooms;

use nightlatch::cli::{self, Exit};
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    if color_eyre::install().is_err() || rustls::crypto::ring::default_provider().install_default().is_err() {
        return Exit::Fault.into();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            // Where the error stream is closed, nobody can be told.
            let why = format!("nightlatch: the runtime cannot be started: {error}\n  see ulimit -u and ulimit -n");
            let _ = writeln!(std::io::stderr(), "{why}");
            return Exit::Fault.into();
        }
    };
    // Not on the stack, where it would be moved, and what is touched there once stays in memory.
    let exit = runtime.block_on(Box::pin(cli::run(std::env::args_os(), rooms::ROOMS)));
    // A reading of standard input that nobody waits for must not hold the end up.
    runtime.shutdown_background();
    exit.into()
}
