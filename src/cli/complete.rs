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

/// Print the man page
#[derive(Debug, Clone, Default, Args)]
pub struct Man {}

impl Man {
    /// Prints it.
    pub fn run(cx: &Context) -> Outcome {
        let mut bytes = Vec::new();
        let made = clap_mangen::Man::new(super::Line::command()).render(&mut bytes);
        made.map_err(|e| Trouble::fault(format!("the man page cannot be made: {e}"), "report it"))?;
        cx.out.exact_text(&String::from_utf8_lossy(&bytes))?;
        Ok(Exit::Done)
    }
}
