//! Opening a ticket in a browser: by argument list, never a shell, and only what is an address of the web.

use std::io;
use std::process::Stdio;
use tokio::process::Command;

/// Who knows a browser, the first that is there.
const OPENERS: [&str; 4] = ["xdg-open", "open", "wslview", "sensible-browser"];
/// The longest address.
const LONGEST: usize = 2048;

/// Opens `address`, or says why not.
pub fn open(address: &str) -> Result<(), String> {
    if !is_web(address) {
        return Err("only http and https addresses are opened".into());
    }
    // Without a screen there is no browser to open, and some would be text browsers in this very terminal.
    let screen = ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"].iter().any(|name| std::env::var_os(name).is_some());
    if !screen && !cfg!(target_os = "macos") {
        return Err("there is no screen to open it on".into());
    }
    for opener in OPENERS {
        let mut command = Command::new(opener);
        command.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // A group of its own: what stops or ends us does not stop it.
        command.process_group(0);
        match command.spawn() {
            Ok(mut child) => {
                tokio::spawn(async move { child.wait().await });
                return Ok(());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{opener}: {error}")),
        }
    }
    Err(format!("none of {} is there", OPENERS.join(", ")))
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
