//! A server of its own in a folder: its files, the real program, and the tokens of those who ask it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program: the one that `NIGHTLATCH_BENCH_PROGRAM` names, else the one that was built with this.
pub fn program() -> String {
    std::env::var("NIGHTLATCH_BENCH_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_nightlatch").to_owned())
}

/// The policy: `sam` decides what `priya` asks for one of many users, of a role on files; `slow` is a target that hangs.
pub fn policy(folder: &Path, users: usize) -> String {
    let mut text = String::from(
        r#"zone = "UTC"
[people.sam]
name = "Sam Lee"
title = "Head of Infrastructure"
[people.priya]
name = "Priya Shah"
[people.li]
name = "Li Wei"
duties = ["auditor"]
"#,
    );
    for user in 0..users {
        text.push_str(&format!("[people.u{user}]\nname = \"User {user}\"\n"));
    }
    for (system, provisioner) in [("payments", "files"), ("slow", "slow")] {
        text.push_str(&format!(
            r#"[systems.{system}]
name = "{system}"
environment = "production"
owner = "sam"
backup = "li"
hours = "always"
[[systems.{system}.roles]]
name = "restart"
allows = "Restart the workers"
provisioner = "{provisioner}"
"#
        ));
    }
    text.push_str("[provisioners.files]\nkind = \"files\"\nfolder = \"files\"\n");
    let slow = folder.join("slow").display().to_string();
    text.push_str(&format!("[provisioners.slow]\nkind = \"command\"\nargv = [\"{slow}\"]\nat_once = 64\n"));
    text
}

/// A program that gives at once, and hangs when it shall remove.
const SLOW: &str = r#"#!/bin/sh
cat > /dev/null
case "$1" in
remove) exec sleep 1000 ;;
observe) echo '{"present":true}' ;;
*) echo '{}' ;;
esac
"#;

/// A folder with a server's files, and the server, which ends with the value.
pub struct House {
    pub folder: PathBuf,
    pub address: String,
    server: Option<Child>,
}

impl House {
    /// Files of a fresh one; `store` is its url, and the policy knows so many users beside those who ask and decide.
    pub fn new(folder: PathBuf, store: &str, users: usize) -> Self {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("policy.toml"), policy(&folder, users)).unwrap();
        let unix =
            std::env::var_os("NIGHTLATCH_BENCH_UNIX").map(|_| format!("unix:{}", folder.join("socket").display()));
        let listen = unix.unwrap_or_else(|| "127.0.0.1:0".into());
        let server =
            format!("listen = \"{listen}\"\n[store]\nurl = \"{store}\"\n[limits]\nrequests_per_minute = 4000000000\n");
        std::fs::write(folder.join("server.toml"), server).unwrap();
        std::fs::write(folder.join("slow"), SLOW).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(folder.join("slow"), mode).unwrap();
        Self { folder, address: String::new(), server: None }
    }

    /// One that is there.
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), address: String::new(), server: None }
    }

    fn program(&self, words: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(words).arg("--config").arg(self.folder.join("server.toml")).env("NIGHTLATCH_LOG", "warn");
        command
    }

    /// Starts the server. From exec to listening it took so long.
    pub fn serve(&mut self) -> Duration {
        let log = std::fs::File::create(self.folder.join("log")).unwrap();
        let mut command = self.program(&["serve"]);
        command.stdout(Stdio::piped()).stderr(log);
        let begun = Instant::now();
        let mut server = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let took = begun.elapsed();
        self.address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        self.server = Some(server);
        took
    }

    pub fn pid(&self) -> u32 {
        self.server.as_ref().unwrap().id()
    }

    /// A fresh token of somebody.
    pub fn token(&self, person: &str) -> String {
        let out = self.program(&["admin", "token", "create", person]).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    /// Stops it as a system would.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let pid = rustix::process::Pid::from_raw(server.id() as i32).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let _ = server.wait();
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop();
    }
}
