//! Opening a ticket in a browser: by argument list, never a shell, and only what is an address of the web.

use std::io;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// Who knows a browser, the first that is there.
const OPENERS: [&str; 4] = ["xdg-open", "open", "wslview", "sensible-browser"];
/// One that goes on for so long is a browser, and will not say how it went.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest address.
const LONGEST: usize = 2048;

/// How it went, as far as one can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// Whoever was asked says that it is open.
    Yes,
    /// It was handed to this program, which goes on and says nothing.
    HandedTo(&'static str),
}

/// Opens `address`, or says why not.
pub async fn open(address: &str) -> Result<Opened, String> {
    if !is_web(address) {
        return Err("only http and https addresses are opened".into());
    }
    // Without a screen there is no browser to open, and some would be text browsers in this very terminal.
    let screen = ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"].iter().any(|name| std::env::var_os(name).is_some());
    if !screen && !cfg!(target_os = "macos") {
        return Err("there is no screen to open it on".into());
    }
    open_by(&OPENERS, address, PATIENCE).await
}

async fn open_by(openers: &[&'static str], address: &str, patience: Duration) -> Result<Opened, String> {
    for opener in openers {
        let mut command = Command::new(opener);
        command.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // A group of its own: what stops or ends us does not stop it.
        command.process_group(0);
        match command.spawn() {
            Ok(mut child) => {
                // Some are the browser itself, and end with it.
                let ended = tokio::time::timeout(patience, child.wait()).await;
                return match ended {
                    Ok(Ok(status)) if status.success() => Ok(Opened::Yes),
                    Ok(Ok(status)) => Err(format!("{opener} failed ({status})")),
                    Ok(Err(error)) => Err(format!("{opener}: {error}")),
                    Err(_) => {
                        tokio::spawn(async move { child.wait().await });
                        Ok(Opened::HandedTo(opener))
                    }
                };
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{opener}: {error}")),
        }
    }
    Err(format!("none of {} is there", openers.join(", ")))
}

/// Whether it is an address that a browser may be given.
pub fn is_web(address: &str) -> bool {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    let plain = |ch: char| ch.is_ascii_graphic() && !"\"'`<>\\^{|}".contains(ch);
    rest.is_some_and(|rest| rest.starts_with(|ch: char| ch.is_ascii_alphanumeric() || ch == '['))
        && address.len() <= LONGEST
        && address.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_open_when_whoever_was_asked_says_so() {
        let open = |openers: &'static [&'static str], patience| open_by(openers, "1", Duration::from_secs(patience));
        assert_eq!(open(&["no-such-opener", "true"], 60).await, Ok(Opened::Yes));
        assert!(open(&["false", "true"], 60).await.unwrap_err().contains("false failed"));
        assert!(open(&["no-such-opener"], 60).await.unwrap_err().contains("none of no-such-opener"));
        assert_eq!(open(&["sleep"], 0).await, Ok(Opened::HandedTo("sleep")));
    }

    #[test]
    fn only_addresses_of_the_web_are_opened() {
        for good in ["https://tracker.example/INC-88", "http://localhost:3000/a?b=c&d=%20#e", "https://[::1]/x"] {
            assert!(is_web(good), "{good}");
        }
        for bad in [
            "",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https://",
            "https://-x",
            "HTTPS://a",
            "--help",
            "https://a/\n",
            "https://a b",
            "https://a/\u{1b}[2J",
            "https://a/'$(id)'",
            "https://ä",
        ] {
            assert!(!is_web(bad), "{bad}");
        }
        assert!(!is_web(&format!("https://a/{}", "x".repeat(3000))));
    }
}
