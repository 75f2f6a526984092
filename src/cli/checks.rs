//! `checks score`: how well the checks judge labelled requests. For those who build them, so it is not in the help.

use super::Outcome;
use super::exit::{Exit, Trouble};
use super::link::Context;
use super::page::Page;
use crate::checks::score::{self, Figures};
use clap::Subcommand;
use std::path::{Path, PathBuf};

/// The largest file that is read.
const LARGEST: u64 = 64 * 1024 * 1024;

/// The approver's quick checks, measured
#[derive(Debug, Clone, Subcommand)]
pub enum Checks {
    /// Precision and recall on labelled requests, one JSON object a line
    Score {
        /// The labelled requests
        file: PathBuf,
        /// Print the weights fitted on our own texts and these instead
        #[arg(long)]
        fit: bool,
    },
}

impl Checks {
    /// Does it.
    pub fn run(self, cx: &Context) -> Outcome {
        let Self::Score { file, fit } = self;
        let text = read(&file)?;
        let bad = |fault: String| {
            Trouble::usage(format!("{}: {fault}", file.display()), "one labelled request a line, as JSON")
        };
        if fit {
            cx.out.exact_text(&score::weights(&text).map_err(bad)?)?;
            return Ok(Exit::Done);
        }
        let score = score::score(&text).map_err(bad)?;
        if cx.out.json {
            cx.out.json_value(&score)?;
        } else {
            let mut page = lines("", &score.whole);
            page.append(lines("cross-validated ", &score.cross_validated));
            cx.out.page(&page)?;
        }
        Ok(Exit::Done)
    }
}

fn read(file: &Path) -> Result<String, Trouble> {
    let fault =
        |what: String| Trouble::usage(format!("{}: {what}", file.display()), "name a file of labelled requests");
    let size = std::fs::metadata(file).map_err(|e| fault(e.to_string()))?.len();
    if size > LARGEST {
        return Err(fault(format!("is larger than {} MB", LARGEST / (1024 * 1024))));
    }
    std::fs::read_to_string(file).map_err(|e| fault(e.to_string()))
}

fn lines(before: &str, figures: &Figures) -> Page {
    let mut page = Page::new();
    for (label, figure) in figures.each() {
        page.line(format!(
            "{before}{label} precision {:.2} recall {:.2} of {}",
            figure.precision, figure.recall, figure.bad
        ));
    }
    page
}
