//! What other programs read about the commands: shell completions and the man page, made from the one table.

use super::Outcome;
use super::exit::{Exit, Trouble};
use super::link::Context;
use clap::{Args, CommandFactory};

/// Print completions for a shell
#[derive(Debug, Clone, Args)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

impl Completions {
    /// Prints them.
    pub fn run(&self, cx: &Context) -> Outcome {
        let mut bytes = Vec::new();
        clap_complete::generate(self.shell, &mut super::Line::command(), "nightlatch", &mut bytes);
        cx.out.exact_text(&String::from_utf8_lossy(&bytes))?;
        Ok(Exit::Done)
    }
}

/// Print the man page, of all or of one command
#[derive(Debug, Clone, Default, Args)]
pub struct Man {
    /// The command, such as approve or admin token create
    pub command: Vec<String>,
}

impl Man {
    /// Prints it.
    pub fn run(self, cx: &Context) -> Outcome {
        let mut command = super::Line::command();
        command.build();
        for word in &self.command {
            let Some(below) = command.find_subcommand(word) else {
                return Err(Trouble::usage(format!("{word} is no command"), "nightlatch --help lists them"));
            };
            command = below.clone();
        }
        let mut bytes = Vec::new();
        let made =
            clap_mangen::Man::new(command).source(concat!("nightlatch ", env!("CARGO_PKG_VERSION"))).render(&mut bytes);
        made.map_err(|e| Trouble::fault(format!("the man page cannot be made: {e}"), "report it"))?;
        cx.out.exact_text(&String::from_utf8_lossy(&bytes))?;
        Ok(Exit::Done)
    }
}
