//! Stopping, as Ctrl-Z and SIGTSTP ask for it: after the terminal was given back, and only where somebody could continue us.
//!
//! We hear SIGTSTP ourselves, so that the terminal is left first; so we also judge what the system judges otherwise: a job that
//! no shell looks after is not stopped by its terminal.

use rustix::process::{Pid, Signal, getpid, kill_current_process_group, kill_process};

/// So many parents are looked at.
const DEEPEST: usize = 64;

/// Stops this process, and with `job` whatever was started with it. Comes back when it was continued; at once, where nobody could.
pub fn stop(job: bool) {
    if !has_a_shell() {
        return;
    }
    if job {
        // The others of the job do as they like; we hear it too, and are about to stop anyway.
        let _ = kill_current_process_group(Signal::TSTP);
    }
    let _ = kill_process(getpid(), Signal::STOP);
}

/// Whether somebody outside the job, in the same session, started it: a shell that continues what it stopped.
fn has_a_shell() -> bool {
    let Some(own) = kin_of(getpid()) else { return false };
    let mut parent = own.parent;
    for _ in 0..DEEPEST {
        let Some(theirs) = Pid::from_raw(parent).and_then(kin_of) else { return false };
        if theirs.group != own.group {
            return theirs.session == own.session;
        }
        parent = theirs.parent;
    }
    false
}

/// What a process belongs to. A number is 0 where it is of another namespace, as a container's outside is.
#[derive(Debug, PartialEq, Eq)]
struct Kin {
    parent: i32,
    group: i32,
    session: i32,
}

/// Read as text: asked as calls, a group or session of another namespace is an answer that rustix 1.1 takes for impossible.
#[cfg(target_os = "linux")]
fn kin_of(pid: Pid) -> Option<Kin> {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    kin_in(&text)
}

/// Of a line of `/proc/PID/stat`.
#[cfg(target_os = "linux")]
fn kin_in(line: &str) -> Option<Kin> {
    // The name in brackets may hold anything; what follows the last bracket is state, parent, group and session.
    let (_, rest) = line.rsplit_once(')')?;
    let mut numbers = rest.split_whitespace().skip(1).map_while(|word| word.parse().ok());
    Some(Kin { parent: numbers.next()?, group: numbers.next()?, session: numbers.next()? })
}

/// Elsewhere there are no such namespaces; a parent's parent is not told, so a job of several programs is not stopped.
#[cfg(not(target_os = "linux"))]
fn kin_of(pid: Pid) -> Option<Kin> {
    use rustix::process::{getpgid, getppid, getsid};
    let parent = if pid == getpid() { Pid::as_raw(getppid()) } else { 0 };
    let (group, session) = (getpgid(Some(pid)).ok()?, getsid(Some(pid)).ok()?);
    Some(Kin { parent, group: group.as_raw_pid(), session: session.as_raw_pid() })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_belongs_to_is_read() {
        let own = kin_of(getpid()).unwrap();
        assert_eq!(Pid::from_raw(own.parent), rustix::process::getppid());
        assert_eq!(kin_in("7 (a ) name) S 1 0 0 34816 7 4194560"), Some(Kin { parent: 1, group: 0, session: 0 }));
        assert_eq!(kin_in("7 (a name) S"), None);
    }
}
