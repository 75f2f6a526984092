//! A click without a dashboard: opens that request in a terminal of its own. By argument list, never a shell; nothing of what a
//! request says is in it but its number.

use crate::access::RequestNumber;
use std::io;
use std::process::Stdio;
use tokio::process::Command;

/// How somebody wants a request opened.
#[derive(Debug, Clone, Default)]
pub struct Opener {
    /// The program and its arguments, `{id}` for the number; empty: whatever terminal there is.
    pub argv: Vec<String>,
    /// More of the environment, so that the same store is opened.
    pub env: Vec<(&'static str, String)>,
}

impl Opener {
    /// Opens it, or says why not.
    pub fn open(&self, number: RequestNumber) -> Result<(), String> {
        let said = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let own = std::env::current_exe().ok().and_then(|path| path.into_os_string().into_string().ok());
        let ways = ways(&self.argv, number, &said, &own.unwrap_or_else(|| "nightlatch".into()));
        for way in &ways {
            let Some((program, arguments)) = way.split_first() else { continue };
            match self.start(program, arguments) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(format!("{number} is not opened: {program}: {error}")),
            }
        }
        Err(format!("{number} is not opened: no terminal is known here; name one in [notify] open"))
    }

    fn start(&self, program: &str, arguments: &[String]) -> io::Result<()> {
        let mut command = Command::new(program);
        command.args(arguments).envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // A group of its own: it goes on when we end.
        command.process_group(0);
        let mut child = command.spawn()?;
        tokio::spawn(async move { child.wait().await });
        Ok(())
    }
}

/// What is tried, in turn.
fn ways(argv: &[String], number: RequestNumber, said: &dyn Fn(&str) -> Option<String>, own: &str) -> Vec<Vec<String>> {
    let id = number.0.to_string();
    if !argv.is_empty() {
        return vec![argv.iter().map(|word| word.replace("{id}", &id)).collect()];
    }
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    let mut ways = Vec::new();
    if said("DISPLAY").or_else(|| said("WAYLAND_DISPLAY")).is_some() {
        ways.push(words(&["xdg-terminal-exec", own, &id]));
        ways.extend(said("TERMINAL").map(|terminal| words(&[&terminal, "-e", own, &id])));
    }
    if said("TMUX").is_some() {
        ways.push(words(&["tmux", "new-window", own, &id]));
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_all_that_is_put_in() {
        let open = ["foot".to_owned(), "--title={id}".into(), "nightlatch".into(), "{id}".into()];
        let none = |_: &str| None;
        let all = |name: &str| Some(format!("my-{name}"));
        let tmux = |name: &str| (name == "TMUX").then(|| "x".to_owned());
        let ways = |argv: &[String], said: &dyn Fn(&str) -> Option<String>| {
            super::ways(argv, RequestNumber(142), said, "nl").iter().map(|way| way.join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(ways(&open, &all), ["foot --title=142 nightlatch 142"]);
        assert_eq!(ways(&[], &none), [""; 0]);
        assert_eq!(ways(&[], &tmux), ["tmux new-window nl 142"]);
        assert_eq!(ways(&[], &all), ["xdg-terminal-exec nl 142", "my-TERMINAL -e nl 142", "tmux new-window nl 142"]);
    }

    #[tokio::test]
    async fn it_is_started_or_said_why_not() {
        let opener = |argv: &[&str]| Opener { argv: argv.iter().map(|word| (*word).into()).collect(), env: vec![] };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("142");
        let path = folder.path().join("{id}").display().to_string();
        opener(&["touch", &path]).open(RequestNumber(142)).unwrap();
        for _ in 0..6000 {
            if file.exists() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert!(file.exists());
        let said = opener(&["no-such-terminal", "{id}"]).open(RequestNumber(142)).unwrap_err();
        assert!(said.contains("NL-142 is not opened"), "{said}");
    }
}
